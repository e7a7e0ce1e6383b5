package ledger_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kensa/bus/ledger"
)

func TestIdentityIsMadeOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keys")
	first, err := ledger.OpenIdentity(folder, "node-1")
	if err != nil {
		t.Fatal(err)
	}
	again, err := ledger.OpenIdentity(folder, "node-1")
	if err != nil {
		t.Fatal(err)
	}
	if !first.Public().Equal(again.Public()) || first.Pseudonym("p") != again.Pseudonym("p") {
		t.Error("the second start has another identity")
	}
	for file, want := range map[string]os.FileMode{"node-1.key": 0o600, "node-1.secret": 0o600, "node-1.pub": 0o644} {
		info, err := os.Stat(filepath.Join(folder, file))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", file, info.Mode(), err, want)
		}
	}
	public, err := ledger.ReadPublicKey(filepath.Join(folder, "node-1.pub"))
	if err != nil || !public.Equal(first.Public()) {
		t.Errorf("public key file: %v, %v", public, err)
	}
}

func TestDamagedIdentityIsNotReplaced(t *testing.T) {
	for _, file := range []string{"node-1.key", "node-1.secret"} {
		folder := t.TempDir()
		if _, err := ledger.OpenIdentity(folder, "node-1"); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, file)
		if err := os.WriteFile(path, []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.OpenIdentity(folder, "node-1"); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want an error that names the file", file, err)
		}
		if text, _ := os.ReadFile(path); string(text) != "?" {
			t.Errorf("%s was replaced", file)
		}
	}
}
