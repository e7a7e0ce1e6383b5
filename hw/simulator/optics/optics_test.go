package optics

import (
	"encoding/binary"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kensa/hw/simulator/die"
)

const side = 60

// sample is a pair of plates with a square and a disc on bare substrate.
func sample() Pair {
	develop := func(bias float64) *Plate {
		r := die.NewRaster(image.Rect(0, 0, side, side).Inset(-2 - Margin))
		r.Paint(die.Shape{X0: -20, Y0: -20, X1: side + 20, Y1: side + 20, Material: die.Substrate})
		r.Paint(die.Shape{X0: 14 - bias, Y0: 20 - bias, X1: 25 + bias, Y1: 29 + bias, Material: die.Metal})
		r.Paint(die.Shape{X0: 34 - bias, Y0: 34 - bias, X1: 47 + bias, Y1: 47 + bias, Material: die.Pad, Round: true})
		return NewPlate(r, &die.Grey)
	}
	return Pair{develop(-0.25), develop(0.25)}
}

// steady is a pair whose edges do not wander.
func steady() Pair {
	p := sample()
	return Pair{p.Wide, p.Wide}
}

func pose(x, y float64) Pose {
	return Pose{X: x, Y: y, Width: side, Height: side, Bias: 128, Gain: 4096}
}

// centroid is the middle of what stands out from the substrate within r.
func centroid(c *Canvas, r image.Rectangle) (x, y, sum float64) {
	for j := r.Min.Y; j < r.Max.Y; j++ {
		for i := r.Min.X; i < r.Max.X; i++ {
			v := float64(c.Pix[j*c.Width+i])/One - die.Grey[die.Substrate]
			if v < 0.5 {
				v = 0
			}
			x, y, sum = x+v*(float64(i)+0.5), y+v*(float64(j)+0.5), sum+v
		}
	}
	return x / sum, y / sum, sum
}

func TestAShiftIsExact(t *testing.T) {
	pair := steady()
	rapid.Check(t, func(t *rapid.T) {
		x, y := rapid.Float64Range(38, 42).Draw(t, "x"), rapid.Float64Range(38, 42).Draw(t, "y")
		c := NewCanvas(80, 80)
		for i := range c.Pix {
			c.Pix[i] = uint16(die.Grey[die.Substrate] * One)
		}
		p := pose(x, y)
		c.Draw(pair, &p, c.Bounds())
		for _, part := range []struct {
			box    image.Rectangle
			cx, cy float64
		}{{image.Rect(10, 16, 29, 33), 19.5, 24.5}, {image.Rect(30, 30, 51, 51), 40.5, 40.5}} {
			wantX, wantY := p.ToFrame(part.cx, part.cy)
			moved := part.box.Add(image.Pt(int(math.Round(wantX-part.cx)), int(math.Round(wantY-part.cy))))
			gotX, gotY, _ := centroid(c, moved)
			if math.Abs(gotX-wantX) > 0.02 || math.Abs(gotY-wantY) > 0.02 {
				t.Fatalf("a part at (%.4f, %.4f) was drawn at (%.4f, %.4f)", wantX, wantY, gotX, gotY)
			}
		}
	})
}

func TestAWholePixelMovesThePictureAsItIs(t *testing.T) {
	pair := sample()
	a, b := NewCanvas(80, 80), NewCanvas(80, 80)
	p, q := pose(40.37, 39.81), pose(41.37, 41.81)
	a.Draw(pair, &p, a.Bounds())
	b.Draw(pair, &q, b.Bounds())
	for y := 12; y < 66; y++ {
		if !slices.Equal(a.Pix[y*80+12:y*80+66], b.Pix[(y+2)*80+13:(y+2)*80+67]) {
			t.Fatalf("row %d differs", y)
		}
	}
}

func TestBrightnessDoesNotDependOnThePhase(t *testing.T) {
	pair := steady()
	var sums []float64
	for _, phase := range []float64{0, 0.1, 0.25, 0.49, 0.77} {
		c := NewCanvas(80, 80)
		p := pose(40+phase, 40-phase)
		c.Draw(pair, &p, c.Bounds())
		_, _, sum := centroid(c, image.Rect(20, 22, 40, 44))
		sums = append(sums, sum)
	}
	for _, s := range sums {
		if math.Abs(s-sums[0])/sums[0] > 0.002 {
			t.Errorf("sums %v", sums)
		}
	}
}

func TestBiasMovesEdges(t *testing.T) {
	pair := sample()
	area := func(bias int32) float64 {
		c := NewCanvas(80, 80)
		p := pose(40, 40)
		p.Bias = bias
		c.Draw(pair, &p, c.Bounds())
		_, _, sum := centroid(c, image.Rect(20, 26, 40, 44))
		return sum / (die.Grey[die.Metal] - die.Grey[die.Substrate])
	}
	narrow, wide := area(MinBias), area(MaxBias)
	// Edges move by 0.25 pixels times bias/128 − 1; the square is 11 × 9.
	edge := func(bias float64) float64 { d := 0.5 * (bias/128 - 1); return (11 + d) * (9 + d) }
	if math.Abs(narrow-edge(MinBias)) > 2 || math.Abs(wide-edge(MaxBias)) > 2 || wide-narrow < 8 {
		t.Errorf("areas %.1f to %.1f; want %.1f to %.1f", narrow, wide, edge(MinBias), edge(MaxBias))
	}
}

func TestATurnedDieTurnsAboutItsCentre(t *testing.T) {
	pair := steady()
	p := pose(40.3, 40.6)
	p.Angle = MaxAngle
	c := NewCanvas(80, 80)
	c.Draw(pair, &p, c.Bounds())
	wantX, wantY := p.ToFrame(19.5, 24.5)
	gotX, gotY, _ := centroid(c, image.Rect(20, 26, 40, 44))
	if math.Abs(gotX-wantX) > 0.03 || math.Abs(gotY-wantY) > 0.03 {
		t.Errorf("drawn at (%.4f, %.4f), want (%.4f, %.4f)", gotX, gotY, wantX, wantY)
	}
	u, v := p.ToDie(wantX, wantY)
	if math.Abs(u-19.5) > 1e-9 || math.Abs(v-24.5) > 1e-9 {
		t.Errorf("ToDie does not undo ToFrame: (%v, %v)", u, v)
	}
}

// TestASmallPlateIsAPartOfALargeOne is what lets a flaw be drawn over a die
// without a seam.
func TestASmallPlateIsAPartOfALargeOne(t *testing.T) {
	d, err := die.New("sensor", 120, 110)
	if err != nil {
		t.Fatal(err)
	}
	plate := func(r image.Rectangle) *Plate { return NewPlate(d.Raster(r.Inset(-Margin), 0.25), &die.Grey) }
	whole, small := plate(image.Rect(0, 0, 120, 110)), image.Rect(33, 41, 58, 60)
	part := plate(small)
	for phase := range phases * phases {
		for y := small.Min.Y; y < small.Max.Y; y++ {
			a := whole.row(small.Min.X, y, phase%phases, phase/phases, small.Dx())
			if b := part.row(small.Min.X, y, phase%phases, phase/phases, small.Dx()); !slices.Equal(a, b) {
				t.Fatalf("phase %d, row %d differs", phase, y)
			}
		}
	}
}

func TestDrawingNeverLeavesItsPart(t *testing.T) {
	pair := sample()
	rapid.Check(t, func(t *rapid.T) {
		c := NewCanvas(50, 40)
		p := pose(rapid.Float64Range(-80, 130).Draw(t, "x"), rapid.Float64Range(-80, 120).Draw(t, "y"))
		p.Angle = rapid.SampledFrom([]float64{0, 1e-3, -MaxAngle}).Draw(t, "angle")
		x, y := rapid.IntRange(-10, 60).Draw(t, "left"), rapid.IntRange(-10, 50).Draw(t, "top")
		part := image.Rect(x, y, x+rapid.IntRange(0, 40).Draw(t, "w"), y+rapid.IntRange(0, 40).Draw(t, "h"))
		c.Draw(pair, &p, part)
		for i, v := range c.Pix {
			if v != 0 && !image.Pt(i%50, i/50).In(part) {
				t.Fatalf("pixel (%d, %d) outside %v", i%50, i/50, part)
			}
		}
	})
}

func flat(width, height int, grey float64) *Canvas {
	c := NewCanvas(width, height)
	for i := range c.Pix {
		c.Pix[i] = uint16(grey * One)
	}
	return c
}

func expose(t testing.TB, c *Canvas, s Sensor, lamp float64) []float64 {
	t.Helper()
	cam, err := NewCamera(c.Width, c.Height, s)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, c.Width*c.Height*cam.BytesPerPixel())
	cam.Expose(c, lamp, rand.New(rand.NewPCG(1, 2)), out)
	values := make([]float64, c.Width*c.Height)
	for i := range values {
		if cam.BytesPerPixel() == 1 {
			values[i] = float64(out[i])
		} else {
			values[i] = float64(binary.LittleEndian.Uint16(out[2*i:]))
		}
	}
	return values
}

func moments(v []float64) (mean, sigma float64) {
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		sigma += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sigma / float64(len(v)))
}

func TestNoiseIsAsAsked(t *testing.T) {
	for _, depth := range []int{8, 10, 12, 16} {
		for _, grey := range []float64{30, 120, 200} {
			s := Sensor{Depth: depth, ReadNoise: 1.5, ShotNoise: 0.033}
			v := expose(t, flat(256, 256, grey), s, 1)
			unit := float64(int(1)<<depth-1) / 255
			mean, sigma := moments(v)
			want := math.Sqrt(1.5*1.5 + 0.033*grey)
			if depth == 8 {
				want = math.Sqrt(want*want + 1.0/12) // rounding to whole grey levels
			}
			if math.Abs(mean/unit-grey) > 0.1 || math.Abs(sigma/unit-want) > 0.05*want {
				t.Errorf("depth %d: %.2f ± %.3f, want %.2f ± %.3f", depth, mean/unit, sigma/unit, grey, want)
			}
			right, below := 0.0, 0.0
			for i := range len(v) - 256 {
				right += (v[i] - mean) * (v[i+1] - mean)
				below += (v[i] - mean) * (v[i+256] - mean)
			}
			if n := float64(len(v)) * sigma * sigma; math.Abs(right/n) > 0.02 || math.Abs(below/n) > 0.02 {
				t.Errorf("depth %d: neighbours correlate by %.3f and %.3f", depth, right/n, below/n)
			}
		}
	}
}

func TestLightFallsOffAndDustStays(t *testing.T) {
	s := Sensor{Depth: 12, Vignetting: 0.2, Tilt: 0.1, Dust: []Dust{{X: 30, Y: 50, Radius: 4, Depth: 0.5}}}
	v := expose(t, flat(200, 100, 150), s, 0.9)
	at := func(x, y int) float64 { return v[y*200+x] / (4095.0 / 255) }
	if m := at(100, 50); math.Abs(m-135) > 0.5 {
		t.Errorf("middle %.2f, want 135", m)
	}
	if corner, want := at(0, 0), 135*0.8*(1-0.05-0.025); math.Abs(corner-want) > 2 {
		t.Errorf("corner %.2f, want %.2f", corner, want)
	}
	if ratio := at(30, 50) / at(45, 50); math.Abs(ratio-0.5) > 0.05 {
		t.Errorf("dust lets %.2f of the light through, want 0.5", ratio)
	}
}

func TestTheSensorSaturates(t *testing.T) {
	s := Sensor{Depth: 16, ReadNoise: 3}
	for _, x := range expose(t, flat(64, 64, 250), s, 3) {
		if x > 65535 || x < 60000 {
			t.Fatalf("value %v", x)
		}
	}
	low := expose(t, flat(64, 64, 0), Sensor{Depth: 8, ReadNoise: 3}, 1)
	if slices.Min(low) != 0 || slices.Max(low) > 30 {
		t.Errorf("black is %v to %v", slices.Min(low), slices.Max(low))
	}
}

func TestBadSensorsAreErrors(t *testing.T) {
	for _, s := range []Sensor{{Depth: 9}, {Depth: 8, Vignetting: -1}, {Depth: 8, ReadNoise: math.NaN()}, {Depth: 8, Tilt: 2}, {Depth: 8, ShotNoise: 99}} {
		if _, err := NewCamera(10, 10, s); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
}

func TestTheWafersEdge(t *testing.T) {
	c := flat(100, 60, 150)
	c.Edge(-400, 30, 460)
	at := func(x, y int) float64 { return float64(c.Pix[y*100+x]) / One }
	if at(20, 30) != 150 || at(55, 30) != bevelGrey || at(80, 30) != Stage {
		t.Errorf("inside %v, bevel %v, outside %v", at(20, 30), at(55, 30), at(80, 30))
	}
	if half := at(60, 30); half != bevelGrey && half != Stage && !(half > Stage && half < bevelGrey) {
		t.Errorf("the edge itself is %v", half)
	}
	d := flat(100, 60, 150)
	d.Edge(50, 30, 500)
	if slices.Min(d.Pix) != 150*One {
		t.Error("a field in the middle of the wafer was changed")
	}
}
