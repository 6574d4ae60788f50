package main

import (
	"fmt"
	"io"
	"os"
)

// maxSecret bounds a file with a secret, in bytes.
const maxSecret = 64 << 10

// readSecret reads the file with a secret that a setting names, unless others may
// read it too.
func readSecret(setting, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", setting, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("read %s: %w", setting, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", withHint(fmt.Errorf("%s %s can be read by others", setting, path), "chmod 600 %s", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", setting, err)
	}
	if len(text) > maxSecret {
		return "", fmt.Errorf("%s %s is longer than %d bytes", setting, path, maxSecret)
	}
	return string(text), nil
}
