package index

import (
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"
)

// Options of Open. The zero value works.
type Options struct {
	// Cache is the memory for blocks read, in bytes; 0 stands for 32 MiB. Write
	// buffers take up to half as much again, at least 2 MiB and at most 32 MiB.
	Cache int64
	// Boot names this run of the operating system, such as Linux's boot_id:
	// Opening.SameBoot compares it. Empty is never the same.
	Boot string
	// Device is the number that the folder's file system has now. It may be
	// another one after each mount: facts of the numbers before are taken for
	// facts of this one. 0: nothing is known of it.
	Device uint64
	Log    *zap.Logger // nil: no log
	FS     vfs.FS      // nil: the operating system's
}

const (
	defaultCache    = 32 << 20
	leastMemTable   = 1 << 20
	largestMemTable = 16 << 20
	indexBlock      = 256 << 10 // so that the index of a table has one level
)

func (o Options) filled() Options {
	if o.Cache <= 0 {
		o.Cache = defaultCache
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	return o
}

// store returns the options of the store below the index.
func (o Options) store(h *health) *pebble.Options {
	s := &pebble.Options{
		FS:                 o.FS,
		CacheSize:          o.Cache,
		MemTableSize:       uint64(min(max(o.Cache/4, leastMemTable), largestMemTable)),
		FormatMajorVersion: pebble.FormatTableFormatV6,
		Logger:             storeLog{h},
		MaxOpenFiles:       500,
		EventListener: &pebble.EventListener{
			DataCorruption:  func(i pebble.DataCorruptionInfo) { _ = h.damage(i.Details) },
			BackgroundError: func(err error) { _ = h.judge(err) },
		},
	}
	for i := range s.Levels {
		s.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		s.Levels[i].IndexBlockSize = indexBlock
		s.Levels[i].Compression = func() *block.CompressionProfile { return block.FastCompression }
	}
	return s
}
