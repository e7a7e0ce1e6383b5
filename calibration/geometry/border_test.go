package geometry_test

import (
	"testing"
	"time"

	"kensa/hw/bench"
	"kensa/hw/simulator/stand"
)

// TestBorderIsNoCorner: where the dark squares end on the bright plate there are
// saddle points too, weak ones, that noise makes and unmakes.
func TestBorderIsNoCorner(t *testing.T) {
	truth := stand.Defaults(1280, 960)
	truth.Optics.PixelX, truth.Optics.PixelY, truth.Optics.Rotation, truth.Optics.Distortion = 0.651, 0.6505, 0.004, 0.008
	truth.Light.Bend = 0.1
	s, err := stand.New(truth)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Set(t.Context(), bench.Setting{Target: bench.Chessboard, Light: 0.5, Exposure: 8 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	frames := 12
	if testing.Short() {
		frames = 2
	}
	for n := range frames {
		e, err := s.Expose(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		matches, err := board(truth).Part(e)
		e.Release()
		if err != nil || len(matches) != 13*8 {
			t.Errorf("exposure %d: %d corners, %v; want %d", n, len(matches), err, 13*8)
		}
	}
}
