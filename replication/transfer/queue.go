package transfer

// queue holds jobs in the order in which they came. It is no safer than what
// holds it.
type queue struct {
	jobs []*job
	head int
}

func (q *queue) push(j *job) { q.jobs = append(q.jobs, j) }

// peek returns the first job that lives, or nil.
func (q *queue) peek() *job {
	for q.head < len(q.jobs) {
		if j := q.jobs[q.head]; !j.dead {
			return j
		}
		q.pop()
	}
	return nil
}

// pop takes the first entry out.
func (q *queue) pop() {
	q.jobs[q.head] = nil
	q.head++
	if q.head > len(q.jobs)/2 && q.head >= 64 || q.head == len(q.jobs) {
		n := copy(q.jobs, q.jobs[q.head:])
		clear(q.jobs[n:])
		q.jobs, q.head = q.jobs[:n], 0
	}
}

// scanMost is how far find looks.
const scanMost = 1024

// find takes out the first living job that fits, of those at the front.
func (q *queue) find(fits func(*job) bool) *job {
	q.peek()
	for i := q.head; i < min(len(q.jobs), q.head+scanMost); i++ {
		j := q.jobs[i]
		if j.dead || !fits(j) {
			continue
		}
		copy(q.jobs[q.head+1:i+1], q.jobs[q.head:i])
		q.pop()
		return j
	}
	return nil
}
