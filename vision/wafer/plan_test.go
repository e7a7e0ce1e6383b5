package wafer

import (
	"image"
	"math"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/length"
)

// layouts draws layouts that pass Check, from tiny dies to one a wafer.
func layouts(t *rapid.T) Layout {
	l := Layout{
		Kind:         DieGrid,
		Diameter:     length.Length(rapid.Float64Range(25e3, 450e3).Draw(t, "diameter")),
		Notch:        rapid.SampledFrom([]Orientation{Down, Left, Up, Right}).Draw(t, "notch"),
		FieldColumns: rapid.IntRange(1, 9).Draw(t, "columns"),
		FieldRows:    rapid.IntRange(1, 9).Draw(t, "rows"),
		Path:         rapid.SampledFrom([]Path{Serpentine, Raster}).Draw(t, "path"),
	}
	share := func(name string, least, most float64, of length.Length) length.Length {
		return of * length.Length(rapid.Float64Range(least, most).Draw(t, name))
	}
	l.EdgeExclusion = share("exclusion", 0, 0.1, l.Diameter)
	l.PitchX, l.PitchY = share("pitchX", 0.015, 0.6, l.Diameter), share("pitchY", 0.015, 0.6, l.Diameter)
	l.DieWidth, l.DieHeight = share("width", 0.5, 1, l.PitchX), share("height", 0.5, 1, l.PitchY)
	l.OffsetX, l.OffsetY = share("offsetX", -1, 1, l.Diameter), share("offsetY", -1, 1, l.Diameter)
	l.PixelSize = share("pixel", 0.001, 0.05, min(l.DieWidth, l.DieHeight))
	if rapid.Bool().Draw(t, "round") { // pitches of whole pixels and no street, the usual case
		columns := length.Length(math.Ceil(float64(l.PitchX / l.PixelSize)))
		l.PitchX = columns * l.PixelSize
		l.DieWidth = l.PitchX
	}
	return l
}

// drawPlan draws a layout and works it out for a frame of its size or more.
func drawPlan(t *rapid.T) *Plan {
	l := layouts(t)
	if err := l.Check(); err != nil {
		t.Skip(err.Error())
	}
	w, h := l.FieldPixels()
	w, h = w+rapid.IntRange(0, 7).Draw(t, "wider"), h+rapid.IntRange(0, 7).Draw(t, "higher")
	p, err := NewPlan(l, w, h)
	if err != nil {
		t.Skip(err.Error()) // no die fits
	}
	return p
}

// TestDiesAgainstBruteForce asks of every index far beyond the wafer whether
// the four corners of its die lie inside, in the plainest way.
func TestDiesAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		l := p.Layout
		have := map[DieIndex]bool{}
		for _, d := range p.Dies {
			if have[d.Index] {
				t.Fatalf("die %v is there twice", d.Index)
			}
			have[d.Index] = true
		}
		radius := float64(l.Diameter)/2 - float64(l.EdgeExclusion)
		columns, rows := int(2*l.Diameter/l.PitchX)+2, int(2*l.Diameter/l.PitchY)+2
		for row := -rows; row <= rows; row++ {
			for column := -columns; column <= columns; column++ {
				x := float64(l.OffsetX) + float64(column)*float64(l.PitchX)
				y := float64(l.OffsetY) + float64(row)*float64(l.PitchY)
				furthest := 0.0
				for _, sx := range []float64{-0.5, 0.5} {
					for _, sy := range []float64{-0.5, 0.5} {
						cx, cy := x+sx*float64(l.DieWidth), y+sy*float64(l.DieHeight)
						furthest = max(furthest, math.Sqrt(cx*cx+cy*cy))
					}
				}
				if math.Abs(furthest-radius) < 1e-6 {
					continue // on the edge to within rounding
				}
				if inside := furthest < radius; inside != have[DieIndex{column, row}] {
					t.Fatalf("die (%d, %d), whose furthest corner is %g of %g µm out: listed %v", column, row, furthest, radius, !inside)
				}
			}
		}
	})
}

func TestEveryDieIsInOneFieldAndNoneOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		frame := image.Rect(0, 0, p.Width, p.Height)
		w, h := p.Layout.DiePixels()
		seen := make([]int, len(p.Dies))
		for n, f := range p.Fields {
			if f.Number != n || len(f.Dies) == 0 {
				t.Fatalf("field %d has number %d and %d dies", n, f.Number, len(f.Dies))
			}
			for i, d := range f.Dies {
				seen[d.Die]++
				if !d.Rect.In(frame) || d.Rect.Dx() != w || d.Rect.Dy() != h {
					t.Fatalf("field %d, die %d: %v in a frame of %v; dies are %d×%d", n, d.Die, d.Rect, frame, w, h)
				}
				for _, other := range f.Dies[:i] {
					if d.Rect.Overlaps(other.Rect) {
						t.Fatalf("field %d: dies %d at %v and %d at %v overlap", n, d.Die, d.Rect, other.Die, other.Rect)
					}
				}
			}
		}
		for n, times := range seen {
			if times != 1 {
				t.Fatalf("die %v is in %d fields", p.Dies[n].Index, times)
			}
		}
	})
}
