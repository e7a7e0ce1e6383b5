package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kensa/firmware/update"
)

// says gives the command lines as its standard input.
func says(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stdin")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = f
	t.Cleanup(func() {
		os.Stdin = before
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestABundleOfANewKeyIsTaken(t *testing.T) {
	for name, password := range map[string]string{"open key": "", "key with a password": "correct horse"} {
		t.Run(name, func(t *testing.T) {
			if password != "" && testing.Short() {
				t.Skip("-short: opening such a key takes a gigabyte and some seconds, on purpose")
			}
			folder := t.TempDir()
			key, program, bundle := folder+"/kensa.key", folder+"/kensa", folder+"/new.kensa"
			if err := os.WriteFile(program, []byte("a program"), 0o755); err != nil {
				t.Fatal(err)
			}
			says(t, strings.Repeat(password+"\n", 3))
			if err := (&keygen{Key: key}).Run(); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v; want a key that only its owner reads", info.Mode(), err)
			}
			if err := (&keygen{Key: key}).Run(); err == nil {
				t.Error("a key was overwritten")
			}
			arches := []string{"arm64", "amd64"}
			if password != "" {
				arches = arches[:1]
			}
			for _, arch := range arches {
				if err := (&makeIt{described{"1.2", arch}, key, program, bundle}).Run(); err != nil {
					t.Fatal(err)
				}
				store := update.NewStore(update.Places{Slots: folder + "/" + arch, Package: folder + "/none", Keys: folder + "/kensa.pub"}, arch,
					func(context.Context) (int, error) { return 0, nil })
				f, err := os.Open(bundle)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if m, err := store.Stage(t.Context(), f, update.Allow{}); err != nil || m.Version != "1.2" {
					t.Errorf("%s: %+v, %v", arch, m, err)
				}
			}
		})
	}
}
