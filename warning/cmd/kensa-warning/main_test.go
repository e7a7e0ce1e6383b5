package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kensa/bus/broker"
	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/bus/session"
	"kensa/warning/serve"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"kensa-warning": func() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) { testscript.Run(t, testscript.Params{Dir: "testdata"}) }

// patience bounds every wait for something that must happen.
const patience = 60 * time.Second

var silent = slog.New(slog.DiscardHandler)

// service is a running kensa-warning.
type service struct {
	t       *testing.T
	command *exec.Cmd
	url     string
	mu      sync.Mutex
	log     bytes.Buffer
	read    sync.WaitGroup
}

// startService runs the real program and waits until it serves.
func startService(t *testing.T, args ...string) *service {
	t.Helper()
	s := &service{t: t, command: exec.Command("kensa-warning", append([]string{"--listen", "127.0.0.1:0"}, args...)...)}
	errs, err := s.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	url := make(chan string, 1)
	s.read.Go(func() { s.follow(errs, url) })
	select {
	case s.url = <-url:
	case <-time.After(patience):
		t.Fatal("the service did not start")
	}
	t.Cleanup(func() {
		if s.command.ProcessState == nil {
			s.kill()
		}
		if t.Failed() {
			t.Logf("kensa-warning said:\n%s", s.log.String())
		}
	})
	return s
}

// follow keeps the log and finds the address in it.
func (s *service) follow(errs io.Reader, url chan<- string) {
	for lines := bufio.NewScanner(errs); lines.Scan(); {
		s.mu.Lock()
		s.log.WriteString(lines.Text() + "\n")
		s.mu.Unlock()
		if _, after, ok := strings.Cut(lines.Text(), "page="); ok {
			address, _, _ := strings.Cut(after, " ")
			url <- address
		}
	}
}

func (s *service) kill() {
	s.t.Helper()
	if err := s.command.Process.Kill(); err != nil {
		s.t.Error(err)
	}
	s.read.Wait()
	var exit *exec.ExitError
	if err := s.command.Wait(); err != nil && !errors.As(err, &exit) {
		s.t.Error(err)
	}
}

// stop ends the service as an operator would, and wants it to end well.
func (s *service) stop(signal os.Signal) {
	s.t.Helper()
	if err := s.command.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	s.read.Wait()
	if err := s.command.Wait(); err != nil {
		s.t.Errorf("after %v: %v; want exit code 0", signal, err)
	}
}

func (s *service) status() serve.Status {
	s.t.Helper()
	var st serve.Status
	if err := json.Unmarshal(s.get("/api/status", http.StatusOK), &st); err != nil {
		s.t.Fatal(err)
	}
	return st
}

func (s *service) get(path string, want int) []byte {
	s.t.Helper()
	response, err := http.Get(s.url + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		s.t.Fatalf("GET %s: %s, %v; want %d", path, response.Status, err, want)
	}
	return body
}

// until waits for a status.
func (s *service) until(what string, is func(serve.Status) bool) serve.Status {
	s.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		st := s.status()
		if is(st) {
			return st
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s did not happen; status %+v", what, st)
		}
	}
}

// node is an appliance without anything but its ledger.
type node struct {
	t        *testing.T
	identity *ledger.Identity
	outbox   *ledgertest.Outbox
	sender   *ledger.Sender
	baseline ledger.Baseline
}

func startNode(t *testing.T, name, keys, address string) *node {
	t.Helper()
	identity, err := ledger.OpenIdentity(keys, name)
	if err != nil {
		t.Fatal(err)
	}
	c := session.Default()
	c.Brokers, c.ClientID = []string{"tcp://" + address}, name
	c.ReconnectMin, c.ReconnectMax = time.Millisecond, 50*time.Millisecond
	bus, err := session.New(c, silent)
	if err != nil {
		t.Fatal(err)
	}
	pin, err := ledger.OpenPin(filepath.Join(t.TempDir(), "receiver.pub"), false)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, identity: identity, outbox: ledgertest.NewOutbox()}
	n.sender, err = ledger.NewSender(bus, n.outbox, identity, pin, ledgertest.EpochA, ledger.SenderConfig{Patience: 100 * time.Millisecond}, silent)
	if err != nil {
		t.Fatal(err)
	}
	n.sender.Start(context.WithoutCancel(t.Context()))
	bus.Start(context.WithoutCancel(t.Context()))
	t.Cleanup(func() {
		n.sender.Close()
		bus.Close()
	})
	return n
}

// wafers commits n wafers of 400 dies with these good ones in turn.
func (n *node) wafers(count int, goods ...int) {
	n.t.Helper()
	for k := range count {
		good := goods[k%len(goods)]
		r, next, err := n.identity.Record(ledger.Wafer{
			Finished: time.Now(), Product: "p", Lot: "l", Substrate: "s", Recipe: "r", Dies: 400, Inspected: 400, Good: good,
		}, ledger.Relative, n.baseline)
		if err != nil {
			n.t.Fatal(err)
		}
		n.baseline = next
		if err := n.outbox.Add(func(epoch string, seq uint64) ([]byte, error) { return n.identity.Seal(r, epoch, seq) }); err != nil {
			n.t.Fatal(err)
		}
	}
	n.sender.Notify()
}

func (n *node) drain() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	if err := n.sender.Drain(ctx); err != nil {
		n.t.Fatal(err)
	}
}

func startBroker(t *testing.T, address string) string {
	t.Helper()
	b, err := broker.Start(address, silent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b.Addr().String()
}

// The service's life: it waits for the broker, refuses a stranger until he is
// enrolled, is killed and started again, warns, and stops when asked to.
func TestServiceWarns(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	state, keys, enrol := t.TempDir(), t.TempDir(), t.TempDir()
	args := []string{"--broker", "tcp://" + address, "--state", state, "--enrol", enrol}
	s := startService(t, args...)
	s.until("a complaint about the broker", func(st serve.Status) bool { return !st.Broker.Up && st.Broker.Error != "" })
	s.get("/healthz", http.StatusOK)

	startBroker(t, address)
	n := startNode(t, "node-1", keys, address)
	n.wafers(30, 360, 364, 368)
	st := s.until("a refusal", func(st serve.Status) bool {
		return len(st.Nodes) == 1 && st.Nodes[0].Refused[ledger.NotEnrolled] > 0
	})
	if st.Nodes[0].Enrolled || len(st.Positions) != 0 {
		t.Errorf("a stranger's records were taken: %+v", st)
	}
	public, err := os.ReadFile(filepath.Join(keys, "node-1.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(enrol, "node-1.pub"), public, 0o644); err != nil {
		t.Fatal(err)
	}
	n.drain()
	s.kill()
	n.wafers(30, 330)
	s = startService(t, args...)
	n.drain()
	st = s.status()
	if len(st.Positions) != 1 || st.Positions[0].Seq != 60 || st.Nodes[0].Records != 60 || st.Nodes[0].Lost != 0 {
		t.Errorf("positions %+v, nodes %+v; want 60 records", st.Positions, st.Nodes)
	}
	if len(st.Warnings) != 1 || st.Warnings[0].Until != nil || st.Streams[0].State != "warning" || st.Streams[0].Learnt != ledger.BaselineWafers {
		t.Errorf("warnings %+v, streams %+v; want one that lasts", st.Warnings, st.Streams)
	}
	for _, page := range []string{"/", "/page.js", "/style.css", "/icon.svg", "/api/nodes", "/api/streams", "/api/warnings", "/api/positions"} {
		s.get(page, http.StatusOK)
	}
	s.get("/api/none", http.StatusNotFound)
	out, err := exec.Command("kensa-warning", "status", "--url", s.url).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "1 warnings now") || !strings.Contains(string(out), "node-1") {
		t.Errorf("status: %v\n%s", err, out)
	}
	s.stop(syscall.SIGTERM)
	s = startService(t, args...)
	if again := s.status(); len(again.Warnings) != 1 || again.Warnings[0].Seq != st.Warnings[0].Seq || again.Warnings[0].Average != st.Warnings[0].Average {
		t.Errorf("after a restart %+v; want the same warning as before, %+v", again.Warnings, st.Warnings)
	}
	s.stop(os.Interrupt)
}

func TestSecondServiceSaysWhatIsWrong(t *testing.T) {
	state := t.TempDir()
	s := startService(t, "--state", state, "--broker", "tcp://127.0.0.1:1")
	for want, args := range map[string][]string{
		"in use by another kensa-warning": {"--state", state, "--listen", "127.0.0.1:0"},
		"the port is taken":               {"--state", t.TempDir(), "--listen", strings.TrimPrefix(s.url, "http://")},
	} {
		out, err := exec.Command("kensa-warning", args...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitUsage || !strings.Contains(string(out), want) || !strings.Contains(string(out), "hint:") {
			t.Errorf("%v\n%s\nwant exit code %d and %q with a hint", err, out, exitUsage, want)
		}
	}
	s.stop(syscall.SIGTERM)
}
