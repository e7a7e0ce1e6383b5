package package_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestVersionsSortAsTheyWereMade(t *testing.T) {
	script, err := os.ReadFile("version.sh")
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	if err := os.WriteFile(filepath.Join(tree, "version.sh"), script, 0o755); err != nil {
		t.Fatal(err)
	}
	git := repository(t, tree)
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(tree, "file"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var versions []string
	note := func(form string) {
		t.Helper()
		out, err := exec.Command(filepath.Join(tree, "version.sh")).Output()
		version := strings.TrimSpace(string(out))
		if err != nil || !regexp.MustCompile("^"+form+"$").MatchString(version) {
			t.Fatalf("version %q, %v; want %s", version, err, form)
		}
		versions = append(versions, version)
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "first")
	note(`0\.0\.0\+20260101\d{6}\.g[0-9a-f]{9}`)
	write("1")
	git("add", ".")
	git("commit", "-qm", "second")
	note(`0\.0\.0\+20260101\d{6}\.g[0-9a-f]{9}`)
	git("tag", "v0.1.0-rc1")
	note(`0\.1\.0~rc1`)
	write("2")
	note(`0\.1\.0~rc1\+changed`)
	git("commit", "-qam", "third")
	git("tag", "v0.1.0")
	note(`0\.1\.0`)
	write("3")
	git("commit", "-qam", "fourth")
	note(`0\.1\.0\+1\.g[0-9a-f]{9}`)
	git("commit", "-qm", "fifth", "--allow-empty")
	note(`0\.1\.0\+2\.g[0-9a-f]{9}`)
	git("tag", "v0.1.1")
	note(`0\.1\.1`)
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skip("no dpkg: the order is not tested")
	}
	for n, version := range versions[1:] {
		if err := exec.Command("dpkg", "--compare-versions", versions[n], "lt", version).Run(); err != nil {
			t.Errorf("%s does not sort before %s", versions[n], version)
		}
	}
}

// repository runs git in a tree, each command a minute later than the last.
func repository(t *testing.T, tree string) (git func(args ...string)) {
	date := 0
	return func(args ...string) {
		t.Helper()
		date++
		command := exec.Command("git", args...)
		command.Dir = tree
		when := fmt.Sprintf("2026-01-01T00:%02d:00Z", date)
		command.Env = append(os.Environ(), "GIT_AUTHOR_DATE="+when, "GIT_COMMITTER_DATE="+when, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
}
