// Package event names what happens in a dfsd that an administrator may want to
// know of: one stable identifier each, which stands in the log and has a chapter
// in docs/events.md; and remembers the latest of them.
package event

import "go.uber.org/zap"

// ID names one kind of event. It never changes its meaning; one that is no
// longer used is not given again.
type ID string

// The events. What each means and what to do about it: docs/events.md.
const (
	Serving ID = "DFSD-SERVE-0001"
	Stopped ID = "DFSD-SERVE-0002"

	ConfigurationRead    ID = "DFSD-CONFIG-0001"
	ConfigurationRefused ID = "DFSD-CONFIG-0002"
	RestartNeeded        ID = "DFSD-CONFIG-0003"
	LeftOut              ID = "DFSD-CONFIG-0004"

	AuditUnwritable ID = "DFSD-AUDIT-0001"

	DirectoryUnread ID = "DFSD-DIRECTORY-0001"
	TopologyRead    ID = "DFSD-DIRECTORY-0002"
	OddObject       ID = "DFSD-DIRECTORY-0003"
	SnapshotUnkept  ID = "DFSD-DIRECTORY-0004"

	KeytabUnreadable ID = "DFSD-SMB-0001"
	UsersUnreadable  ID = "DFSD-SMB-0002"
	LogonFailed      ID = "DFSD-SMB-0003"

	PartnerConnected    ID = "DFSD-REPLICATION-0001"
	PartnerDisconnected ID = "DFSD-REPLICATION-0002"
	FolderHalted        ID = "DFSD-REPLICATION-0003"
	IndexRebuilt        ID = "DFSD-REPLICATION-0004"
	NotInstalled        ID = "DFSD-REPLICATION-0005"
	ContentGone         ID = "DFSD-REPLICATION-0006"
	PausingSet          ID = "DFSD-REPLICATION-0007"
	PartnerAtFault      ID = "DFSD-REPLICATION-0008"
	IndexBegun          ID = "DFSD-REPLICATION-0009"

	TargetDemoted   ID = "DFSD-TARGET-0001"
	TargetRestored  ID = "DFSD-TARGET-0002"
	TargetTakenOut  ID = "DFSD-TARGET-0003"
	DecisionMade    ID = "DFSD-TARGET-0004"
	DecisionCleared ID = "DFSD-TARGET-0005"
	DrainFinished   ID = "DFSD-TARGET-0006"
)

// Field is the log field that says which event a line is of.
func (id ID) Field() zap.Field { return zap.String("event_id", string(id)) }
