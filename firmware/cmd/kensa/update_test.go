package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"aead.dev/minisign"

	"kensa/firmware/update"
)

// box is an installation with a small supervisor that does what systemd does
// with kensa.service: select, start, confirm, and from the beginning again
// whenever that fails, the program ends, or a restart is asked for.
type box struct {
	t               *testing.T
	folder, program string
	address         string
	key             minisign.PrivateKey
	wait            sync.WaitGroup
}

func newBox(t *testing.T) *box {
	t.Helper()
	b := &box{t: t, folder: t.TempDir()}
	b.program = filepath.Join(b.folder, "program")
	build := exec.Command("go", "build", "-o", b.program, "./testdata/program")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("testdata/program: %v\n%s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.address = listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.key = private
	b.write("update.pub", []byte(public.String()))
	b.write("kensa.toml", fmt.Appendf(nil, "[display]\nlisten = %q\n[storage]\nstate = %q\n", b.address, b.folder+"/state"))
	manifest, err := json.Marshal(b.manifest("1.0"))
	if err != nil {
		t.Fatal(err)
	}
	b.write("package/"+update.ManifestName, manifest)
	b.write("package/"+update.ProgramName, b.script("good"))
	return b
}

func (b *box) write(name string, data []byte) {
	b.t.Helper()
	path := filepath.Join(b.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) manifest(version string) update.Manifest {
	return update.Manifest{Product: "kensa", Version: version, Arch: runtime.GOARCH, SchemaMin: 1, Schema: 1}
}

// script is a version's program.
func (b *box) script(behaviour string) []byte {
	return fmt.Appendf(nil, "#!/bin/sh\nexec %s %s %s\n", b.program, b.address, behaviour)
}

func (b *box) bundle(version, behaviour string) string {
	b.t.Helper()
	var bundle bytes.Buffer
	if err := update.WriteBundle(&bundle, b.manifest(version), b.script(behaviour), b.key); err != nil {
		b.t.Fatal(err)
	}
	b.write(version+".kensa", bundle.Bytes())
	return filepath.Join(b.folder, version+".kensa")
}

// kensa runs `kensa update` and returns its exit code and what it said.
func (b *box) kensa(ctx context.Context, args ...string) (int, string) {
	var said bytes.Buffer
	args = append([]string{"update", "--slots", b.folder + "/slots", "--package", b.folder + "/package", "--keys", b.folder + "/update.pub",
		"--config", b.folder + "/kensa.toml", "--restart", "touch " + b.folder + "/restart"}, args...)
	code := execute(console{Context: ctx, in: strings.NewReader(""), out: &said, err: &said}, args)
	return code, said.String()
}

// supervise runs the box until the test ends.
func (b *box) supervise() {
	ctx, stop := context.WithCancel(context.Background())
	b.wait.Go(func() {
		for ctx.Err() == nil {
			b.service(ctx)
			sleep(ctx, 50*time.Millisecond)
		}
	})
	b.t.Cleanup(func() { stop(); b.wait.Wait() })
}

// service is one life of the service.
func (b *box) service(parent context.Context) {
	if code, said := b.kensa(parent, "--select"); code != 0 {
		if parent.Err() == nil {
			b.t.Errorf("select: exit code %d: %s", code, said)
		}
		return
	}
	ctx, stop := context.WithCancel(parent)
	defer stop()
	program := exec.CommandContext(ctx, filepath.Join(b.folder, "slots", update.LinkName, update.ProgramName))
	if err := program.Start(); err != nil {
		b.t.Errorf("start: %v", err)
		return
	}
	ended := make(chan struct{})
	go func() { _ = program.Wait(); stop(); close(ended) }()
	if code, _ := b.kensa(ctx, "--confirm", "--limit", "4s", "--hold", "600ms"); code == 0 {
		for ctx.Err() == nil && os.Remove(b.folder+"/restart") != nil {
			sleep(ctx, 20*time.Millisecond)
		}
	}
	stop()
	<-ended
}

// status is what the installation says of itself.
func (b *box) status() update.Status {
	b.t.Helper()
	code, said := b.kensa(b.t.Context(), "--status", "--json")
	var st update.Status
	if err := json.Unmarshal([]byte(said), &st); err != nil || code != 0 {
		b.t.Fatalf("status: exit code %d, %v: %s", code, err, said)
	}
	return st
}

// TestUpdatesUnderASupervisor has bundles installed as a field engineer does, with
// programs that work and programs that do not.
func TestUpdatesUnderASupervisor(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: waits for versions that never become healthy")
	}
	b := newBox(t)
	b.supervise()
	for _, step := range []struct {
		version, behaviour string
		code               int
		said, then         string
	}{
		{"1.1", "good", 0, "version 1.1 counts (a)", "1.1"},
		{"1.2", "crash", exitWentBack, "version 1.2 did not become healthy; version 1.1 is back", "1.1"},
		{"1.3", "hang", exitWentBack, "version 1.3 did not become healthy; version 1.1 is back", "1.1"},
		{"1.4", "ill", exitWentBack, "kensa: hint: the journal of kensa.service says why", "1.1"},
		{"1.0", "good", exitRefused, "kensa: hint: --allow-rollback takes it all the same", "1.1"},
		{"1.5", "good", 0, "version 1.5 counts (b)", "1.5"},
	} {
		code, said := b.kensa(t.Context(), b.bundle(step.version, step.behaviour))
		if code != step.code || !strings.Contains(said, step.said) {
			t.Fatalf("%s, %s: exit code %d: %s\nwant %d: %s", step.version, step.behaviour, code, said, step.code, step.said)
		}
		if st := b.status(); st.Version != step.then || st.Trial != nil {
			t.Fatalf("%s, %s: then %+v; want version %s and no trial", step.version, step.behaviour, st, step.then)
		}
	}
	if code, said := b.kensa(t.Context(), "--back"); code != 0 || b.status().Version != "1.1" {
		t.Errorf("back: exit code %d, version %s: %s", code, b.status().Version, said)
	}
}

func TestABundleThatIsNoneIsRefused(t *testing.T) {
	b := newBox(t)
	whole, err := os.ReadFile(b.bundle("1.1", "good"))
	if err != nil {
		t.Fatal(err)
	}
	whole[len(whole)-1] ^= 1
	b.write("bad.kensa", whole)
	b.write("cut.kensa", whole[:40])
	for name, hint := range map[string]string{"bad.kensa": "hint: copy the bundle again; if", "cut.kensa": "hint: copy the bundle again; it may be cut off"} {
		code, said := b.kensa(t.Context(), filepath.Join(b.folder, name))
		if code != exitRefused || !strings.Contains(said, hint) {
			t.Errorf("%s: exit code %d: %s; want %d: %s", name, code, said, exitRefused, hint)
		}
	}
	if code, said := b.kensa(t.Context(), filepath.Join(b.folder, "absent.kensa")); code != exitInput {
		t.Errorf("absent: exit code %d: %s", code, said)
	}
	if code, said := b.kensa(t.Context()); code != exitUsage {
		t.Errorf("nothing: exit code %d: %s", code, said)
	}
	if code, said := b.kensa(t.Context(), "--restart", "", b.bundle("1.2", "good")); code != 0 || !strings.Contains(said, "version 1.2 waits for its trial") {
		t.Errorf("staged: exit code %d: %s", code, said)
	}
}
