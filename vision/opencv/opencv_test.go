package opencv

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	const text = `
General configuration for OpenCV 4.6.0 =====================================
  Version control:               unknown

  Platform:
    Configuration:               None

  CPU/HW features:
    Baseline:                    SSE SSE2
      required:                  SSE2
    Dispatched code generation:  SSE4_2 AVX2
      SSE4_2 (1 files):          + SSE3 SSSE3
  C/C++:
    Built as dynamic libs?:      NO
    C++ Compiler:                /usr/bin/g++  (ver 12.2.0)
    C++ flags (Release):         -O2 -ffp-contract=off -O3 -DNDEBUG  -DNDEBUG
    C++ flags (Debug):           -g

  OpenCV modules:
    To be built:                 core imgproc
    Disabled:                    world
`
	want := Build{Version: "4.6.0", Baseline: []string{"SSE", "SSE2"}, Dispatch: []string{"SSE4_2", "AVX2"}, Flags: "-O2 -ffp-contract=off",
		Compiler: "/usr/bin/g++  (ver 12.2.0)", Static: true, Modules: []string{"core", "imgproc"}}
	if got := read("4.6.0", text); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v; want %+v", got, want)
	}
}

// TestLinked wants an answer from the library that is there.
func TestLinked(t *testing.T) {
	b := Linked()
	if !strings.HasPrefix(b.Version, "4.") || len(b.Baseline) == 0 || !slices.Contains(b.Modules, "imgproc") || b.Compiler == "" {
		t.Errorf("%+v; want version 4, its CPU baseline, compiler and modules", b)
	}
}
