package referral

import "fmt"

// Reason is why a target stands where it does, or is left out. Referral.Why and
// Referral.WhyNot put it into a sentence.
type Reason uint8

// The reasons for a place.
const (
	ThisServer        Reason = iota // the root target is the server that was asked
	SameSite                        // target and client are in one site
	RouteCost                       // a route of Place.Cost leads to the target's site
	OtherSite                       // the namespace orders at random, so cost does not count
	NoRoute                         // no route leads to the target's site
	ClientSiteUnknown               // the client is in no known site
	TargetSiteUnknown               // the target is in no known site
)

// The reasons for an exclusion.
const (
	TargetOffline Reason = iota + 16
	TargetDrained
	FolderOffline
	InSiteOnlyNamespace // not in the client's site, and the namespace wants that
	InSiteOnlyFolder    // not in the client's site, and the folder wants that
)

var reasonNames = map[Reason]string{
	ThisServer:          "this-server",
	SameSite:            "same-site",
	RouteCost:           "route-cost",
	OtherSite:           "other-site",
	NoRoute:             "no-route",
	ClientSiteUnknown:   "client-site-unknown",
	TargetSiteUnknown:   "target-site-unknown",
	TargetOffline:       "target-offline",
	TargetDrained:       "target-drained",
	FolderOffline:       "folder-offline",
	InSiteOnlyNamespace: "in-site-only-namespace",
	InSiteOnlyFolder:    "in-site-only-folder",
}

func (r Reason) String() string {
	if name, ok := reasonNames[r]; ok {
		return name
	}
	return fmt.Sprintf("reason %d", uint8(r))
}
