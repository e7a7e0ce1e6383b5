package intake

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/warning/store"
)

var silent = slog.New(slog.DiscardHandler)

// enrol makes a node and copies its public key into a folder.
func enrol(t *testing.T, folder, node string) *ledger.Identity {
	t.Helper()
	keys := t.TempDir()
	i, err := ledger.OpenIdentity(keys, node)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(keys, node+".pub"))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, node+".pub"), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestEnrolmentFollowsTheFolder(t *testing.T) {
	folder := t.TempDir()
	e, err := OpenEnrolment(folder, silent)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := e.Key("node-1"); ok {
		t.Error("an unknown node has a key")
	}
	i := enrol(t, folder, "node-1")
	if key, ok := e.Key("node-1"); !ok || !key.Equal(i.Public()) {
		t.Errorf("key %v, %v; want the node's", key, ok)
	}
	path := filepath.Join(folder, "node-1.pub")
	if err := os.WriteFile(path, []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := e.Key("node-1"); ok {
		t.Error("a damaged file gave a key")
	}
	second := enrol(t, folder, "node-1")
	if key, ok := e.Key("node-1"); !ok || !key.Equal(second.Public()) {
		t.Error("a replaced file does not count")
	}
	if got := e.Nodes(); len(got) != 1 || got[0] != "node-1" {
		t.Errorf("nodes %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, ok := e.Key("node-1"); ok {
		t.Error("a removed file still counts")
	}
	for _, hostile := range []string{"", "../node-1", "a/b", "."} {
		if _, ok := e.Key(hostile); ok {
			t.Errorf("node %q has a key", hostile)
		}
	}
}

func newIntake(t *testing.T) *Intake {
	t.Helper()
	s, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	e, err := OpenEnrolment(t.TempDir(), silent)
	if err != nil {
		t.Fatal(err)
	}
	c := session.Default()
	c.Brokers, c.ClientID = []string{"tcp://127.0.0.1:1"}, "w"
	signer, err := ledger.OpenSigner(t.TempDir(), "service")
	if err != nil {
		t.Fatal(err)
	}
	i, err := New(t.Context(), c, s, e, signer, silent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

// Anyone on the broker can make up names; they must not fill the memory.
func TestStrangersAreBounded(t *testing.T) {
	i := newIntake(t)
	const names = 10 * maxStrangers
	for n := range names {
		i.refused(fmt.Sprintf("stranger-%d", n), ledger.NotEnrolled, errors.New("no key"))
	}
	if got := len(i.Nodes()); got != maxStrangers {
		t.Errorf("%d nodes are kept; want %d", got, maxStrangers)
	}
	if got := i.Elsewhere(); got != names-maxStrangers {
		t.Errorf("%d refusals elsewhere; want %d", got, names-maxStrangers)
	}
}

func TestLossesCount(t *testing.T) {
	i := newIntake(t)
	s := ledger.Stream{Node: "n", Epoch: "e"}
	i.skipped(s, 1, 10)
	if n := i.Nodes(); len(n) != 1 || n[0].Lost != 10 || n[0].Seq != 10 {
		t.Errorf("%+v; want 10 lost up to seq 10", n)
	}
}
