package station_test

import (
	"image"
	"math"
	"testing"

	"kensa/firmware/station"
	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/inspect"
)

// speck finds a defect of 20 pixels on each die, 30 from the die's middle.
type speck struct{ blind }

func (s speck) Inspect(img frame.Image, dies []image.Rectangle) ([]inspect.Die, error) {
	found, err := s.blind.Inspect(img, dies)
	for n := range found {
		middle := found[n].Rect.Min.Add(found[n].Rect.Max).Div(2)
		d := defect.Defect{Box: image.Rect(0, 0, 20, 10).Add(middle), CX: float64(middle.X) + 29.5, CY: float64(middle.Y) - 0.5}
		d.Measures.Size = 20
		found[n].Defects = []defect.Defect{d}
	}
	return found, err
}

// TestDriftScalesWhatThePixelMeasures: a pixel that is larger by a thousandth makes
// defects larger and their places on the die further from its middle; dies stay where
// the stage puts them. Each wafer takes the drift of its arrival, and says so.
func TestDriftScalesWhatThePixelMeasures(t *testing.T) {
	arrivals := 0
	b := newBench(t, 2, speck{}, watcher{drift: func() station.Drift {
		arrivals++
		return station.Drift{Part: 1e-3 * float64(arrivals-1), Told: ", told"}
	}})
	b.run(t.Context(), t)
	if len(b.store.wafers) != 2 || arrivals != 2 {
		t.Fatalf("%d wafers, %d arrivals; want 2 and 2", len(b.store.wafers), arrivals)
	}
	cold, warm := b.store.wafers[0], b.store.wafers[1]
	if warm.Calibration != "5x/0001 0123456789abcdef, told" {
		t.Errorf("the wafer rests on %q", warm.Calibration)
	}
	if len(cold.Defects) == 0 || len(cold.Defects) != len(warm.Defects) {
		t.Fatalf("%d and %d defects; want one on each die", len(cold.Defects), len(warm.Defects))
	}
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got/want-1) > 1e-9 {
			t.Errorf("%s %v; want %v", name, got, want)
		}
	}
	for n, c := range cold.Defects {
		w, half := warm.Defects[n], cold.Layout.DieWidth/2
		near("size", float64(w.Size), 1.001*float64(c.Size))
		near("width of the box", float64(w.SizeX), 1.001*float64(c.SizeX))
		near("place on the die", float64(w.X-half), 1.001*float64(c.X-half))
		near("cold size", c.Size.Micrometres(), 20*190)
	}
	near("pixel in the record", float64(warm.Layout.PixelSize), 1.001*float64(cold.Layout.PixelSize))
	if warm.Layout.PitchX != cold.Layout.PitchX || warm.Layout.DieWidth != cold.Layout.DieWidth {
		t.Errorf("dies moved: %+v", warm.Layout)
	}
}
