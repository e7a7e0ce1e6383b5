package durable_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kensa/vision/durable"
)

func say(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func TestWriteFileReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.bin")
	for _, text := range []string{"first", "second, longer", ""} {
		if err := durable.WriteFile(path, 0o640, say(text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Fatalf("read %q, %v; want %q", got, err, text)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v; want 0640", info.Mode(), err)
	}
}

func TestWriteFileFailureLeavesOldFileAlone(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.bin")
	if err := durable.WriteFile(path, 0o600, say("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no more data")
	err := durable.WriteFile(path, 0o600, func(w io.Writer) error { return errors.Join(say("half")(w), broken) })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v; want %v and the path", err, broken)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("the file holds %q; want the old content", got)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("%d files in the folder; want 1", len(entries))
	}
}

func TestWriteFileCannotReplaceFolder(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(path, 0o600, say("x")); err == nil {
		t.Error("no error")
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("%d files in the folder; want 1", len(entries))
	}
	if err := durable.WriteFile(filepath.Join(folder, "none", "b"), 0o600, say("x")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v; want not exist", err)
	}
}
