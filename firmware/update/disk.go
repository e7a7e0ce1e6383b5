package update

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"kensa/vision/durable"
)

// disk is what the package does to the file system, each method one step that is
// on the disk when it returns. A power cut leaves a step undone, done, or, where
// it says so, half done.
type disk interface {
	// Replace writes a small file, wholly or not at all.
	Replace(path string, data []byte) error
	// Write writes a new file; half done: a part of it.
	Write(path string, mode os.FileMode, from io.Reader) (int64, error)
	Mkdir(path string) error
	// RemoveAll removes a folder; half done: some of its files.
	RemoveAll(path string) error
	Rename(from, to string) error
	// Link replaces a symbolic link, wholly or not at all.
	Link(target, path string) error
}

type realDisk struct{}

func (realDisk) Replace(path string, data []byte) error {
	return durable.WriteFile(path, 0o644, func(w io.Writer) error { _, err := w.Write(data); return err })
}

func (realDisk) Write(path string, mode os.FileMode, from io.Reader) (n int64, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(f, from)
	if err == nil {
		err = f.Sync()
	}
	return n, errors.Join(err, f.Close())
}

func (realDisk) Mkdir(path string) error {
	return errors.Join(os.Mkdir(path, 0o755), durable.SyncFolder(filepath.Dir(path)))
}

func (realDisk) RemoveAll(path string) error {
	return errors.Join(os.RemoveAll(path), durable.SyncFolder(filepath.Dir(path)))
}

// Rename syncs the folder that is renamed too: its files' names must be there
// before its own.
func (realDisk) Rename(from, to string) error {
	if err := durable.SyncFolder(from); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return durable.SyncFolder(filepath.Dir(to))
}

func (realDisk) Link(target, path string) error {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, next); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	return durable.SyncFolder(filepath.Dir(path))
}
