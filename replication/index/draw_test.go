package index

import (
	"pgregory.net/rapid"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// The worlds that changes are drawn from are small, so that they meet.
const (
	someFiles   = 8
	someOrigins = 3
	someHashes  = 4
	someInodes  = 4
)

var (
	someNames = []string{"a", "A", "ab", "b", "\u00e9", "\xff", "\xff\xff"}
	someDirs  = []replication.FileID{replication.RootID, fileID(1), fileID(someFiles + 1), reconcile.HoldID, {0: 0xff, 1: 0xff, 15: 0xff}}
)

func drawStamp(t *rapid.T) version.Stamp {
	return version.Stamp{
		Origin: originOf(rapid.IntRange(1, someOrigins).Draw(t, "origin")),
		Count:  uint64(rapid.IntRange(1, 9).Draw(t, "count")),
	}
}

func drawVector(t *rapid.T) version.Vector {
	var v version.Vector
	for range rapid.IntRange(0, 3).Draw(t, "stamps") {
		v = v.With(drawStamp(t))
	}
	return v
}

func drawID(t *rapid.T) replication.FileID {
	return fileID(rapid.IntRange(1, someFiles).Draw(t, "file"))
}

func drawPlace(t *rapid.T) reconcile.Place {
	return reconcile.Place{Parent: rapid.SampledFrom(someDirs).Draw(t, "parent"), Name: rapid.SampledFrom(someNames).Draw(t, "name")}
}

func drawRecord(t *rapid.T, id replication.FileID) replication.Record {
	stamp, p := drawStamp(t), drawPlace(t)
	r := replication.Record{
		ID: id, Parent: p.Parent, Name: p.Name, Kind: replication.Directory,
		Stamp: stamp, History: version.Vector{}.With(stamp), Created: 1, Clock: rapid.Int64Range(1, 99).Draw(t, "clock"),
	}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		r.Deleted = true
	case 1:
		r.Deleted, r.Displaced = true, true
		r.Into = rapid.SampledFrom(someDirs).Draw(t, "into")
	case 2:
		r.Attr = replication.Attr{Mode: 0o755, Xattrs: []replication.Xattr{{Name: "user.a", Value: []byte{1}}, {Name: "user.b", Value: []byte{}}}}
	case 3:
		r.Kind, r.Target = replication.Symlink, rapid.SampledFrom(someNames).Draw(t, "target")
	default:
		r.Kind = replication.File
		r.Size = rapid.Int64Range(0, 1e6).Draw(t, "size")
		r.Hash = hashOf(rapid.IntRange(1, someHashes).Draw(t, "hash"))
	}
	return r
}

func drawEntry(t *rapid.T) reconcile.Entry {
	e := reconcile.Entry{ID: drawID(t)}
	e.Known = drawRecord(t, e.ID)
	e.Wanted = rapid.Bool().Draw(t, "wanted")
	switch rapid.IntRange(0, 3).Draw(t, "disk") {
	case 0:
		e.At = rapid.SampledFrom([]reconcile.Place{{}, drawPlace(t)}).Draw(t, "at")
	case 1:
		e.OnRecord, e.Disk = true, drawRecord(t, e.ID)
		e.At = rapid.SampledFrom([]reconcile.Place{{}, placeOf(&e.Disk), placeOf(&e.Known), drawPlace(t)}).Draw(t, "at")
	default:
		e.OnRecord, e.Disk, e.At = true, e.Known, placeOf(&e.Known)
	}
	switch rapid.IntRange(0, 5).Draw(t, "shape") {
	case 0:
		e.Pending, e.Since, e.Own = true, drawVector(t), uint64(rapid.IntRange(0, 300).Draw(t, "own"))
	case 1:
		doing := drawRecord(t, e.ID)
		e.Doing = &doing
	case 2:
		e.Foreign = true
		e.Disk.Stamp, e.Disk.History = version.Stamp{}, version.Vector{}
		if !e.OnRecord {
			e.Disk = replication.Record{}
		}
	}
	return e
}

func drawMeta(t *rapid.T) reconcile.Meta {
	return reconcile.Meta{
		Phase:   reconcile.Phase(rapid.IntRange(0, int(reconcile.Normal)).Draw(t, "phase")),
		Primary: rapid.Bool().Draw(t, "primary"), Origin: originOf(1),
		Count: rapid.Uint64().Draw(t, "count"), Fence: rapid.Uint32().Draw(t, "fence"),
		Seen: drawVector(t), Held: drawVector(t),
	}
}

func drawFacts(t *rapid.T) Facts {
	return Facts{
		ID: drawID(t), Dev: 1, Inode: uint64(rapid.IntRange(1, someInodes).Draw(t, "inode")),
		Birth: rapid.Int64().Draw(t, "birth"), Changed: rapid.Int64().Draw(t, "changed"),
		Modified: rapid.Int64().Draw(t, "modified"), Size: rapid.Int64Range(0, 1e9).Draw(t, "size"),
	}
}

func drawPeer(t *rapid.T) Peer {
	return Peer{
		Name:      rapid.SampledFrom([]string{"ber", "par"}).Draw(t, "peer"),
		Knowledge: drawVector(t), Heard: rapid.Int64().Draw(t, "heard"),
	}
}

func drawList(t *rapid.T) List {
	return List{
		Hash:      hashOf(rapid.IntRange(1, someHashes).Draw(t, "hash")),
		Grain:     rapid.SampledFrom([]Grain{Coarse, Fine}).Draw(t, "grain"),
		Data:      rapid.SliceOfN(rapid.Byte(), 1, 5).Draw(t, "list"),
		HasTraits: rapid.Bool().Draw(t, "traits"),
	}
}
