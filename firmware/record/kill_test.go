package record

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"kensa/firmware/alarm"
)

// childPath names, in the environment, the database that a test's child process
// is to write until it is killed.
const childPath = "KENSA_RECORD_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// Sizes of the child's wafers: large enough that most kills come within a commit.
const childDies, childDefects, childImages = 60, 20, 5

// writeUntilKilled commits wafers and acknowledges some, and says on standard
// output what is done as soon as it is done.
func writeUntilKilled(path string) error {
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	numbering, err := s.Numbering(ctx, Ledger)
	if err != nil {
		return err
	}
	for n := int(numbering.Last) + 1; ; n++ {
		w := sample(n, childDies, childDefects, childImages)
		w.Alarms = []alarm.Alarm{raised(alarm.LightDrift, w.Started)}
		if err := s.Commit(ctx, w, both); err != nil {
			return err
		}
		fmt.Println("committed", w.ID)
		if n%7 == 0 {
			if _, err := s.Acknowledge(ctx, MES, s.Epoch(), uint64(n-3)); err != nil {
				return err
			}
			fmt.Println("acknowledged", n-3)
		}
	}
}

// TestKilledAtAnyMoment kills a writing process again and again. What it said
// was done must be there, and nothing by halves.
func TestKilledAtAnyMoment(t *testing.T) {
	const cycles = 20
	path := filepath.Join(folder(t), "kensa.db")
	var said promise
	for range cycles {
		runAndKill(t, path, &said)
		checkPromise(t, path, said)
	}
	if said.committed < cycles {
		t.Errorf("%d wafers in %d cycles; the test was too gentle", said.committed, cycles)
	}
	t.Logf("%d wafers committed over %d kills", said.committed, cycles)
}

// promise is what the children said was done.
type promise struct{ committed, acknowledged int }

func runAndKill(t *testing.T, path string, said *promise) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childPath+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	said.hear(t, lines) // it is at work; now let it live a random while
	killer := time.AfterFunc(rand.N(80*time.Millisecond), func() { child.Process.Kill() })
	defer killer.Stop()
	for said.hear(t, lines) {
	}
	child.Wait()
	if child.ProcessState.Exited() {
		t.Fatalf("the child ended by itself: %v", child.ProcessState)
	}
}

// hear takes one line and reports whether there was a whole one.
func (p *promise) hear(t *testing.T, lines *bufio.Reader) bool {
	text, err := lines.ReadString('\n')
	if err == io.EOF {
		return false
	}
	var what string
	var number int
	if _, err := fmt.Sscan(text, &what, &number); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if what == "committed" {
		p.committed = number
	} else {
		p.acknowledged = number
	}
	return true
}

func checkPromise(t *testing.T, path string, said promise) {
	t.Helper()
	s, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
	wafers := count(t, s, "wafer")
	// One more may be committed whose line was not written any more.
	if wafers < said.committed || wafers > said.committed+1 {
		t.Fatalf("%d wafers; %d were said to be committed", wafers, said.committed)
	}
	for _, table := range []struct {
		name string
		each int
	}{{"die", childDies}, {"defect", childDefects}, {"image", childImages}, {"wafer_alarm", 1}} {
		if n := count(t, s, table.name); n != wafers*table.each {
			t.Fatalf("%d rows in %s for %d wafers; want %d each", n, table.name, wafers, table.each)
		}
	}
	list, err := s.Pending(ctx, Ledger, 0, wafers+1)
	if err != nil || len(list) != wafers {
		t.Fatalf("%d messages for %d wafers, %v", len(list), wafers, err)
	}
	for i, m := range list {
		if m.Seq != uint64(i+1) || string(m.Payload) != string(payload(s.Epoch(), Ledger, m.Seq)) {
			t.Fatalf("message %d: seq %d, %q", i+1, m.Seq, m.Payload)
		}
	}
	mes, err := s.Numbering(ctx, MES)
	if err != nil || mes.Last != uint64(wafers) || mes.Acknowledged < uint64(said.acknowledged) {
		t.Fatalf("numbering %+v, %v; want %d, acknowledged at least %d", mes, err, wafers, said.acknowledged)
	}
	checkLatest(t, s, wafers)
}

// checkLatest compares the wafer that the kill came closest to, to the bit.
func checkLatest(t *testing.T, s *Store, wafers int) {
	t.Helper()
	w, err := s.Wafer(ctx, int64(wafers))
	if err != nil {
		t.Fatal(err)
	}
	want := sample(wafers, childDies, childDefects, childImages)
	for _, d := range want.Defects[:childImages] {
		png, err := s.Image(ctx, w.ID, d.Number)
		if err != nil || string(png) != string(d.Image) {
			t.Fatalf("image %d of wafer %d: %v", d.Number, w.ID, err)
		}
	}
	if len(w.Dies) != childDies || w.Material != want.Material || w.Defects[childDefects-1].X != want.Defects[childDefects-1].X {
		t.Fatalf("wafer %+v", w)
	}
}
