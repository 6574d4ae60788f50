package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dfsd/internal/durable"
)

// memo is what a folder remembers beside its index, and must not lose with it.
type memo struct {
	Group  string `json:"group"`
	Folder string `json:"folder"`
	Path   string `json:"path"`
	// Marker is the name of the directory that this folder is (install.Options).
	Marker string `json:"marker"`
	Paused bool   `json:"paused"`
}

const memoFile = "folder.json"

func readMemo(dir string) (m memo, err error) {
	b, err := os.ReadFile(filepath.Join(dir, memoFile))
	if errors.Is(err, fs.ErrNotExist) {
		return memo{}, nil
	}
	if err != nil {
		return memo{}, fmt.Errorf("read what is remembered of the folder: %w", err)
	}
	text, sum, ok := strings.Cut(string(b), sumMark)
	if !ok || strings.TrimSpace(sum) != sumOf(text) || json.Unmarshal([]byte(text), &m) != nil {
		return memo{}, nil // damaged: the folder's own marker says the same
	}
	return m, nil
}

// sumMark stands between the memo and its checksum.
const sumMark = "\ncrc32c "

func sumOf(text string) string {
	return fmt.Sprintf("%08x", crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)))
}

// write replaces the memo durably.
func (m memo) write(dir string) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	err = durable.Replace(filepath.Join(dir, memoFile), []byte(string(b)+sumMark+sumOf(string(b))+"\n"))
	if err != nil {
		return fmt.Errorf("remember the folder: %w", err)
	}
	return nil
}
