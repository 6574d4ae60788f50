package wire

import "dfsd/replication/version"

// Knowledge tells what a member knows and holds of one folder.
type Knowledge struct {
	Folder FolderKey
	Origin version.Origin // under which it stamps its own changes; zero while it is starting
	Known  version.Vector // versions whose records it has
	Held   version.Vector // versions whose content it has as well
}

// Type is TypeKnowledge.
func (Knowledge) Type() Type { return TypeKnowledge }

// Append writes folder, origin, Known and Held.
func (k Knowledge) Append(b []byte) []byte {
	b = append(append(b, k.Folder[:]...), k.Origin[:]...)
	return k.Held.Append(k.Known.Append(b))
}

func parseKnowledge(r *reader) Message {
	k := Knowledge{Folder: r.folder()}
	copy(k.Origin[:], r.Take(len(k.Origin), "origin"))
	k.Known, k.Held = r.vector("known"), r.vector("held")
	return k
}

// WantRecords asks for the records that Known does not cover, as Records of
// many parts.
type WantRecords struct {
	Folder FolderKey
	Known  version.Vector
}

// Type is TypeWantRecords.
func (WantRecords) Type() Type { return TypeWantRecords }

// Append writes folder and Known.
func (w WantRecords) Append(b []byte) []byte { return w.Known.Append(append(b, w.Folder[:]...)) }

func parseWantRecords(r *reader) Message { return WantRecords{r.folder(), r.vector("known")} }
