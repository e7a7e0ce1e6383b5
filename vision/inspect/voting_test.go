package inspect_test

import (
	"fmt"
	"image"
	"math"
	"strings"
	"testing"

	"kensa/vision/frame"
	"kensa/vision/golden"
	"kensa/vision/inspect"
	"kensa/vision/internal/testdie"
)

// times is how often a random case is tried: once where the race detector makes
// loops over pixels slow.
func times(n int) int {
	if testing.Short() {
		return 1
	}
	return n
}

func voting(t testing.TB, masks ...golden.Mask) *inspect.Voting {
	t.Helper()
	v, err := inspect.NewVoting(inspect.DefaultGoldenParams(), masks, new(inspect.Kept))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func vote(t testing.TB, v *inspect.Voting, f testdie.Frame) []inspect.Die {
	t.Helper()
	found, err := v.Inspect(f.Image, f.Rects)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestVotingGoodDiesGiveNoDefects(t *testing.T) {
	for name, c := range map[string]testdie.Conditions{"usual": testdie.Usual(), "harder": harder()} {
		for _, shown := range []int{3, 5, 9} {
			t.Run(fmt.Sprint(name, shown), func(t *testing.T) {
				v, r := voting(t), source(20)
				for range times(4) {
					f := layout.Draw(c, r, nil)
					f.Rects = f.Rects[:shown]
					for _, d := range vote(t, v, f) {
						if !d.Registered || len(d.Defects) > 0 || d.Light != 0 {
							t.Errorf("die at %v: %q, %+v; want registered, no defect", d.Rect.Min, d.Reason, d.Defects)
						}
					}
				}
			})
		}
	}
}

// TestVotingFindsADefectOnItsDieOnly puts one disc on one of three to nine dies.
func TestVotingFindsADefectOnItsDieOnly(t *testing.T) {
	r := source(19)
	for range times(30) {
		shown := 3 + r.IntN(7)
		at := r.IntN(shown)
		radius := 2.5 + 9*r.Float64()
		truth := testdie.Disc{
			X: radius + (width-2*radius)*r.Float64(), Y: radius + (height-2*radius)*r.Float64(),
			Radius: radius, Delta: []float64{-70, -50, 50, 70}[r.IntN(4)],
		}
		f := layout.Draw(testdie.Usual(), r, func(die int) []testdie.Disc {
			if die == at {
				return []testdie.Disc{truth}
			}
			return nil
		})
		f.Rects = f.Rects[:shown]
		for n, d := range vote(t, voting(t), f) {
			want := 0
			if n == at {
				want = 1
			}
			if !d.Registered || len(d.Defects) != want {
				t.Fatalf("die %d of %d: %q, %+v; want %d defects, %+v on die %d", n, shown, d.Reason, d.Defects, want, truth, at)
			}
			if n == at && math.Hypot(d.Defects[0].CX-float64(f.Rects[n].Min.X)-f.DX[n]-truth.X, d.Defects[0].CY-float64(f.Rects[n].Min.Y)-f.DY[n]-truth.Y) > 1.5 {
				t.Fatalf("%+v; want it at %+v of die %v", d.Defects[0], truth, f.Rects[n].Min)
			}
		}
	}
}

// spoilt is a frame with a disc on two of its nine dies.
func spoilt(seed uint64) testdie.Frame {
	return layout.Draw(testdie.Usual(), source(seed), func(die int) []testdie.Disc {
		switch die {
		case 2:
			return []testdie.Disc{{X: 100, Y: 60, Radius: 3, Delta: 70}}
		case 6:
			return []testdie.Disc{{X: 40, Y: 110, Radius: 4, Delta: -60}}
		}
		return nil
	})
}

// TestVotingShiftOfAllDies shifts the image under the rectangles: the findings
// shift with it, and nothing else changes.
func TestVotingShiftOfAllDies(t *testing.T) {
	f := spoilt(21)
	want := vote(t, voting(t), f)
	r := source(28)
	for range times(6) {
		dx, dy := r.IntN(7)-3, r.IntN(7)-3
		moved := frame.New(f.Image.Width, f.Image.Height, 8)
		for n := range moved.Pix {
			x, y := n%moved.Width-dx, n/moved.Width-dy
			moved.Pix[n] = byte(f.Image.At(max(0, min(moved.Width-1, x)), max(0, min(moved.Height-1, y))))
		}
		for n, d := range vote(t, voting(t), testdie.Frame{Image: moved, Rects: f.Rects}) {
			if !d.Registered || len(d.Defects) != len(want[n].Defects) {
				t.Fatalf("die %d, shifted by (%d, %d): %q, %+v; before %+v", n, dx, dy, d.Reason, d.Defects, want[n].Defects)
			}
			for k, found := range d.Defects {
				before := want[n].Defects[k].Translate(dx, dy)
				if found.Class != before.Class || math.Hypot(found.CX-before.CX, found.CY-before.CY) > 0.5 {
					t.Fatalf("die %d: %+v; want %+v", n, found, before)
				}
			}
		}
	}
}

func TestVotingLightChangesNothing(t *testing.T) {
	f := spoilt(22)
	want := vote(t, voting(t), f)
	for _, scale := range []float64{0.7, 0.9, 1.25}[:times(3)] {
		dimmed := testdie.Frame{Image: f.Image.Clone(), Rects: f.Rects}
		for n, v := range dimmed.Image.Pix {
			dimmed.Image.Pix[n] = uint8(math.Round(min(255, scale*float64(v))))
		}
		for n, d := range vote(t, voting(t), dimmed) {
			if !d.Registered || len(d.Defects) != len(want[n].Defects) {
				t.Fatalf("die %d at %.2f of the light: %q, %+v; before %+v", n, scale, d.Reason, d.Defects, want[n].Defects)
			}
			for k, found := range d.Defects {
				if found.Class != want[n].Defects[k].Class || !found.Box.Overlaps(want[n].Defects[k].Box) {
					t.Fatalf("die %d: %+v; want %+v", n, found, want[n].Defects[k])
				}
			}
		}
	}
}

// TestVotingMinorityOfTwo puts the same defect on two dies of seven.
func TestVotingMinorityOfTwo(t *testing.T) {
	f := layout.Draw(testdie.Usual(), source(23), func(die int) []testdie.Disc {
		if die < 2 {
			return []testdie.Disc{{X: 100, Y: 60, Radius: 4, Delta: 70}}
		}
		return nil
	})
	f.Rects = f.Rects[:7]
	for n, d := range vote(t, voting(t), f) {
		if want := n < 2; (len(d.Defects) == 1) != want || !d.Registered {
			t.Errorf("die %d: %q, %+v; want a defect: %v", n, d.Reason, d.Defects, want)
		}
	}
}

// TestVotingSmallFields: two dies alone cannot tell which of them is right; with
// those of an earlier field they can.
func TestVotingSmallFields(t *testing.T) {
	v, r := voting(t), source(24)
	first := layout.Draw(testdie.Usual(), r, nil)
	first.Rects = first.Rects[:2]
	for _, d := range vote(t, v, first) {
		if d.Registered || !strings.Contains(d.Reason, "2 dies; want 3") {
			t.Errorf("first field: registered %v, %q; want too few dies", d.Registered, d.Reason)
		}
	}
	for n := range 4 {
		f := layout.Draw(testdie.Usual(), r, func(die int) []testdie.Disc {
			if die == 4 {
				return []testdie.Disc{{X: 100, Y: 60, Radius: 4, Delta: 70}}
			}
			return nil
		})
		f.Rects = f.Rects[4:5]
		if d := vote(t, v, f)[0]; !d.Registered || len(d.Defects) != 1 {
			t.Errorf("field %d: %q, %+v; want one defect", n, d.Reason, d.Defects)
		}
	}
}

func TestVotingNotRegistered(t *testing.T) {
	f, r := spoilt(25), source(25)
	foreign := testdie.NewLayout(width, height, 8).Draw(testdie.Usual(), r, nil).Image
	mixed := f.Image.Clone()
	for _, n := range []int{0, 4, 5} {
		for y := f.Rects[n].Min.Y - 3; y < f.Rects[n].Max.Y+3; y++ {
			copy(mixed.Row(y)[f.Rects[n].Min.X-3:f.Rects[n].Max.X+3], foreign.Row(y)[f.Rects[n].Min.X-3:])
		}
	}
	found := vote(t, voting(t), testdie.Frame{Image: mixed, Rects: f.Rects})
	for n, d := range found {
		if stranger := n == 0 || n == 4 || n == 5; d.Registered == stranger || stranger && len(d.Defects) > 0 {
			t.Errorf("die %d: registered %v, %q, %+v; a stranger: %v", n, d.Registered, d.Reason, d.Defects, stranger)
		}
	}
	v := voting(t)
	black := testdie.Frame{Image: frame.New(f.Image.Width, f.Image.Height, 8), Rects: f.Rects}
	for _, d := range vote(t, v, black) {
		if d.Registered || !strings.Contains(d.Reason, "dies cannot be compared") {
			t.Errorf("black: registered %v, %q", d.Registered, d.Reason)
		}
	}
	outside := testdie.Frame{Image: f.Image, Rects: append([]image.Rectangle{f.Rects[0].Add(image.Pt(5000, 0))}, f.Rects...)}
	found = vote(t, v, outside)
	if found[0].Registered || !strings.Contains(found[0].Reason, "outside the frame") || !found[1].Registered {
		t.Errorf("%q, %q; want only the first die outside the frame", found[0].Reason, found[1].Reason)
	}
}

func TestVotingDeeperFrames(t *testing.T) {
	f := spoilt(26)
	want := vote(t, voting(t), f)
	deep := frame.New(f.Image.Width, f.Image.Height, 12)
	for n, v := range f.Image.Pix {
		deep.Set(n%deep.Width, n/deep.Width, int(v)<<4)
	}
	if got := vote(t, voting(t), testdie.Frame{Image: deep, Rects: f.Rects}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("12 bits: %+v; 8 bits give %+v", got, want)
	}
}

// TestVotingOneDieAFrame gives no rectangles: frames vote with those before.
func TestVotingOneDieAFrame(t *testing.T) {
	v, r := voting(t), source(27)
	for n := range 5 {
		f := layout.Draw(testdie.Usual(), r, func(int) []testdie.Disc {
			if n == 4 {
				return []testdie.Disc{{X: 90, Y: 70, Radius: 4, Delta: 80}}
			}
			return nil
		})
		found, err := v.Inspect(f.Image.Sub(f.Rects[4].Inset(-5)), nil)
		if err != nil || len(found) != 1 || found[0].Registered != (n >= 2) || (len(found[0].Defects) == 1) != (n == 4) {
			t.Errorf("frame %d: %+v, %v", n, found, err)
		}
	}
}

func TestVotingRefuses(t *testing.T) {
	v := voting(t)
	good := frame.New(960, 800, 8)
	for _, c := range []struct {
		name  string
		img   frame.Image
		rects []image.Rectangle
		want  string
	}{
		{"depth", frame.Image{Pix: good.Pix, Width: 960, Height: 800, Stride: 960, Depth: 9}, nil, "depth 9"},
		{"sizes", good, []image.Rectangle{image.Rect(0, 0, width, height), image.Rect(0, 0, width, height+1)}, "of one size"},
		{"too small", frame.New(10, 10, 8), nil, "of one size"},
	} {
		if _, err := v.Inspect(c.img, c.rects); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want %q", c.name, err, c.want)
		}
	}
	p := inspect.DefaultGoldenParams()
	p.Limits.KSigma = 0
	if _, err := inspect.NewVoting(p, nil, new(inspect.Kept)); err == nil || !strings.HasPrefix(err.Error(), "limits.k_sigma") {
		t.Errorf("error %v; want limits.k_sigma", err)
	}
}

// BenchmarkInspectVoting inspects the frame of BenchmarkInspectGolden.
func BenchmarkInspectVoting(b *testing.B) {
	layout := testdie.NewLayout(290, 240, 7)
	f := layout.Draw(testdie.Usual(), source(8), func(die int) []testdie.Disc {
		return []testdie.Disc{{X: 100, Y: 50 + 10*float64(die), Radius: 3, Delta: 70}}
	})
	v := voting(b)
	b.SetBytes(int64(len(f.Image.Pix)))
	b.ReportAllocs()
	for b.Loop() {
		vote(b, v, f)
	}
}
