package appliance

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/vision/wafer"
)

var kills = flag.Int("kills", 50, "how often TestKilledAtRandom kills appliance, broker or warning service")

// childFolder and childBroker, in the environment, make this test's program an
// appliance that does nothing but commit wafers and send its ledger; with
// childDrain it commits nothing, and ends when all is acknowledged.
const (
	childFolder = "KENSA_KILL_TEST_FOLDER"
	childBroker = "KENSA_KILL_TEST_BROKER"
	childDrain  = "KENSA_KILL_TEST_DRAIN"
	childNode   = "kensa-01"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		if err := beAppliance(folder, os.Getenv(childBroker), os.Getenv(childDrain) != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func beAppliance(folder, broker string, drain bool) error {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	store, err := record.Open(ctx, filepath.Join(folder, DatabaseName))
	if err != nil {
		return err
	}
	identity, err := ledger.OpenIdentity(filepath.Join(folder, KeysFolder), childNode)
	if err != nil {
		return err
	}
	pin, err := ledger.OpenPin(filepath.Join(folder, ReceiverKey), false)
	if err != nil {
		return err
	}
	settings := session.Default()
	settings.Brokers, settings.ClientID = []string{broker}, childNode
	settings.ReconnectMin, settings.ReconnectMax = time.Millisecond, 20*time.Millisecond
	line, err := session.New(settings, log)
	if err != nil {
		return err
	}
	sender, err := ledger.NewSender(line, outbox{store.Outbox(record.Ledger)}, identity, pin, store.Epoch(), ledger.SenderConfig{Patience: 200 * time.Millisecond}, log)
	if err != nil {
		return err
	}
	sender.Start(ctx)
	line.Start(ctx)
	if drain {
		limit, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		return sender.Drain(limit)
	}
	c := config.Default()
	c.MES.Enabled = false
	return commitForEver(ctx, &keeper{store: store, identity: identity, config: c, notify: sender.Notify})
}

// commitForEver commits wafers whose time tells their number in the ledger.
func commitForEver(ctx context.Context, k *keeper) error {
	n, err := k.store.Numbering(ctx, record.Ledger)
	if err != nil {
		return err
	}
	for number := n.Last + 1; ; number++ {
		if err := k.Commit(ctx, killedWafer(number)); err != nil {
			return err
		}
		time.Sleep(rand.N(4 * time.Millisecond))
	}
}

func killedWafer(number uint64) *record.Wafer {
	finished := time.Unix(1_900_000_000+int64(number), 0).UTC()
	w := &record.Wafer{Recipe: "sram", Started: finished.Add(-time.Second), Finished: finished}
	w.Material.Substrate = fmt.Sprint("W", number)
	for i := range 20 {
		w.Dies = append(w.Dies, record.Die{Index: wafer.DieIndex{Column: i}, Bin: wafer.Good})
	}
	w.Summary = wafer.Summary{Dies: 20, Inspected: 20, Good: 20, Area: 1, Verdict: wafer.Pass}
	return w
}

// victim is a process that is killed and started again.
type victim struct {
	name    string
	start   func() *exec.Cmd
	command *exec.Cmd
}

func (p *victim) run(t *testing.T) {
	t.Helper()
	p.command = p.start()
	if err := p.command.Start(); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
}

// kill wants the process to have run until then.
func (p *victim) kill(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Kill(); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	err := p.command.Wait()
	if state := p.command.ProcessState; state.Exited() {
		t.Fatalf("%s ended by itself: %v, %v", p.name, state, err)
	}
}

// TestKilledAtRandom kills appliance, broker and warning service, each the real
// program or its real parts, at random moments. Afterwards every wafer that was
// committed is in the service's database once, in order, and nothing else is.
// make campaign runs it with 1,000 kills.
func TestKilledAtRandom(t *testing.T) {
	if testing.Short() {
		t.Skip("starts hundreds of processes")
	}
	folder := t.TempDir()
	address := sessiontest.FreeAddress(t)
	programs := []*victim{
		{name: "broker", start: brokerCommand(t, folder, address)},
		{name: "service", start: serviceCommand(t, folder, address)},
		{name: "appliance", start: applianceCommand(folder, address)},
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	for _, p := range programs {
		p.run(t)
		t.Cleanup(func() { // when the test ended too early
			if p.command.ProcessState == nil {
				p.command.Process.Kill()
				p.command.Wait()
			}
		})
	}
	acknowledged := uint64(0)
	for n := range *kills {
		if n%5 == 4 { // else a slow machine would do nothing but start programs
			acknowledged = awaitAcknowledgement(t, folder, acknowledged)
		}
		time.Sleep(time.Duration(dice.IntN(120)) * time.Millisecond)
		p := programs[dice.IntN(len(programs))]
		p.kill(t)
		p.run(t)
	}
	programs[2].kill(t)
	last := applianceCommand(folder, address)()
	last.Env = append(last.Env, childDrain+"=1")
	if err := last.Run(); err != nil {
		t.Fatalf("not all acknowledged: %v", err)
	}
	for _, p := range programs[:2] {
		p.kill(t)
	}
	checkKilled(t, folder)
}

// awaitAcknowledgement waits until the service has acknowledged more than before.
func awaitAcknowledgement(t *testing.T, folder string, before uint64) uint64 {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		store, err := record.OpenReadOnly(t.Context(), filepath.Join(folder, DatabaseName))
		if err != nil { // not made yet
			continue
		}
		n, err := store.Numbering(t.Context(), record.Ledger)
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if err == nil && n.Acknowledged > before {
			return n.Acknowledged
		}
	}
	t.Fatal("no acknowledgement came")
	return 0
}

// brokerCommand is mosquitto without a store: it forgets everything when killed.
func brokerCommand(t testing.TB, folder, address string, more ...string) func() *exec.Cmd {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	line := sessiontest.Mosquitto(t, folder, fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n%s", port, strings.Join(more, "")))
	return func() *exec.Cmd { return exec.Command(line[0], line[1:]...) }
}

func serviceCommand(t testing.TB, folder, address string) func() *exec.Cmd {
	t.Helper()
	path := filepath.Join(folder, "kensa-warning")
	build := exec.Command("go", "build", "-o", path, "kensa/warning/cmd/kensa-warning")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v %s", err, out)
	}
	if _, err := ledger.OpenIdentity(filepath.Join(folder, KeysFolder), childNode); err != nil {
		t.Fatal(err)
	}
	return func() *exec.Cmd {
		return exec.Command(path, "serve", "--listen", "127.0.0.1:0", "--broker", "tcp://"+address,
			"--state", filepath.Join(folder, "warning"), "--enrol", filepath.Join(folder, KeysFolder), "--log", "error")
	}
}

func applianceCommand(folder, address string) func() *exec.Cmd {
	return func() *exec.Cmd {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childFolder+"="+folder, childBroker+"=tcp://"+address)
		c.Stderr = os.Stderr
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // where a time-out ends the test
		return c
	}
}

func checkKilled(t *testing.T, folder string) {
	t.Helper()
	store, err := record.OpenReadOnly(t.Context(), filepath.Join(folder, DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	n, err := store.Numbering(t.Context(), record.Ledger)
	if err != nil || n.Waiting() != 0 || n.Last < uint64(*kills)/2 {
		t.Fatalf("%+v, %v; want none waiting, and more than a few", n, err)
	}
	bodies := received(t, filepath.Join(folder, "warning", "warning.db"), store.Epoch())
	if uint64(len(bodies)) != n.Last {
		t.Errorf("the service has %d records; %d were committed", len(bodies), n.Last)
	}
	seen := map[[sha256.Size]byte]bool{}
	for i, body := range bodies {
		var r ledger.Record
		if err := json.Unmarshal(body, &r); err != nil {
			t.Fatal(err)
		}
		if number := r.Time.Unix() - 1_900_000_000; r.Seq != uint64(i+1) || number != int64(i+1) {
			t.Fatalf("place %d has record %d of wafer %d", i+1, r.Seq, number)
		}
		seen[sha256.Sum256(body)] = true
	}
	if len(seen) != len(bodies) {
		t.Errorf("%d different records of %d", len(seen), len(bodies))
	}
	t.Logf("%d wafers over %d kills", n.Last, *kills)
}

// received are the bodies in the service's database, and that it lost none.
func received(t *testing.T, path, epoch string) (bodies [][]byte) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var lost int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM lost`).Scan(&lost); err != nil || lost != 0 {
		t.Errorf("%d losses, %v; want none", lost, err)
	}
	rows, err := db.QueryContext(t.Context(), `SELECT epoch, body FROM record JOIN stream ON stream = id ORDER BY stream, seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var of string
		var body []byte
		if err := rows.Scan(&of, &body); err != nil {
			t.Fatal(err)
		}
		if of != epoch {
			t.Fatalf("a record of epoch %s; want %s only", of, epoch)
		}
		bodies = append(bodies, body)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return bodies
}
