// Package static_test runs the recipe of the static libraries where something is
// missing, broken or lying, up to the point where it would compile.
package static_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bench is a recipe's surroundings: a cache of its own, a lock with one file, a
// mirror, and an apt-get that names that mirror.
type bench struct {
	t      *testing.T
	cache  string
	lock   string
	tools  string // comes first in PATH
	mirror *httptest.Server
	serve  http.HandlerFunc
	index  string // what apt-get knows of the package; empty: no network
}

const (
	version = "1.2-3"
	file    = "small_1.2.orig.tar.gz"
	content = "what the distribution has"
)

func newBench(t *testing.T) *bench {
	t.Helper()
	for _, program := range []string{"flock", "aarch64-linux-gnu-g++", "cmake", "/usr/lib/apt/apt-helper"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%v; cross-build/deps.sh static arm64 installs it", err)
		}
	}
	b := &bench{t: t, cache: t.TempDir(), tools: t.TempDir()}
	b.lock = filepath.Join(t.TempDir(), "sources.lock")
	b.serve = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, content) }
	b.mirror = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.serve(w, r) }))
	t.Cleanup(b.mirror.Close)
	b.write(b.lock, fmt.Sprintf("source small %s pool/main/s/small/%s %x\n", version, file, sha256.Sum256([]byte(content))))
	return b
}

func (b *bench) write(path, text string) {
	b.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

// command is build.sh among the bench's tools.
func (b *bench) command() *exec.Cmd {
	b.t.Helper()
	b.write(filepath.Join(b.tools, "apt-get"), fmt.Sprintf(`#!/bin/sh
case "$*" in
*indextargets*) echo %s ;;
*--print-uris*) [ -z "%s" ] || echo "%s" ;;
*) exit 100 ;;
esac
`, b.mirror.URL, b.index, b.index))
	c := exec.CommandContext(b.t.Context(), "./build.sh", "arm64")
	c.Env = append(os.Environ(), "KENSA_CACHE="+b.cache, "KENSA_SOURCES_LOCK="+b.lock, "PATH="+b.tools+":"+os.Getenv("PATH"))
	return c
}

// fails runs the recipe, which must fail, say all of these, and leave nothing
// half done.
func (b *bench) fails(want ...string) {
	b.t.Helper()
	out, err := b.command().CombinedOutput()
	if err == nil {
		b.t.Fatalf("the recipe succeeded: %s", out)
	}
	for _, text := range append(want, "cross-build: error: ", "cross-build: hint: ") {
		if !strings.Contains(string(out), text) {
			b.t.Errorf("it does not say %q:\n%s", text, out)
		}
	}
	b.clean()
}

// clean wants no library folder, whole or half, and no file in the cache of
// downloads that is not what it should be.
func (b *bench) clean() {
	b.t.Helper()
	left, err := filepath.Glob(filepath.Join(b.cache, "static", "*"))
	hidden, _ := filepath.Glob(filepath.Join(b.cache, "static", ".*"))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, path := range append(left, hidden...) {
		if !slices.Contains([]string{"downloads", "arm64.lock", "arm64.log"}, filepath.Base(path)) {
			b.t.Errorf("%s was left behind", path)
		}
	}
	files, _ := filepath.Glob(filepath.Join(b.cache, "static", "downloads", "*"))
	for _, path := range files {
		if text, err := os.ReadFile(path); err != nil || string(text) != content {
			b.t.Errorf("%s holds %q (%v)", path, text, err)
		}
	}
}

func TestMissingCompiler(t *testing.T) {
	b := newBench(t)
	c := b.command()
	// All that the recipe needs before it looks for the compiler, and no more.
	for _, program := range []string{"sh", "dirname", "cat"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(b.tools, program)); err != nil {
			t.Fatal(err)
		}
	}
	c.Env = append(c.Env, "PATH="+b.tools)
	out, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "aarch64-linux-gnu-g++: not found") || !strings.Contains(string(out), "cross-build/deps.sh static arm64") {
		t.Errorf("%v: %s", err, out)
	}
	b.clean()
}

func TestNoNetwork(t *testing.T) {
	b := newBench(t)
	b.mirror.Close()
	b.fails("small "+version, "cannot be fetched", "check the network")
}

func TestHalfDownload(t *testing.T) {
	b := newBench(t)
	b.serve = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		fmt.Fprint(w, content[:10])
	}
	b.fails("small "+version, "cannot be fetched")
}

func TestWrongContent(t *testing.T) {
	b := newBench(t)
	b.serve = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.ToUpper(content)) }
	b.fails("small "+version, "cannot be fetched")
}

// TestMirrorAgainstLock has a mirror whose index is at one with what it serves,
// but not with the lock.
func TestMirrorAgainstLock(t *testing.T) {
	b := newBench(t)
	other := strings.ToUpper(content)
	b.serve = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, other) }
	b.knows(version, "small_1.2.orig.tar.gz", other)
	b.fails(file + ": the mirror's has not the hash in sources.lock")
}

func TestOtherUpstreamVersion(t *testing.T) {
	b := newBench(t)
	b.serve = http.NotFound
	b.knows("1.3-1", "small_1.3.orig.tar.gz", "newer")
	b.fails("sources.lock wants "+version, "1.3-1", "lock.sh")
}

// knows is what apt-get says of the package's files.
func (b *bench) knows(version, name, content string) {
	b.index = fmt.Sprintf("'%[1]s/pool/main/s/small/small_%[2]s.dsc' small_%[2]s.dsc 1 SHA256:00\n'%[1]s/pool/main/s/small/%[3]s' %[3]s %[4]d SHA256:%[5]x",
		b.mirror.URL, version, name, len(content), sha256.Sum256([]byte(content)))
}

// TestNewerRevision takes a security update's source in place of the locked one,
// says so, and goes on until what is not in this small lock is missed.
func TestNewerRevision(t *testing.T) {
	b := newBench(t)
	b.write(b.lock, fmt.Sprintf("source small %s pool/main/s/small/small_%s.debian.tar.xz %064d\n", version, version, 0))
	b.serve = func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "deb12u1") {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, content)
	}
	b.knows(version+"+deb12u1", "small_"+version+"+deb12u1.debian.tar.xz", content)
	b.fails("the distribution has "+version+"+deb12u1 in place of the locked "+version, "failed for arm64")
}

// TestDamagedDownload finds a file in the cache that was whole once.
func TestDamagedDownload(t *testing.T) {
	b := newBench(t)
	downloads := filepath.Join(b.cache, "static", "downloads")
	if err := os.MkdirAll(downloads, 0o755); err != nil {
		t.Fatal(err)
	}
	b.write(filepath.Join(downloads, file), content[:5])
	b.fails("damaged", "fetched again", "failed for arm64")
	if text, err := os.ReadFile(filepath.Join(downloads, file)); err != nil || string(text) != content {
		t.Errorf("%q, %v; want it fetched again", text, err)
	}
}

// TestKilledBuild clears what a killed build left.
func TestKilledBuild(t *testing.T) {
	b := newBench(t)
	if err := os.MkdirAll(filepath.Join(b.cache, "static", ".building-arm64-abcdef", "out"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.fails("failed for arm64")
}

// TestTwoBuilds lets a build find another at work; it waits for that one's end.
func TestTwoBuilds(t *testing.T) {
	b := newBench(t)
	if err := os.MkdirAll(filepath.Join(b.cache, "static"), 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(filepath.Join(b.cache, "static", "arm64.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	c := b.command()
	var out strings.Builder
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	buffer := make([]byte, 4096)
	for !strings.Contains(out.String(), "waiting for it") && ctx.Err() == nil {
		n, err := log.Read(buffer)
		out.Write(buffer[:n])
		if err != nil {
			t.Fatalf("it did not wait: %v: %s", err, &out)
		}
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := log.Read(buffer)
		out.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	if err := c.Wait(); err == nil || !strings.Contains(out.String(), "failed for arm64") {
		t.Errorf("%v: %s", err, &out)
	}
	b.clean()
}
