package firmware_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// walls says which rooms of the house may not import which, and why.
var walls = []struct{ room, mustNot, why string }{
	{"kensa/vision", "kensa/hw", "vision takes frames from anywhere and must run without hardware"},
	{"kensa/vision", "kensa/bus", "vision knows no network"},
	{"kensa/vision", "kensa/firmware", "vision is a library; the program on the box is its user"},
	{"kensa/vision", "kensa/warning", "vision knows nothing of supply chains"},
	{"kensa/vision", "kensa/calibration", "calibration uses vision, not the reverse"},
	{"kensa/hw", "kensa/vision", "hardware delivers bytes and edges; what they mean is not its business"},
	{"kensa/hw", "kensa/bus", "hardware knows no network"},
	{"kensa/hw", "kensa/firmware", "hardware is a library"},
	{"kensa/hw", "gocv.io", "cgo stays in vision and calibration"},
	{"kensa/bus", "kensa/vision", "messages carry results, not pictures of how they were found"},
	{"kensa/bus", "kensa/hw", "the network works the same on any hardware"},
	{"kensa/bus", "kensa/firmware", "bus is shared with the warning service"},
	{"kensa/bus", "gocv.io", "bus builds without cgo"},
	{"kensa/warning", "kensa/vision", "the service sees records only, never frames"},
	{"kensa/warning", "kensa/hw", "the service runs in a data centre"},
	{"kensa/warning", "kensa/firmware", "the service is a program of its own"},
	{"kensa/warning", "gocv.io", "the service is pure Go"},
	{"kensa/calibration", "kensa/bus", "calibration needs no network"},
	{"kensa/calibration", "kensa/firmware", "calibration is a library"},
	{"kensa/firmware", "gocv.io", "cgo stays in vision and calibration"},
	{"kensa/firmware", "kensa/warning", "the appliance and the service meet only over MQTT"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// TestWalls checks direct imports, so that a breach names the file's own package.
func TestWalls(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "kensa/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); packages++ {
		var p goPackage
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		checkWalls(t, p)
	}
	if packages < 10 {
		t.Fatalf("go list found %d packages; the rule was not tested", packages)
	}
}

func checkWalls(t *testing.T, p goPackage) {
	for _, wall := range walls {
		if !within(p.ImportPath, wall.room) {
			continue
		}
		for _, imported := range p.Imports {
			if within(imported, wall.mustNot) {
				t.Errorf("%s imports %s: %s", p.ImportPath, imported, wall.why)
			}
		}
	}
}

func within(path, room string) bool { return path == room || strings.HasPrefix(path, room+"/") }
