package fsx

import "sync"

// Call is one call of the seam as a policy sees it, before it is made.
type Call struct {
	N    int    // from 1, over all handles of one Injector
	Op   Op     // which call
	Path string // from the root that was opened; "." is the root itself
	To   string // of Rename and Link: the new path; of SetXattr: the attribute
	How  RenameMode
}

// String returns the call as traces show it: "rename a b noreplace".
func (c Call) String() string {
	s := c.Op.String() + " " + c.Path
	if c.To != "" {
		s += " " + c.To
	}
	if c.Op == OpRename {
		s += " " + c.How.String()
	}
	return s
}

// A Policy looks at a call and returns the error that it shall fail with, or
// nil to let it be made. Calls come one at a time.
type Policy func(Call) error

// Inject returns a file system whose calls ask policy first. The handles that
// it gives know each other: Rename, Link, CopyFrom and Clone work between
// them.
func Inject(below FS, policy Policy) FS {
	return &injected{below: below, injector: &injector{policy: policy}}
}

// FailNth is the policy by which the Nth call fails with class, counted from
// 1 over the calls that match (nil: all).
func FailNth(n int, class error, match func(Call) bool) Policy {
	return func(c Call) error {
		if match != nil && !match(c) {
			return nil
		}
		n--
		if n == 0 {
			return refuse(c.Op, c.Path, class)
		}
		return nil
	}
}

// FailFrom is the policy by which the Nth call and all after it fail with
// class: a disk that has gone.
func FailFrom(n int, class error) Policy {
	return func(c Call) error {
		if c.N >= n {
			return refuse(c.Op, c.Path, class)
		}
		return nil
	}
}

// FailOp is the policy by which each call of one operation fails.
func FailOp(op Op, class error) Policy {
	return func(c Call) error {
		if c.Op == op {
			return refuse(c.Op, c.Path, class)
		}
		return nil
	}
}

// injector counts the calls and asks the policy.
type injector struct {
	mu     sync.Mutex
	n      int
	policy Policy
}

func (i *injector) ask(c Call) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.n++
	c.N = i.n
	return i.policy(c)
}

type injected struct {
	*injector
	below FS
}

func (i *injected) OpenRoot(path string) (Dir, error) {
	if err := i.ask(Call{Op: OpOpenRoot, Path: path}); err != nil {
		return nil, err
	}
	d, err := i.below.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &injectedDir{injectedHandle{i.injector, ".", d}, d}, nil
}
