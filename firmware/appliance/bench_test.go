package appliance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kensa/firmware/config"
)

// TestBenchTakesTheRecipesFrames: a calibration of other frames would be refused when
// the appliance starts.
func TestBenchTakesTheRecipesFrames(t *testing.T) {
	c := config.Default()
	c.Storage.State = t.TempDir()
	if w, h, err := benchFrame(c); w != 0 || h != 0 || err != nil {
		t.Errorf("without a recipe: %d×%d, %v", w, h, err)
	}
	c.Recipe.File = "product.toml"
	if _, _, err := benchFrame(c); err == nil {
		t.Error("a recipe that is not there")
	}
	if err := os.WriteFile(filepath.Join(c.Storage.State, "product.toml"), config.DemoRecipe("logic"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := config.DefaultRecipe().Frame
	if w, h, err := benchFrame(c); w != want.Width || h != want.Height || err != nil {
		t.Errorf("%d×%d, %v; want %d×%d", w, h, err, want.Width, want.Height)
	}
}

// TestBenchGivesBackWhatItTook, the last first, when a part is missing.
func TestBenchGivesBackWhatItTook(t *testing.T) {
	var order []string
	var opened Closers
	for _, name := range []string{"light", "sensor"} {
		opened.Add(func() error { order = append(order, name); return nil })
	}
	if err := opened.Close(); err != nil || strings.Join(order, " ") != "sensor light" {
		t.Errorf("%v, %v", order, err)
	}
	if err := opened.Close(); err != nil || len(order) != 2 {
		t.Errorf("given back twice: %v, %v", order, err)
	}
	c := config.Default()
	c.Source.Camera = "v4l2:/dev/kensa-none"
	c.Trigger.Mode, c.Trigger.Camera.Chip, c.Trigger.Camera.Line = config.Driven, "kensa-none", "1"
	if r, err := OpenBench(t.Context(), c); err == nil || r != nil || !strings.Contains(err.Error(), "kensa-none") {
		t.Errorf("%v, %v", r, err)
	}
}
