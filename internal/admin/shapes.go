package admin

// Explanation is the referral that one client gets, and why.
type Explanation struct {
	Path         string            `json:"path"`      // UNC, as asked
	Namespace    string            `json:"namespace"` // its configured spelling
	Folder       string            `json:"folder"`    // within the namespace; "" for the root
	PathConsumed int               `json:"path_consumed"`
	TTLSeconds   int               `json:"ttl_seconds"`
	Failback     bool              `json:"failback"`
	Client       ExplainedClient   `json:"client"`
	Targets      []ExplainedTarget `json:"targets"` // in referral order
	Excluded     []Excluded        `json:"excluded"`
}

// ExplainedClient is where the client was taken to be. Site and Subnet are ""
// where they are unknown.
type ExplainedClient struct {
	IP     string `json:"ip"`
	Site   string `json:"site"`
	Subnet string `json:"subnet"`
}

// ExplainedTarget is one target of a referral. Cost is nil where the site of
// the client or of the target is unknown, or no route joins them. Set counts
// target sets from 0.
type ExplainedTarget struct {
	Path     string  `json:"path"`
	Site     string  `json:"site"`
	Cost     *uint32 `json:"cost"`
	Priority string  `json:"priority"`
	Rank     int     `json:"rank"`
	Set      int     `json:"set"`
	State    string  `json:"state"`
	Reason   string  `json:"reason"`
}

// Excluded is a target that is not given out.
type Excluded struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// SiteAnswer says where an address is; "" for what is unknown.
type SiteAnswer struct {
	IP     string `json:"ip"`
	Subnet string `json:"subnet"`
	Site   string `json:"site"`
}

// CostAnswer is the cheapest route between two sites. Where none leads there,
// the question ends in ErrNotFound.
type CostAnswer struct {
	From  string   `json:"from"`
	To    string   `json:"to"`
	Cost  uint32   `json:"cost"`
	Route []string `json:"route"`
}

// SiteList is the topology.
type SiteList struct {
	Sites   []string     `json:"sites"`
	Subnets []SubnetItem `json:"subnets"`
	Links   []LinkItem   `json:"links"`
	// SiteSources says of each site where it comes from: "configuration" or
	// "directory".
	SiteSources map[string]string `json:"site_sources"`
}

// SubnetItem is a subnet of a SiteList.
type SubnetItem struct {
	Prefix string `json:"prefix"`
	Site   string `json:"site"`
	Source string `json:"source"` // "configuration" or "directory"
}

// LinkItem is a site link of a SiteList.
type LinkItem struct {
	Name  string   `json:"name"`
	Sites []string `json:"sites"`
	Cost  uint32   `json:"cost"`
	// Source is "configuration" or "directory".
	Source string `json:"source"`
}

// NamespaceItem is a namespace in short.
type NamespaceItem struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Comment    string `json:"comment"`
	State      string `json:"state"`
	TTLSeconds int    `json:"ttl_seconds"`
	Ordering   string `json:"ordering"`
	InSiteOnly bool   `json:"in_site_only"`
	Failback   bool   `json:"failback"`
	Folders    int    `json:"folders"`
	// Degraded counts the folders of which a target that the configuration has
	// online is not up.
	Degraded int `json:"degraded"`
}

// NamespaceAnswer is a namespace with its folders.
type NamespaceAnswer struct {
	NamespaceItem
	Links []FolderItem `json:"links"`
}

// FolderItem is a folder with targets.
type FolderItem struct {
	Path       string       `json:"path"`
	Comment    string       `json:"comment"`
	State      string       `json:"state"`
	TTLSeconds int          `json:"ttl_seconds"`
	InSiteOnly bool         `json:"in_site_only"`
	Failback   bool         `json:"failback"`
	Targets    []TargetItem `json:"targets"`
}

// TargetItem is a target with the site it is taken to be in.
type TargetItem struct {
	Path  string `json:"path"`
	Site  string `json:"site"`
	State string `json:"state"` // as configured: online or offline
	// Present is what referrals take it for: up, lagging, down, drained or
	// offline; and Reason why.
	Present  string `json:"present"`
	Reason   string `json:"reason"`
	Priority string `json:"priority"`
	Rank     int    `json:"rank"`
}

// Configuration says which configuration a daemon runs.
type Configuration struct {
	File   string `json:"file"`
	Host   string `json:"host"`
	Digest string `json:"digest"` // SHA-256 of the file's bytes, in hex
	Loaded string `json:"loaded"` // RFC 3339
	// RestartNeeded names the sections of which something counts from the next
	// start of the daemon only.
	RestartNeeded []string `json:"restart_needed,omitempty"`
}
