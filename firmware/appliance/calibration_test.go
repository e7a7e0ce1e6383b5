package appliance

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"kensa/bus/ledger"
	"kensa/calibration"
	"kensa/calibration/store"
	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/firmware/station"
)

// sections of a calibration by procedure.
type sections map[string]calibration.Result

func flatSection(dark, gain []float32, width, height int) sections {
	return sections{"flat": {Maps: []calibration.Map{
		{Name: "dark", Title: "dark", Unit: "DN", Width: width, Height: height, Values: dark},
		{Name: "gain", Title: "gain", Unit: "1", Width: width, Height: height, Values: gain},
	}}}
}

// putCalibration puts a calibration of the configured station, for the default
// recipe's frames of 8 bits, in use; it expires in a day.
func putCalibration(t *testing.T, c config.Config, all sections) *store.Calibration {
	t.Helper()
	here, frame := CalibratedStation(c), config.DefaultRecipe().Frame
	here.Width, here.Height, here.Depth = frame.Width, frame.Height, 8
	var next *store.Calibration
	for name, r := range all {
		r.Figures = []calibration.Figure{{Name: "a", Title: "a", Value: 1}}
		next = next.With(here, name, &store.Section{At: time.Now(), By: "test", Software: "test", Result: r}, time.Now().Add(24*time.Hour))
	}
	if err := store.Open(CalibrationFolder(c)).Put(next); err != nil {
		t.Fatal(err)
	}
	used, err := Calibration(c, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return used
}

var scale = sections{
	"scale":   {Parameters: map[string]float64{"pixel_x_um": 40.2, "pixel_y_um": 40.2}},
	"trigger": {Parameters: map[string]float64{"window_min_us": 600, "window_max_us": 15000}},
}

// TestCalibrationIsRefused where it is another's, was changed, has expired, is not
// signed, or is missing; each for its own reason.
func TestCalibrationIsRefused(t *testing.T) {
	later := time.Now().AddDate(0, 0, 2)
	for name, test := range map[string]struct {
		change func(*testing.T, *config.Config)
		at     time.Time
		want   error
	}{
		"another camera":      {func(_ *testing.T, c *config.Config) { c.Calibration.Camera = "other" }, time.Now(), store.ErrOtherStation},
		"another station":     {func(_ *testing.T, c *config.Config) { c.Station.Name = "other" }, time.Now(), store.ErrOtherStation},
		"expired":             {func(_ *testing.T, c *config.Config) { c.Calibration.Expired = "refuse" }, later, store.ErrExpired},
		"expired, with alarm": {func(*testing.T, *config.Config) {}, later, nil},
		"unsigned":            {func(t *testing.T, c *config.Config) { writeKey(t, c) }, time.Now(), store.ErrUnsigned},
		"none, and required": {func(_ *testing.T, c *config.Config) { c.Calibration.Objective, c.Calibration.Required = "10x", true },
			time.Now(), store.ErrNone},
		"none": {func(_ *testing.T, c *config.Config) { c.Calibration.Objective = "10x" }, time.Now(), nil},
		"changed": {func(t *testing.T, c *config.Config) {
			path := filepath.Join(CalibrationFolder(*c), "5x", "0001", "calibration.toml")
			text, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, []byte(strings.Replace(string(text), "40.2", "40.1", 1)), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, time.Now(), store.ErrTampered},
	} {
		c := testConfig(t)
		putCalibration(t, c, scale)
		test.change(t, &c)
		_, err := Calibration(c, test.at)
		if !errors.Is(err, test.want) || test.want != nil && !errors.Is(err, ErrCalibration) {
			t.Errorf("%s: %v; want %v", name, err, test.want)
		}
	}
}

// writeKey has the calibration signed by a key that nobody has signed with.
func writeKey(t *testing.T, c *config.Config) {
	t.Helper()
	public, _, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := public.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	c.Calibration.Keys = t.TempDir()
	if err := os.WriteFile(filepath.Join(c.Calibration.Keys, "k.pub"), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestApplianceDoesNotStart with a calibration that is not its own.
func TestApplianceDoesNotStart(t *testing.T) {
	c := testConfig(t)
	putCalibration(t, c, scale)
	c.Calibration.Lens = "another"
	box, err := New(t.Context(), Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, ErrCalibration) || !errors.Is(err, store.ErrOtherStation) {
		t.Errorf("%v; want it refused", err)
	}
	if err := box.Close(); err != nil {
		t.Error(err)
	}
}

// TestResultsNameTheCalibration that they rest on; what it measured is taken, and
// a recipe that contradicts it is an alarm.
func TestResultsNameTheCalibration(t *testing.T) {
	long(t)
	c := testConfig(t)
	c.Simulator.Lots, c.Simulator.Wafers = 1, 1
	c.Ledger.Disclosure = ledger.Full
	used := putCalibration(t, c, scale)
	box := runAppliance(t, Options{Config: c}, func(_ *Appliance, w *record.Wafer) {
		if w.Calibration != used.Name() {
			t.Errorf("the wafer rests on %q; want %q", w.Calibration, used.Name())
		}
		if got := ledgerWafer(w).Calibration; got != used.Name() {
			t.Errorf("the ledger names %q", got)
		}
		if got := hostWafer(w).Calibration; got != used.Name() {
			t.Errorf("the host gets %q", got)
		}
	})
	if kept, err := box.store.Latest(t.Context()); err != nil || kept.Calibration != used.Name() {
		t.Errorf("kept %+v, %v", kept, err)
	}
	cycle := box.cycle()
	if cycle.LatencyMin != 600*time.Microsecond || cycle.LatencyMax != 15*time.Millisecond {
		t.Errorf("pairing window %v to %v; want the calibration's", cycle.LatencyMin, cycle.LatencyMax)
	}
	if !raised(box, alarm.ScaleDiffers) {
		t.Error("a pixel of 40 µm in the recipe, of 40.2 µm by calibration, is no alarm")
	}
	box.watchCalibration(used.Expires)
	if raised(box, alarm.CalibrationExpired) {
		t.Error("expired before its time")
	}
	box.watchCalibration(used.Expires.Add(time.Second))
	if !raised(box, alarm.CalibrationExpired) {
		t.Error("expired, and no alarm")
	}
	box.config.Cycle.LatencyMax = station.DefaultConfig().LatencyMax / 2
	if got := box.cycle(); got.LatencyMax != station.DefaultConfig().LatencyMax/2 {
		t.Errorf("the configured window gave way: %v", got.LatencyMax)
	}
}

func raised(a *Appliance, k alarm.Kind) bool {
	for _, active := range a.alarms.Active() {
		if active.ID == k.ID {
			return true
		}
	}
	return false
}

// TestCalibratedFlat: dark levels become 8-bit grey levels, and what the pass over
// the frame cannot hold is cut, not refused.
func TestCalibratedFlat(t *testing.T) {
	c := &store.Calibration{Station: store.Station{Width: 2, Height: 1, Depth: 12}, Sections: map[string]*store.Section{}}
	if flat, err := CalibratedFlat(c); flat != nil || err != nil {
		t.Errorf("without maps: %v, %v", flat, err)
	}
	r := flatSection([]float32{160, 4095}, []float32{1.5, float32(math.NaN())}, 2, 1)["flat"]
	c.Sections["flat"] = &store.Section{Result: r}
	flat, err := CalibratedFlat(c)
	if err != nil || flat == nil {
		t.Fatal(flat, err)
	}
	if got := within(&r.Maps[0], 1./16, 0, 64, 0); got[0] != 10 || got[1] != 64 {
		t.Errorf("dark levels %v; want 10 and the limit 64", got)
	}
	c.Station.Width = 3
	if _, err := CalibratedFlat(c); err == nil {
		t.Error("maps of another size than the frame are taken")
	}
}
