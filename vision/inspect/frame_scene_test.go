package inspect_test

import (
	"image"
	"math"
	"testing"

	"kensa/vision/frame"
	"kensa/vision/hotpath"
	"kensa/vision/internal/testdie"
	"kensa/vision/register"
)

// A frame of 4096×3000 pixels with 8×6 dies and 200 defects, as a camera with
// dark level and uneven gain gives it, for the benchmarks.
const (
	benchWidth, benchHeight   = 500, 488 // of a die
	benchPitchX, benchPitchY  = 512, 500
	benchColumns, benchRows   = 8, 6
	benchDies                 = benchColumns * benchRows
	benchDefects              = 200
	benchFrames               = 8 // of 12 MB: more than any cache holds
	benchPixels               = benchColumns * benchPitchX * benchRows * benchPitchY
	benchMargin               = 6
	benchStrip                = benchHeight / 8 // rows; no defect lies across two strips
	frameWidth, frameHeight   = benchColumns * benchPitchX, benchRows * benchPitchY
	benchSigma, benchEdgeSlip = 2.5, 0.3
)

type benchScene struct {
	frames     []frame.Image
	rects      []image.Rectangle
	dx, dy     float64 // where all dies truly lie from their rectangles
	dark, gain []float32
	lo, hi     []uint8 // of one die
	mean       []float32
	flat       *hotpath.Flat
	reference  *hotpath.Reference
	template   *register.Template
}

func newBenchScene(b *testing.B, depth int) *benchScene {
	b.Helper()
	s := &benchScene{}
	layout := testdie.NewLayout(benchWidth, benchHeight, 7)
	ideal := layout.Draw(testdie.Conditions{}, source(1), nil)
	s.limits(ideal.Image, ideal.Rects[4])
	drawn := layout.Draw(testdie.Conditions{Noise: benchSigma, Jitter: 0.5, EdgeNoise: 0.05}, source(2), nil)
	s.dx, s.dy = drawn.DX[0], drawn.DY[0]
	s.expose(drawn, depth)
	var err error
	if s.flat, err = hotpath.NewFlat(frameWidth, frameHeight, s.dark, s.gain); err != nil {
		b.Fatal(err)
	}
	sigma := make([]float32, len(s.mean))
	for n := range sigma {
		sigma[n] = benchSigma
	}
	if s.reference, err = hotpath.NewReference(benchWidth, benchHeight, s.lo, s.hi, s.mean, sigma); err != nil {
		b.Fatal(err)
	}
	if s.template, err = register.NewTemplate(s.mean, benchWidth, benchHeight); err != nil {
		b.Fatal(err)
	}
	return s
}

// limits takes the ideal die as the mean and lays limits around it.
func (s *benchScene) limits(img frame.Image, r image.Rectangle) {
	at := func(x, y int) float64 { return float64(img.At(r.Min.X+x, r.Min.Y+y)) }
	for y := range benchHeight {
		for x := range benchWidth {
			m, slope := at(x, y), 0.0
			for _, d := range []image.Point{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
				slope = max(slope, math.Abs(at(x+d.X, y+d.Y)-m))
			}
			slack := 6*benchSigma + benchEdgeSlip*slope
			s.mean = append(s.mean, float32(m))
			s.lo, s.hi = append(s.lo, uint8(max(0, m-slack))), append(s.hi, uint8(min(255, m+slack)))
		}
	}
}

// expose lays the nine drawn dies out as 48, spoils them and undoes the flat
// field.
func (s *benchScene) expose(drawn testdie.Frame, depth int) {
	img := frame.New(frameWidth, frameHeight, 8)
	r := source(3)
	for n := range benchDies {
		corner := image.Pt(n%benchColumns*benchPitchX, n/benchColumns*benchPitchY)
		from := drawn.Rects[n%len(drawn.Rects)].Min.Sub(image.Pt(benchMargin, benchMargin))
		for y := range benchPitchY {
			copy(img.Row(corner.Y + y)[corner.X:corner.X+benchPitchX], drawn.Image.Row(from.Y + y)[from.X:])
		}
		s.rects = append(s.rects, image.Rect(0, 0, benchWidth, benchHeight).Add(corner).Add(image.Pt(benchMargin, benchMargin)))
		for d := n * benchDefects / benchDies; d < (n+1)*benchDefects/benchDies; d++ {
			spoil(img, s.rects[n].Min.Add(image.Pt(40+80*(d%5)+r.IntN(20), benchStrip*r.IntN(8)+15+r.IntN(30))))
		}
	}
	raw := frame.New(frameWidth, frameHeight, depth)
	for n, v := range img.Pix {
		u, w := float64(n%frameWidth)/frameWidth-0.5, float64(n/frameWidth)/frameHeight-0.5
		s.gain, s.dark = append(s.gain, float32(1+0.3*(u*u+w*w)+0.005*r.NormFloat64())), append(s.dark, float32(4+0.5*r.Float64()))
		grey := (float64(v)/float64(s.gain[n]) + float64(s.dark[n])) * float64(int(1)<<(depth-8))
		raw.Set(n%frameWidth, n/frameWidth, min(raw.Max(), int(math.Round(grey))))
	}
	for range benchFrames {
		s.frames = append(s.frames, raw.Clone())
	}
}

// spoil changes 6×6 pixels by 90 grey levels.
func spoil(img frame.Image, at image.Point) {
	delta := 90
	if img.At(at.X, at.Y) > 110 {
		delta = -delta
	}
	for n := range 36 {
		x, y := at.X+n%6, at.Y+n/6
		img.Set(x, y, max(0, min(255, img.At(x, y)+delta)))
	}
}
