package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kensa": main})
}

// TestScripts runs the real program as its users do; each script is one
// behaviour.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("scripts render and inspect whole wafers")
	}
	service := buildService(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "pair": drawPair, "taken": taken, "free": free, "truncate": truncate, "shows": shows,
			"corrupt": corrupt, "signers": signers, "place": place, "reachable": reachable, "interrupted": interrupted,
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("KENSA_CONFIG", "")
			e.Setenv("PATH", service+string(filepath.ListSeparator)+e.Getenv("PATH"))
			return nil
		},
	})
}

// buildService builds kensa-warning, which `kensa simulate` starts, and returns
// its folder.
func buildService(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	build := exec.Command("go", "build", "-o", folder, "kensa/warning/cmd/kensa-warning")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("kensa-warning: %v\n%s", err, out)
	}
	return folder
}

// exits runs a program and wants its exit code: exits CODE PROGRAM ARG…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program arg…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d; want %d", code, want)
	}
}

// taken listens on a free port until the script ends, sets TAKEN to it, and
// writes it into the named files for the word TAKEN.
func taken(ts *testscript.TestScript, _ bool, files []string) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { ts.Check(listener.Close()) })
	address := listener.Addr().String()
	ts.Setenv("TAKEN", address)
	for _, file := range files {
		text := strings.ReplaceAll(ts.ReadFile(file), "TAKEN", address)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o644))
	}
}

// free sets each of the named variables to an address that nobody listens on.
func free(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Setenv(name, listener.Addr().String())
		ts.Check(listener.Close())
	}
}

// place writes the script's addresses into the named files, for the words DISPLAY,
// BROKER, PORT, which is BROKER's, and MYSELF, the user's name.
func place(ts *testscript.TestScript, _ bool, files []string) {
	_, port, err := net.SplitHostPort(ts.Getenv("BROKER"))
	ts.Check(err)
	me, err := user.Current()
	ts.Check(err)
	words := strings.NewReplacer("MYSELF", me.Username, "DISPLAY", ts.Getenv("DISPLAY"), "BROKER", ts.Getenv("BROKER"), "PORT", port)
	for _, file := range files {
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(words.Replace(ts.ReadFile(file))), 0o644))
	}
}

// reachable waits until somebody listens at an address.
func reachable(ts *testscript.TestScript, _ bool, args []string) {
	const patience = time.Minute
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", args[0]); err == nil {
			ts.Check(conn.Close())
			return
		}
	}
	ts.Fatalf("nobody listens at %s", args[0])
}

// shows asks a web address again and again until its answer matches:
// shows REGEXP URL
func shows(ts *testscript.TestScript, _ bool, args []string) {
	wanted := regexp.MustCompile(args[0])
	const patience = 2 * time.Minute
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if body, err := get(args[1]); err == nil && wanted.Match(body) {
			return
		}
	}
	ts.Fatalf("%s: nothing like %s within %v", args[1], args[0], patience)
}

func get(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// truncate cuts a file to half its length.
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.Truncate(path, info.Size()/2))
}

// corrupt changes the byte in the middle of a file.
func corrupt(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data := []byte(ts.ReadFile(args[0]))
	data[len(data)/2] ^= 1
	ts.Check(os.WriteFile(path, data, 0o644))
}

// signers makes a minisign key pair: signers PUBLIC SECRET LOCKED PASSWORD writes
// the public key, the secret one bare, and under a password, which it writes too.
func signers(ts *testscript.TestScript, _ bool, files []string) {
	public, private, err := minisign.GenerateKey(rand.Reader)
	ts.Check(err)
	shown, err := public.MarshalText()
	ts.Check(err)
	bare, err := private.MarshalText()
	ts.Check(err)
	locked, err := minisign.EncryptKey("open sesame", private)
	ts.Check(err)
	for n, text := range [][]byte{shown, bare, locked, []byte("open sesame\n")} {
		path := ts.MkAbs(files[n])
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
		ts.Check(os.WriteFile(path, text, 0o600))
	}
}

// interrupted runs a program whose input stays open and says nothing, and sends it a
// signal as soon as it has written a file: interrupted SIGNAL FILE PROGRAM ARG… KILL is one
// that no program survives to tidy up after; after HUP, INT and TERM it must end by
// itself, with exit code 1.
func interrupted(ts *testscript.TestScript, _ bool, args []string) {
	by, known := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL}[args[0]]
	if !known {
		ts.Fatalf("interrupted: signal %s", args[0])
	}
	var said bytes.Buffer
	program := exec.Command(args[2], args[3:]...)
	for _, folder := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(folder, args[2]); program.Err != nil {
			if _, err := os.Stat(path); err == nil {
				program = exec.Command(path, args[3:]...)
			}
		}
	}
	program.Dir, program.Stdout, program.Stderr = ts.MkAbs("."), &said, &said
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "KENSA_CONFIG"} {
		program.Env = append(program.Env, name+"="+ts.Getenv(name))
	}
	written := func() (at time.Time) {
		if info, err := os.Stat(ts.MkAbs(args[1])); err == nil {
			at = info.ModTime()
		}
		return at
	}
	before := written()
	mute, err := program.StdinPipe()
	ts.Check(err)
	ts.Check(program.Start())
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	await := func() error {
		const patience = 2 * time.Minute
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if !written().Equal(before) {
				return nil
			}
			select {
			case err := <-ended:
				return fmt.Errorf("it ended by itself: %w", err)
			default:
			}
		}
		return fmt.Errorf("no %s within %v", args[1], patience)
	}
	if err := await(); err != nil {
		ts.Check(errors.Join(program.Process.Kill(), mute.Close()))
		ts.Fatalf("%v\n%s", err, &said)
	}
	ts.Check(program.Process.Signal(by))
	err = <-ended
	ts.Logf("%s: %v\n%s", args[0], err, &said)
	if by != syscall.SIGKILL && program.ProcessState.ExitCode() != 1 {
		ts.Fatalf("exit code %d after %s; want 1", program.ProcessState.ExitCode(), args[0])
	}
	if by != syscall.SIGKILL && !strings.Contains(said.String(), "run the same command again") {
		ts.Fatalf("it does not say how to go on")
	}
}
