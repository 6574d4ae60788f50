package namespace

// table numbers values in the order of their coming, equal ones alike.
type table[V comparable] struct {
	ids    map[V]uint32
	values []V
	clone  func(V) V
}

// newTable returns a table that holds some values. clone copies what a value
// points to, so that the table keeps nothing of its caller's memory.
func newTable[V comparable](clone func(V) V, values ...V) table[V] {
	t := table[V]{ids: make(map[V]uint32), clone: clone}
	for _, v := range values {
		t.id(v)
	}
	return t
}

// id returns the number of v.
func (t *table[V]) id(v V) uint32 {
	id, ok := t.ids[v]
	if !ok {
		v = t.clone(v)
		id = uint32(len(t.values))
		t.ids[v] = id
		t.values = append(t.values, v)
	}
	return id
}
