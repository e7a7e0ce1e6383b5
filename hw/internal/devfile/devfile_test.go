package devfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestTheRemedyIsAGroupThatHelps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "device")
	if err := os.WriteFile(path, nil, 0o660); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o660); err != nil { // whatever the umask
		t.Fatal(err)
	}
	refused := &fs.PathError{Op: "open", Path: path, Err: syscall.EACCES}
	if got := Remedy(path, refused); os.Getgid() == 0 && got != "" {
		t.Errorf("root's group: %q", got)
	}
	const games = 60 // of every Debian
	if err := os.Chown(path, -1, games); err != nil {
		t.Skip("needs root: ", err)
	}
	if got := Remedy(path, refused); !strings.Contains(got, "adduser USER games") {
		t.Errorf("%q", got)
	}
	if got := Remedy(path, syscall.EBUSY); got != "" {
		t.Errorf("of a busy device: %q", got)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if got := Remedy(path, refused); got != "" {
		t.Errorf("of a group that may only read: %q", got)
	}
}

func TestThere(t *testing.T) {
	if got := There(nil) + "; " + There([]string{"a", "b"}); got != "the kernel shows none; there are a, b" {
		t.Error(got)
	}
}
