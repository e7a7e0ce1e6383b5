package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// listed is where the tests are listed.
const listed = "cross-build/vm/tests"

// guestTest is a test binary in the guest; its JSON is what the guest reads.
type guestTest struct {
	Package string   `json:"package"`
	Binary  string   `json:"binary"`
	Folder  string   `json:"folder"`
	Flags   []string `json:"flags"`

	source string // the package's folder here
	cgo    bool   // linked statically with OpenCV and Highway
	built  string
}

// build compiles the tests that are listed, or those of them that the command
// line names.
func (s settings) build(ctx context.Context, work string) ([]guestTest, error) {
	text, err := os.ReadFile(listed)
	if err != nil {
		return nil, err
	}
	tests, err := parseTests(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s:%w", listed, err)
	}
	if len(s.words) > 0 {
		tests = slices.DeleteFunc(tests, func(t guestTest) bool { return !slices.Contains(s.words, "./"+t.source) })
		if len(tests) == 0 {
			return nil, fmt.Errorf("%s: not in %s", strings.Join(s.words, " "), listed)
		}
	}
	for n := range tests {
		t := &tests[n]
		t.built = filepath.Join(work, fmt.Sprintf("%d.test", n))
		if err := t.compile(ctx); err != nil {
			return nil, err
		}
		t.Flags = append(s.flags(), t.Flags...)
	}
	return tests, nil
}

// flags are those that every test binary gets.
func (s settings) flags() []string {
	// In guest time; a test that hangs then prints what it waits for.
	limit := "-test.timeout=10m"
	if s.long {
		limit = "-test.timeout=2h"
	}
	flags := []string{"-test.v", "-test.paniconexit0", fmt.Sprintf("-test.short=%v", !s.long), limit}
	if s.pattern != "" {
		flags = append(flags, "-test.run="+s.pattern)
	}
	return flags
}

// parseTests reads the list: a package in a line, as ./FOLDER, after the word cgo
// where it needs that, and flags for its test binary. What follows # is a remark.
func parseTests(text string) ([]guestTest, error) {
	var tests []guestTest
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		cgo := words[0] == "cgo" && len(words) > 1
		if cgo {
			words = words[1:]
		}
		folder, ok := strings.CutPrefix(words[0], "./")
		if !ok || folder != path.Clean(folder) {
			return nil, fmt.Errorf("%d: %q; want ./FOLDER", n+1, words[0])
		}
		for _, flag := range words[1:] {
			if !strings.HasPrefix(flag, "-test.") {
				return nil, fmt.Errorf("%d: %q; want -test.FLAG=VALUE", n+1, flag)
			}
		}
		at := "/kensa/src/" + folder
		tests = append(tests, guestTest{Package: "kensa/" + folder, Folder: at, Binary: fmt.Sprintf("%s/%d.test", at, len(tests)), Flags: words[1:], source: folder, cgo: cgo})
	}
	if len(tests) == 0 {
		return nil, errors.New(" no test; want a package in a line")
	}
	return tests, nil
}

// compile builds the test binary. With cgo its libraries are those of the static
// program, made first where they are not there yet.
func (t guestTest) compile(ctx context.Context) error {
	if !t.cgo {
		return compile(ctx, t.built, "./"+t.source, "test", "-c", "-vet=off")
	}
	const script = `settings=$(cross-build/static/env.sh arm64) && eval "$settings" &&
		exec go test -c -vet=off -trimpath -ldflags "-s -w -linkmode external -extldflags '$KENSA_EXTLDFLAGS'" -o "$1" "$2"`
	command := exec.CommandContext(ctx, "sh", "-c", script, "sh", t.built, "./"+t.source)
	var said strings.Builder
	command.Stderr = &said // the linker warns of dlopen, which nothing calls
	if err := command.Run(); err != nil {
		return fmt.Errorf("go test -c ./%s for arm64 with cgo: %w\n%s", t.source, err, said.String())
	}
	return nil
}

// compile builds a package for the guest, without cgo.
func compile(ctx context.Context, to, source string, words ...string) error {
	words = append(words, "-trimpath", "-ldflags=-s -w", "-o", to, source)
	command := exec.CommandContext(ctx, "go", words...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64", "GOFLAGS=")
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("go %s %s: %w", words[0], source, err)
	}
	if _, err := os.Stat(to); err != nil {
		return fmt.Errorf("%s: has no tests", source)
	}
	return nil
}

// disk puts together what the guest finds.
func (s settings) disk(ctx context.Context, kernel, work string, tests []guestTest, command []string) (*disk, error) {
	guest := filepath.Join(work, "guest")
	if err := compile(ctx, guest, "./cross-build/vm/guest", "build"); err != nil {
		return nil, err
	}
	d := &disk{}
	d.program("init", guest)
	if s.binary != "" {
		if _, err := os.Stat(s.binary); err != nil {
			return nil, fmt.Errorf("%w; `make arm64` builds it", err)
		}
		d.program("bin/kensa", s.binary)
	}
	d.program("bin/busybox", filepath.Join(kernel, "busybox"))
	d.link("bin/sh", "busybox")
	d.text("root/.keep", "")
	d.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
	d.text("etc/group", "root:x:0:\nvideo:x:44:\n")
	d.text("etc/group", "root:x:0:\nvideo:x:44:\n")
	d.entries = append(d.entries, entry{name: "dev", mode: typeFolder | 0o755},
		entry{name: "kensa/modules/order", mode: typeFile | 0o644, from: "cross-build/vm/modules"})
	if tests == nil { // tests have configurations of their own
		d.entries = append(d.entries, entry{name: "etc/kensa/kensa.toml", mode: typeFile | 0o644, from: "cross-build/vm/kensa.toml"})
	}
	if err := d.folder("kensa/modules", filepath.Join(kernel, "modules")); err != nil {
		return nil, err
	}
	for _, t := range tests {
		d.program(strings.TrimPrefix(t.Binary, "/"), t.built)
		testdata := filepath.Join(t.source, "testdata")
		if _, err := os.Stat(testdata); err != nil {
			continue
		}
		if err := d.folder(path.Join(t.Folder[1:], "testdata"), testdata); err != nil {
			return nil, err
		}
	}
	list, err := json.Marshal(tests)
	if err != nil {
		return nil, err
	}
	d.text("kensa/tests", string(list))
	if list, err = json.Marshal(command); err != nil {
		return nil, err
	}
	d.text("kensa/run", string(list))
	return d, nil
}
