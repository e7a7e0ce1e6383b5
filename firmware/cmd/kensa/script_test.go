package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

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
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "pair": drawPair, "taken": taken, "truncate": truncate},
		Setup: func(e *testscript.Env) error {
			e.Setenv("KENSA_CONFIG", "")
			return nil
		},
	})
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

// truncate cuts a file to half its length.
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.Truncate(path, info.Size()/2))
}
