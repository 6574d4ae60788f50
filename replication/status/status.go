// Package status holds what a member says of its replication: the shapes that
// people and scripts read, alike on the admin socket and on the command line.
package status

import "time"

// Replication is the answer of `replication status`.
type Replication struct {
	Host    string   `json:"host"`
	Folders []Folder `json:"folders"`
}

// State is that of one folder on this member.
type State string

// The states of a folder.
const (
	InitialSync State = "initial-sync"
	Normal      State = "normal"
	Paused      State = "paused"
	Recovering  State = "recovering" // the index is being rebuilt
	Failed      State = "error"      // halted, or it cannot be started; Folder.Error says why
)

// Folder is one replicated folder on this member.
type Folder struct {
	Group  string `json:"group"`
	Folder string `json:"folder"`
	State  State  `json:"state"`
	// Opening says that the folder is only being opened, so that nothing but its
	// name is known of it; State is then Recovering.
	Opening bool   `json:"opening,omitempty"`
	Path    string `json:"path"`
	Files   int64  `json:"files"` // on disk, as far as the index knows
	Bytes   int64  `json:"bytes"`
	// Watch is how changes are heard: "fanotify", "inotify" or "scan".
	Watch string `json:"watch"`
	// Error is why the folder is halted, with the command that ends it; empty
	// when nothing is wrong.
	Error     string    `json:"error,omitempty"`
	Progress  *Progress `json:"progress,omitempty"` // of long work: nil when there is none
	Preserved Preserved `json:"preserved"`
	// UnreadFiles is how many paths could not be read when they were looked at
	// last, most often because a program has them open for writing: what is in
	// them does not replicate until it can be read. Unread lists the first of
	// them, the one that has waited longest first.
	UnreadFiles int64        `json:"unread_files,omitempty"`
	Unread      []Unread     `json:"unread,omitempty"`
	Connections []Connection `json:"connections"`
}

// Unread is a path of a folder that cannot be read now.
type Unread struct {
	Path    string  `json:"path"`
	Error   string  `json:"error"`
	Seconds float64 `json:"seconds"` // since it was first found so
}

// Preserved sums up the preserved store of a folder.
type Preserved struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	Quota int64 `json:"quota"` // 0: no bound
}

// Progress is how far a scan or an initial sync is.
type Progress struct {
	Phase string `json:"phase"` // "scanning", "waiting for a partner", "installing"
	// Done and Total count files and bytes; Total is 0 while it is not known.
	FilesDone      int64   `json:"files_done"`
	FilesTotal     int64   `json:"files_total"`
	BytesDone      int64   `json:"bytes_done"`
	BytesTotal     int64   `json:"bytes_total"`
	FilesPerSecond float64 `json:"files_per_second"`
	BytesPerSecond float64 `json:"bytes_per_second"`
	// SecondsLeft is an estimate; -1 while there is none.
	SecondsLeft float64 `json:"seconds_left"`
}

// ConnectionState is that of one way between two members.
type ConnectionState string

// The states of a connection.
const (
	Connected        ConnectionState = "connected"
	Connecting       ConnectionState = "connecting"
	ClosedBySchedule ConnectionState = "closed-by-schedule"
	ConnectionPaused ConnectionState = "paused"
)

// Connection is one way from a sending to a receiving member, one of which is
// this host. Backlog is what To lacks of what From holds.
type Connection struct {
	From          string          `json:"from"`
	To            string          `json:"to"`
	State         ConnectionState `json:"state"`
	BacklogFiles  int64           `json:"backlog_files"`
	BacklogBytes  int64           `json:"backlog_bytes"`
	OldestSeconds float64         `json:"oldest_seconds"` // age of the oldest change in the backlog
	SentBytes     uint64          `json:"sent_bytes"`     // on the wire, of the session that both ways share
	ReceivedBytes uint64          `json:"received_bytes"`
	LastError     string          `json:"last_error"`
}

// Backlog is the answer of `replication backlog` for one folder: what single
// files wait for, at most as many as were asked for.
type Backlog struct {
	Group  string `json:"group"`
	Folder string `json:"folder"`
	From   string `json:"from"`
	To     string `json:"to"`
	Files  int64  `json:"files"`
	Bytes  int64  `json:"bytes"`
	// OldestSeconds is the age of the oldest change in it.
	OldestSeconds float64 `json:"oldest_seconds"`
	// SecondsLeft estimates when nothing is owed any more, by how it shrank in the
	// last seconds; -1 where it does not shrink.
	SecondsLeft float64       `json:"seconds_left"`
	Items       []BacklogItem `json:"items"`
}

// BacklogItem is one file of a backlog.
type BacklogItem struct {
	Path       string  `json:"path"` // as this member has it; the name alone where the folder above is unheard of
	Kind       string  `json:"kind"`
	Deleted    bool    `json:"deleted,omitempty"`
	Bytes      int64   `json:"bytes"`
	AgeSeconds float64 `json:"age_seconds"`
	Reason     string  `json:"reason"` // such as "fetching", "no space on this member", "not yet confirmed by fs2"
}

// File is the answer of `replication inspect`: what this member knows of one
// path.
type File struct {
	Group    string            `json:"group"`
	Folder   string            `json:"folder"`
	Path     string            `json:"path"`
	ID       string            `json:"id"`
	Kind     string            `json:"kind"`
	Deleted  bool              `json:"deleted"`
	Settled  bool              `json:"settled"` // what is on disk is the latest that this member heard of
	Version  string            `json:"version"` // the stamp on disk
	Latest   string            `json:"latest"`  // the stamp of the latest version heard of
	MadeBy   string            `json:"made_by"` // the member that made the version on disk; empty where unknown
	Changed  time.Time         `json:"changed"`
	Size     int64             `json:"size"`
	Hash     string            `json:"hash"`
	Mode     string            `json:"mode"`
	UID      uint32            `json:"uid"`
	GID      uint32            `json:"gid"`
	Modified time.Time         `json:"modified"`
	Xattrs   []string          `json:"xattrs"`
	HeldBy   map[string]string `json:"held_by"` // member to "yes", "no" or "unknown"
	Waiting  string            `json:"waiting"` // what an unsettled file waits for
}

// PreservedFile is one file of the preserved store.
type PreservedFile struct {
	Group  string    `json:"group"`
	Folder string    `json:"folder"`
	ID     string    `json:"id"`
	When   time.Time `json:"when"`
	Why    string    `json:"why"`
	By     string    `json:"by"` // the member whose version took its place; empty when unknown
	Path   string    `json:"path"`
	Size   int64     `json:"size"`
	Kind   string    `json:"kind"`
}
