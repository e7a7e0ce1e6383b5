package appliance

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/hw/simulator"
)

// TestVotingAgainstTruth runs the appliance with a recipe without a golden.
func TestVotingAgainstTruth(t *testing.T) {
	long(t)
	const wafers = 4
	c := testConfig(t)
	c.Simulator.Lots, c.Simulator.Wafers = 1, wafers
	c.Recipe.File = filepath.Join(c.Storage.State, "voting.toml")
	recipe := bytes.Replace(config.ExampleRecipe, []byte(`mode = "golden"`), []byte(`mode = "voting"`), 1)
	recipe = bytes.Replace(recipe, []byte(`golden = "demo-logic.golden"`), nil, 1)
	if err := os.WriteFile(c.Recipe.File, recipe, 0o600); err != nil {
		t.Fatal(err)
	}
	score := newScore()
	runAppliance(t, Options{Config: c}, func(a *Appliance, w *record.Wafer) {
		truth, ok := a.tool.(*simulator.Tool).Truth(w.Material.Substrate)
		if !ok {
			t.Errorf("no truth about %s", w.Material.Substrate)
			return
		}
		for _, d := range w.Dies {
			if d.Reason != "" {
				t.Logf("%s die %v: %s", w.Material.Substrate, d.Index, d.Reason)
			}
		}
		score.add(t, w, truth)
	})
	t.Log(score.String())
	if score.Wafers != wafers {
		t.Fatalf("%d wafers; want %d", score.Wafers, wafers)
	}
	score.check(t)
}
