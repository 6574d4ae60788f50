package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	page := func(w io.Writer) error {
		_, err := io.WriteString(w, "page")
		return err
	}
	plain, link, pipe := filepath.Join(dir, "plain"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.WriteFile(plain, []byte("before"), 0o600), os.Symlink("plain", link), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(link, page); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is no link any more: %v, %v", st, err)
	}
	if text, err := os.ReadFile(plain); err != nil || string(text) != "page" {
		t.Errorf("behind the link stands %q, %v", text, err)
	}
	if err := writeFile(plain, func(io.Writer) error { return io.ErrClosedPipe }); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a page that cannot be made = %v", err)
	}
	if text, err := os.ReadFile(plain); err != nil || string(text) != "page" {
		t.Errorf("after a page that cannot be made stands %q, %v", text, err)
	}

	read := make(chan []byte, 1)
	go func() {
		text, _ := os.ReadFile(pipe) // the comparison below tells
		read <- text
	}()
	if err := writeFile(pipe, page); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(pipe); err != nil || st.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("the pipe is none any more: %v, %v", st, err)
	}
	if got := <-read; !bytes.Equal(got, []byte("page")) {
		t.Errorf("through the pipe comes %q", got)
	}

	if err := writeFile(dir, page); err == nil {
		t.Error("a folder is written to")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
