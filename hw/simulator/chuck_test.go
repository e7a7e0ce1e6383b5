package simulator

import (
	"math"
	"slices"
	"testing"
)

func chuck(t *testing.T) (*Chuck, Program) {
	t.Helper()
	p := small().program()
	o := Defaults(p)
	o.Stage.Angle, o.Defects.PerDie, o.Defects.SignatureRate = 1e-3, 2, 0
	scene, err := NewScene(o)
	if err != nil {
		t.Fatal(err)
	}
	return NewChuck(scene), p
}

// TestLoadedAnew the wafer is the same and lies otherwise: its defects are where the
// certificate says, and elsewhere in the frame.
func TestLoadedAnew(t *testing.T) {
	c, p := chuck(t)
	certificate, err := c.Certificate()
	if err != nil || len(certificate) == 0 {
		t.Fatalf("certificate of %d defects, %v", len(certificate), err)
	}
	moved := 0.0
	for loading := 1; loading <= 2; loading++ {
		if err := c.Standard(loading); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, s := range p.Stops {
			_, seen := c.Picture(s.X, s.Y)
			for _, d := range seen {
				was := certificate[n]
				if d.Class != was.Class || math.Hypot(d.X-was.X, d.Y-was.Y) > p.PixelSize/2 {
					t.Errorf("loading %d: defect %d is a %s at %.0f, %.0f µm; certified a %s at %.0f, %.0f", loading, n+1, d.Class, d.X, d.Y, was.Class, was.X, was.Y)
				}
				moved = max(moved, math.Hypot(d.CX-was.CX, d.CY-was.CY))
				n++
			}
		}
		if n != len(certificate) {
			t.Fatalf("loading %d shows %d defects; certified are %d", loading, n, len(certificate))
		}
	}
	if moved < 0.3 {
		t.Errorf("loaded anew it lay within %.2f pixels of before", moved)
	}
}

// TestGoodWafersDiffer from one another, have no defects, and each stays what it is.
func TestGoodWafersDiffer(t *testing.T) {
	c, p := chuck(t)
	s := p.Stops[0]
	see := func(piece int) []uint16 {
		c.Good(piece, 0)
		canvas, defects := c.Picture(s.X, s.Y)
		if len(defects) > 0 {
			t.Errorf("good wafer %d has defects: %v", piece, defects)
		}
		return slices.Clone(canvas.Pix)
	}
	if slices.Equal(see(1), see(2)) {
		t.Error("two good wafers look the same")
	}
}
