//go:build cgo && !purego

package hotpath

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSanitised builds the kernel with the address and undefined-behaviour
// sanitisers and runs it over random dies with every instruction set.
func TestSanitised(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute to compile")
	}
	compiler := cmp.Or(os.Getenv("CXX"), "g++")
	flags := []string{"-std=c++17", "-O1", "-g", "-DHWY_SHARED_DEFINE", "-I.", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"}
	folder := t.TempDir()
	probe := filepath.Join(folder, "probe.cc")
	if err := os.WriteFile(probe, []byte("int main() { return 0; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	build := func(out string, sources ...string) ([]byte, error) {
		args := append(append([]string{"-o", out}, flags...), sources...)
		return exec.CommandContext(t.Context(), compiler, append(args, "-lhwy")...).CombinedOutput()
	}
	if out, err := build(filepath.Join(folder, "probe"), probe); err != nil {
		t.Skipf("%s has no sanitisers here: %v\n%s", compiler, err, out)
	}
	program := filepath.Join(folder, "sanitize")
	if out, err := build(program, "kernel.cc", "testdata/sanitize.cc"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), program, "1500").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
