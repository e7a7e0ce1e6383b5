package config_test

import (
	"image"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kensa/firmware/config"
	"kensa/vision/golden"
)

// load reads the example recipe with masks instead of the one that it shows.
func load(t *testing.T, masks string) (config.Recipe, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recipe.toml")
	if err := os.WriteFile(path, append([]byte(nil), append(config.ExampleRecipe, masks...)...), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.LoadRecipe(path)
}

// TestMasksInPixels: the demo's die is 290×240 pixels of 40 µm, 11.6 mm × 9.6 mm.
func TestMasksInPixels(t *testing.T) {
	r, err := load(t, `
[[die.mask]]
x = "400 µm"
y = "8 mm"
width = "2.5 mm"
height = "600 µm"
kind = "relaxed"
factor = 2
[[die.mask]]
x = "0 µm"
y = "0 µm"
width = "11.6 mm"
height = "90 µm"
kind = "ignore"
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []golden.Mask{
		{Rect: image.Rect(10, 25, 73, 40), Factor: 2}, // 62.5 pixels wide
		{Rect: image.Rect(0, 237, 290, 240), Factor: math.Inf(1)},
	}
	got := r.Masks()
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("masks %v; want %v", got, want)
	}
}

// TestMaskExampleLoads takes the # away from the manual's example.
func TestMaskExampleLoads(t *testing.T) {
	var lines []string
	for _, line := range regexp.MustCompile(`(?m)^#[^ \n].*$`).FindAllString(string(config.ExampleRecipe), -1) {
		lines = append(lines, strings.TrimPrefix(line, "#"))
	}
	r, err := load(t, "\n"+strings.Join(lines, "\n")+"\n")
	if err != nil || len(r.Die.Masks) != 1 {
		t.Errorf("%v, %v; want the example's mask", r.Die.Masks, err)
	}
}

func TestMaskRefused(t *testing.T) {
	for _, c := range []struct{ name, mask, want string }{
		{"beside", `x = "11.6 mm"` + "\n" + `y = "0 µm"` + "\n" + `width = "1 mm"` + "\n" + `height = "1 mm"` + "\n" + `kind = "ignore"`, "die.mask 1: x: 11.6 mm; want 0 to less than the die's 11.6 mm"},
		{"below", `x = "0 mm"` + "\n" + `y = "-1 µm"` + "\n" + `width = "1 mm"` + "\n" + `height = "1 mm"` + "\n" + `kind = "ignore"`, "die.mask 1: y: -1 µm"},
		{"too high", `y = "9 mm"` + "\n" + `width = "1 mm"` + "\n" + `height = "1 mm"` + "\n" + `kind = "ignore"`, "die.mask 1: height: 1 mm from 9 mm leaves the die of 9.6 mm; want at most 600 µm"},
		{"no width", `height = "1 mm"` + "\n" + `kind = "ignore"`, "die.mask 1: width: 0 µm; want more than 0"},
		{"kind", `width = "1 mm"` + "\n" + `height = "1 mm"`, `die.mask 1: kind: ""; want "ignore" or "relaxed"`},
		{"factor of none", `width = "1 mm"` + "\n" + `height = "1 mm"` + "\n" + `kind = "ignore"` + "\n" + `factor = 2.0`, "die.mask 1: factor: 2"},
		{"narrower", `width = "1 mm"` + "\n" + `height = "1 mm"` + "\n" + `kind = "relaxed"` + "\n" + `factor = 0.5`, "die.mask 1: factor: 0.5; want 1 to 100"},
		{"no number", `width = "1 mm"` + "\n" + `height = "1 mm"` + "\n" + `kind = "relaxed"` + "\n" + `factor = nan`, "die.mask 1: factor: NaN"},
		{"unknown key", `width = "1 mm"` + "\n" + `depth = "1 mm"`, "unknown key die.mask.depth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := load(t, "\n[[die.mask]]\n"+c.mask+"\n"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want %q", err, c.want)
			}
		})
	}
}

func TestVotingNeedsDies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recipe.toml")
	write := func(kind string) {
		text := "name = \"x\"\nmode = \"voting\"\n[layout]\nkind = \"" + kind + "\"\npixel_size = \"1 µm\"\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("sequence")
	if _, err := config.LoadRecipe(path); err == nil || !strings.Contains(err.Error(), `mode: "voting"; layout.kind "sequence" has no dies`) {
		t.Errorf("error %v; want the layout's kind", err)
	}
}
