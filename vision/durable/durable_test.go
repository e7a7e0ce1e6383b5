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

// TestReadFileBounds gives decode no more than a byte beyond the limit.
func TestReadFileBounds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	length := func(data []byte) (int, error) { return len(data), nil }
	for limit, want := range map[int64]int{4: 5, 9: 10, 10: 10, 100: 10} {
		if got, err := durable.ReadFile(path, limit, length); got != want || err != nil {
			t.Errorf("limit %d: %d bytes, %v; want %d", limit, got, err, want)
		}
	}
	refuse := errors.New("refused")
	_, err := durable.ReadFile(path, 4, func([]byte) (int, error) { return 0, refuse })
	if !errors.Is(err, refuse) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v; want %v at %s", err, refuse, path)
	}
	if _, err := durable.ReadFile(path+".none", 4, length); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v; want that there is no file", err)
	}
}
