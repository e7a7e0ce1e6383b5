package vm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// recipe runs kernel.sh with an empty cache and returns what it said and the
// cache's folder.
func recipe(t *testing.T, env ...string) (said, cache string) {
	t.Helper()
	cache = t.TempDir()
	command := exec.Command("./kernel.sh")
	command.Env = append(os.Environ(), append(env, "XDG_CACHE_HOME="+cache)...)
	out, err := command.CombinedOutput()
	if err == nil {
		t.Fatalf("it worked: %s", out)
	}
	return string(out), filepath.Join(cache, "kensa")
}

// wantNothingKept looks for anything but the lock in the cache.
func wantNothingKept(t *testing.T, cache string) {
	t.Helper()
	left, err := os.ReadDir(cache)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, entry := range left {
		if entry.Name() != "vm-kernel.lock" {
			t.Errorf("left in the cache: %s", entry.Name())
		}
	}
}

// tools is a folder with links to the tools that the recipe needs, but those named.
func tools(t *testing.T, without ...string) string {
	t.Helper()
	folder := t.TempDir()
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		found, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			// The first in PATH wins; the others fail as existing.
			_ = os.Symlink(path, filepath.Join(folder, filepath.Base(path)))
		}
	}
	for _, name := range without {
		if err := os.Remove(filepath.Join(folder, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return folder
}

func TestAMissingCompilerIsNamed(t *testing.T) {
	said, cache := recipe(t, "PATH="+tools(t, "aarch64-linux-gnu-gcc"))
	if !strings.Contains(said, "aarch64-linux-gnu-gcc: not found; cross-build/deps.sh vm installs it") {
		t.Error(said)
	}
	wantNothingKept(t, cache)
}

func TestWithoutANetworkNothingIsKept(t *testing.T) {
	if _, err := exec.LookPath("aarch64-linux-gnu-gcc"); err != nil {
		t.Skip("needs aarch64-linux-gnu-gcc: cross-build/deps.sh vm")
	}
	// Nothing listens on the discard port.
	said, cache := recipe(t, "http_proxy=http://127.0.0.1:9", "https_proxy=http://127.0.0.1:9")
	if !strings.Contains(said, "package lists: cannot be fetched; check the network") {
		t.Error(said)
	}
	wantNothingKept(t, cache)
}

// fakeApt stands before the real apt-get: it fails, or damages what it fetched.
func fakeApt(t *testing.T, script string) string {
	t.Helper()
	folder := tools(t, "apt-get")
	if err := os.WriteFile(filepath.Join(folder, "apt-get"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestThePackageThatFailsIsNamed(t *testing.T) {
	if _, err := exec.LookPath("aarch64-linux-gnu-gcc"); err != nil {
		t.Skip("needs aarch64-linux-gnu-gcc: cross-build/deps.sh vm")
	}
	for name, c := range map[string]struct{ apt, cache, want string }{
		"not in the lists": {"exit 0", "exit 0", "package linux-image-arm64:arm64: not in the package lists"},
		"not fetched": {`case "$*" in *download*) echo "E: Hash Sum mismatch" >&2; exit 100;; esac`,
			`case "$*" in *depends*) echo "  Depends: linux-image-6.1.0-1-arm64:arm64";; *) echo "Version: 6.1-1";; esac`,
			"package linux-image-6.1.0-1-arm64:arm64=6.1-1: cannot be fetched"},
		"half downloaded": {`case "$*" in *download*) for last; do :; done; echo half >"${last%%:*}_x.deb";; esac`,
			`case "$*" in *depends*) echo "  Depends: linux-image-6.1.0-1-arm64:arm64";; *) echo "Version: 6.1-1";; esac`,
			"cannot be unpacked"},
	} {
		folder := fakeApt(t, c.apt)
		if err := os.Remove(filepath.Join(folder, "apt-cache")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "apt-cache"), []byte("#!/bin/sh\n"+c.cache), 0o755); err != nil {
			t.Fatal(err)
		}
		said, cache := recipe(t, "PATH="+folder)
		if !strings.Contains(said, c.want) {
			t.Errorf("%s: %s; want %s", name, said, c.want)
		}
		wantNothingKept(t, cache)
	}
}
