package namespace

import (
	"fmt"
	"strings"
)

// Type says where a namespace lives.
type Type uint8

// The types of namespace.
const (
	Standalone Type = iota
	Domain
)

var typeNames = []string{Standalone: "standalone", Domain: "domain"}

func (t Type) String() string { return nameOf(typeNames, t) }

// MarshalText returns the name that the configuration uses.
func (t Type) MarshalText() ([]byte, error) { return marshal(typeNames, t) }

// UnmarshalText accepts the names that the configuration uses.
func (t *Type) UnmarshalText(text []byte) error { return unmarshal(typeNames, t, text) }

// Ordering is the order of targets of equal priority ([MS-DFSC] 3.2.1.1 and
// 3.2.1.2): by site cost, or the client's own site first and the rest at random.
type Ordering uint8

// The orderings.
const (
	SiteCost Ordering = iota
	Random
)

var orderingNames = []string{SiteCost: "site-cost", Random: "random"}

func (o Ordering) String() string { return nameOf(orderingNames, o) }

// MarshalText returns the name that the configuration uses.
func (o Ordering) MarshalText() ([]byte, error) { return marshal(orderingNames, o) }

// UnmarshalText accepts the names that the configuration uses.
func (o *Ordering) UnmarshalText(text []byte) error { return unmarshal(orderingNames, o, text) }

// State says whether a root, a link or a target is given out in referrals.
type State uint8

// The states.
const (
	Online State = iota
	Offline
)

var stateNames = []string{Online: "online", Offline: "offline"}

func (s State) String() string { return nameOf(stateNames, s) }

// MarshalText returns the name that the configuration uses.
func (s State) MarshalText() ([]byte, error) { return marshal(stateNames, s) }

// UnmarshalText accepts the names that the configuration uses.
func (s *State) UnmarshalText(text []byte) error { return unmarshal(stateNames, s, text) }

// Class is a target's priority class. The numbers are those of [MS-DFSNM] and of
// stored metadata (DFS_TARGET_PRIORITY_CLASS); they are not the order of
// precedence, which is GlobalHigh, SiteCostHigh, SiteCostNormal, SiteCostLow,
// GlobalLow.
type Class uint8

// The priority classes.
const (
	SiteCostNormal Class = iota
	GlobalHigh
	SiteCostHigh
	SiteCostLow
	GlobalLow
)

var classNames = []string{
	SiteCostNormal: "site-cost-normal",
	GlobalHigh:     "global-high",
	SiteCostHigh:   "site-cost-high",
	SiteCostLow:    "site-cost-low",
	GlobalLow:      "global-low",
}

func (c Class) String() string { return nameOf(classNames, c) }

// MarshalText returns the name that the configuration uses.
func (c Class) MarshalText() ([]byte, error) { return marshal(classNames, c) }

// UnmarshalText accepts the names that the configuration uses.
func (c *Class) UnmarshalText(text []byte) error { return unmarshal(classNames, c, text) }

func nameOf[T ~uint8](names []string, v T) string {
	if int(v) >= len(names) {
		return fmt.Sprintf("%T(%d)", v, uint8(v))
	}
	return names[v]
}

func marshal[T ~uint8](names []string, v T) ([]byte, error) {
	if int(v) >= len(names) {
		return nil, fmt.Errorf("no name for %s", nameOf(names, v))
	}
	return []byte(names[v]), nil
}

func unmarshal[T ~uint8](names []string, v *T, text []byte) error {
	for i, name := range names {
		if string(text) == name {
			*v = T(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", text, strings.Join(names, ", "))
}
