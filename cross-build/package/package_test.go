// Package package_test tests the Debian packages: their units, their versions,
// and, in a Debian of its own, how they are installed, upgraded and removed.
package package_test

import (
	"crypto/sha256"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestUnitsAreSandboxed holds every unit to the exposure that was promised.
func TestUnitsAreSandboxed(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze: the units are not judged")
	}
	const limit = 2.0
	units, err := filepath.Glob("*.service")
	if err != nil || len(units) < 3 {
		t.Fatalf("units %v, %v; want three", units, err)
	}
	overall := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	for _, unit := range units {
		// Over the threshold, in tenths, the exit code is 1 too.
		out, err := exec.Command("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", "./"+unit).CombinedOutput()
		found := overall.FindSubmatch(out)
		if found == nil {
			t.Errorf("%s: %v: no exposure in %s", unit, err, out)
			continue
		}
		exposure, parseErr := strconv.ParseFloat(string(found[1]), 64)
		if parseErr != nil || exposure > limit || err != nil {
			t.Errorf("%s: exposure %s, %v; limit %.1f\n%s", unit, found[1], err, limit, out)
		}
		t.Logf("%s: exposure %.1f", unit, exposure)
		if strings.Contains(string(out), "Unknown") {
			t.Errorf("%s: %s", unit, out)
		}
	}
}

// long skips what `make test-package` runs.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("KENSA_TEST_PACKAGE") == "" {
		t.Skip("make test-package runs this")
	}
}

// programs are the static programs for this machine. Where they were not built,
// another static program stands for kensa, and real is false.
func programs(t *testing.T) (kensa, warning string, real bool) {
	t.Helper()
	kensa, warning = "../../dist/kensa-linux-"+runtime.GOARCH, "../../dist/kensa-warning-linux-"+runtime.GOARCH
	if _, err := os.Stat(kensa); err == nil {
		return kensa, warning, true
	}
	t.Logf("no %s (make %s): kensa-warning stands for it, and kensa itself is not run", kensa, runtime.GOARCH)
	warning = filepath.Join(t.TempDir(), "kensa-warning")
	build := exec.Command("go", "build", "-trimpath", "-o", warning, "kensa/warning/cmd/kensa-warning")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("kensa-warning: %v\n%s", err, out)
	}
	return warning, warning, false
}

// build makes the packages of a version and returns them by name.
func build(t *testing.T, version, kensa, warning string) map[string]string {
	t.Helper()
	folder := t.TempDir()
	command := exec.Command("./package.sh", runtime.GOARCH, kensa, warning, folder)
	command.Env = append(os.Environ(), "VERSION="+version, "SOURCE_DATE_EPOCH=1700000000", "COMPRESSION=none")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("package.sh: %v\n%s", err, out)
	}
	made := map[string]string{}
	for _, path := range strings.Fields(string(out)) {
		name, _, _ := strings.Cut(filepath.Base(path), "_")
		made[name] = path
	}
	if len(made) != 3 {
		t.Fatalf("made %v; want three packages", made)
	}
	return made
}

func hash(t *testing.T, path string) [sha256.Size]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(data)
}

func TestPackagesAreReproducible(t *testing.T) {
	long(t)
	kensa, warning, _ := programs(t)
	first := build(t, "1.0", kensa, warning)
	copied := filepath.Join(t.TempDir(), "elsewhere")
	data, err := os.ReadFile(kensa)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, data, 0o700); err != nil { // another time, mode and folder
		t.Fatal(err)
	}
	for name, path := range build(t, "1.0", copied, warning) {
		if hash(t, path) != hash(t, first[name]) {
			t.Errorf("%s differs from one build to the next", name)
		}
	}
}

// debian is a folder with a Debian in it.
type debian struct {
	t    *testing.T
	root string
}

// newDebian unpacks the one that `make test-package` keeps.
func newDebian(t *testing.T) debian {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not root: packages are not installed")
	}
	base := os.Getenv("KENSA_DEBIAN")
	if base == "" {
		t.Skip("KENSA_DEBIAN names no archive of a Debian: packages are not installed")
	}
	d := debian{t, t.TempDir()}
	if out, err := exec.Command("tar", "-C", d.root, "-xf", base).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", base, err, out)
	}
	return d
}

// run runs a command in it.
func (d debian) run(args ...string) string {
	d.t.Helper()
	command := exec.Command("chroot", append([]string{d.root}, args...)...)
	command.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "LC_ALL=C.UTF-8"}
	out, err := command.CombinedOutput()
	if err != nil {
		d.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// install installs packages; what they depend on beyond the base is not there.
func (d debian) install(packages map[string]string) string {
	d.t.Helper()
	args := []string{"dpkg", "--force-depends", "-i"}
	for _, path := range slices.Sorted(maps.Values(packages)) {
		data, err := os.ReadFile(path)
		if err != nil {
			d.t.Fatal(err)
		}
		inside := "/root/" + filepath.Base(path)
		d.write(inside, string(data))
		args = append(args, inside)
	}
	out := d.run(args...)
	for _, path := range args[3:] {
		if err := os.Remove(d.root + path); err != nil {
			d.t.Fatal(err)
		}
	}
	return out
}

func (d debian) write(path, text string) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.root+path), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(d.root+path, []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d debian) read(path string) string {
	d.t.Helper()
	text, err := os.ReadFile(d.root + path)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

func (d debian) exists(path string) bool {
	_, err := os.Lstat(d.root + path)
	return err == nil
}

func (d debian) wants(want bool, paths ...string) {
	d.t.Helper()
	for _, path := range paths {
		if d.exists(path) != want {
			d.t.Errorf("%s is there: %v; want %v", path, !want, want)
		}
	}
}

func (d debian) link(want string) {
	d.t.Helper()
	if got, err := os.Readlink(d.root + "/var/lib/kensa-update/current"); got != want {
		d.t.Errorf("the link leads to %q, %v; want %q", got, err, want)
	}
}

// files are all but what dpkg and the user database keep for themselves.
func (d debian) files() map[string]bool {
	d.t.Helper()
	own := regexp.MustCompile(`^/(var/lib/dpkg|var/log|var/cache|proc|sys|dev)/|^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$`)
	list := map[string]bool{}
	if err := filepath.WalkDir(d.root, func(path string, _ fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, d.root)
		if err == nil && !own.MatchString(name) {
			list[name] = true
		}
		return err
	}); err != nil {
		d.t.Fatal(err)
	}
	return list
}

// TestInstallUpgradeRemovePurge goes the whole way of the packages. No systemd
// runs in the folder: the maintainer scripts must do without.
func TestInstallUpgradeRemovePurge(t *testing.T) {
	long(t)
	d := newDebian(t)
	kensa, warning, real := programs(t)
	before := d.files()
	users := d.read("/etc/passwd")
	d.wantInstall(build(t, "1.0", kensa, warning))
	if real {
		d.wantProgram()
	}
	d.wantUpgrade(build(t, "1.0", kensa, warning), build(t, "1.1", kensa, warning))
	d.wantRemoval()
	for path := range d.files() {
		if !before[path] {
			t.Errorf("left after purge: %s", path)
		}
	}
	if d.read("/etc/passwd") != users {
		t.Error("users are left after purge")
	}
}

func (d debian) wantInstall(packages map[string]string) {
	t := d.t
	t.Helper()
	out := d.install(packages)
	if !strings.Contains(out, "systemctl enable --now kensa\n") {
		t.Errorf("the way on is not told:\n%s", out)
	}
	d.wants(true, "/etc/kensa/kensa.toml", "/etc/kensa/update.pub", "/etc/kensa/warning.conf", "/etc/kensa/kiosk.conf",
		"/lib/systemd/system/kensa.service", "/lib/systemd/system/kensa-warning.service", "/lib/systemd/system/kensa-kiosk.service",
		"/lib/udev/rules.d/60-kensa.rules", "/usr/bin/kensa-warning")
	if owner := strings.TrimSpace(d.run("stat", "-c", "%U:%G %a", "/var/lib/kensa")); owner != "kensa:kensa 750" {
		t.Errorf("/var/lib/kensa belongs to %s; want kensa:kensa 750", owner)
	}
	if owner := strings.TrimSpace(d.run("stat", "-c", "%U:%G %a", "/var/lib/kensa-update")); owner != "root:root 755" {
		t.Errorf("/var/lib/kensa-update belongs to %s; want root:root 755", owner)
	}
	d.link("/usr/lib/kensa")
	d.run("kensa-warning", "version")
}

func (d debian) wantProgram() {
	d.t.Helper()
	d.run("kensa", "doctor", "--config", "/etc/kensa/kensa.toml")
	if said := d.run("/usr/lib/kensa/kensa", "update", "--select"); !strings.Contains(said, "/usr/lib/kensa/kensa: version 1.0") {
		d.t.Errorf("select: %s", said)
	}
}

// wantUpgrade installs the same packages again, over what a fab has done by then,
// and then those of version 1.1.
func (d debian) wantUpgrade(same, next map[string]string) {
	t := d.t
	t.Helper()
	changed := d.read("/etc/kensa/kensa.toml") + "\n# ours\n"
	d.write("/etc/kensa/kensa.toml", changed)
	d.write("/etc/kensa/update.pub", "# our key\n")
	d.write("/var/lib/kensa/kensa.db", "results")
	d.write("/var/lib/kensa-update/a/kensa", "an update")
	d.run("chmod", "+x", "/var/lib/kensa-update/a/kensa")
	d.run("ln", "-sfn", "/var/lib/kensa-update/a", "/var/lib/kensa-update/current")

	d.install(same)
	d.link("/var/lib/kensa-update/a")
	d.install(next)
	d.link("/usr/lib/kensa")
	if got := d.read("/etc/kensa/kensa.toml"); got != changed {
		t.Error("the configuration was not kept")
	}
	if got := d.read("/etc/kensa/update.pub"); got != "# our key\n" {
		t.Error("the keys were not kept")
	}
	if version := d.run("dpkg-query", "-Wf", "${Version}", "kensa"); version != "1.1" || d.read("/var/lib/kensa/kensa.db") != "results" {
		t.Errorf("version %s; want 1.1, and the results kept", version)
	}
}

func (d debian) wantRemoval() {
	t := d.t
	t.Helper()
	out := d.run("dpkg", "--remove", "kensa-kiosk", "kensa-warning", "kensa")
	if !strings.Contains(out, "stay in /var/lib/kensa;") {
		t.Errorf("what stays is not told:\n%s", out)
	}
	d.wants(true, "/etc/kensa/kensa.toml", "/etc/kensa/update.pub", "/var/lib/kensa/kensa.db")
	d.wants(false, "/lib/systemd/system/kensa.service", "/usr/bin/kensa", "/usr/lib/kensa", "/lib/udev/rules.d/60-kensa.rules")

	out = d.run("dpkg", "--purge", "kensa-kiosk", "kensa-warning", "kensa")
	if !strings.Contains(out, "with all results and keys is removed") {
		t.Errorf("what went is not told:\n%s", out)
	}
}
