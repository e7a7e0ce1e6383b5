package stage

import (
	"fmt"
	"image"
	"math"

	"kensa/calibration"
	"kensa/calibration/geometry"
	"kensa/hw/bench"
	"kensa/vision/frame"
	"kensa/vision/register"
)

// sight says where what lies on the stage went since the step's first exposure.
type sight interface {
	// see is the displacement, µm in the camera's directions, that is about as
	// guessed; of the first exposure it is none.
	see(e *bench.Exposure, guess geometry.Point) (geometry.Point, error)
	// pixel is the size of one, µm.
	pixel() (x, y float64)
}

// plate is a sight of a board of known pitch.
type plate struct {
	board  geometry.Board
	origin *view
}

func (p *plate) pixel() (x, y float64) { return 1 / p.origin.Ax, 1 / p.origin.Ay }

func (p *plate) see(e *bench.Exposure, guess geometry.Point) (geometry.Point, error) {
	matches, err := p.board.Part(e)
	if err != nil {
		return geometry.Point{}, err
	}
	v, err := look(matches, e.Width, e.Height)
	if err != nil {
		return geometry.Point{}, err
	}
	if p.origin == nil {
		p.origin = &v
	}
	return p.unwrap(v, guess), nil
}

// unwrap is the plate's displacement from the origin that is nearest to a guess, of
// all that differ by periods of the plate. The plate that moves by D has another of
// its places under the frame's middle, by −D. A chessboard repeats after two squares,
// or one each way; the others after each point.
func (p *plate) unwrap(v view, guess geometry.Point) geometry.Point {
	pitch := p.board.Pitch
	want := p.origin.plate(guess)
	x := (p.origin.Middle.X - v.Middle.X - want.X) / pitch
	y := (p.origin.Middle.Y - v.Middle.Y - want.Y) / pitch
	i, j := math.Round(x), math.Round(y)
	if p.board.Target == bench.Chessboard {
		// With a = x+y and b = x−y all periods are even a and b.
		a, b := 2*math.Round((x+y)/2), 2*math.Round((x-y)/2)
		i, j = (a+b)/2, (a-b)/2
	}
	return p.origin.camera(geometry.Point{X: want.X + (x-i)*pitch, Y: want.Y + (y-j)*pitch})
}

// Pattern is a camera of which the scale is known, so that anything with structure
// serves in a plate's place: the middle of the first picture is found again in the
// others. The zero Pattern is none.
type Pattern struct {
	// PixelX and PixelY, µm, Skew, radians, and Distortion at the corner, as a part:
	// as package geometry measured them.
	PixelX, PixelY, Skew, Distortion float64
}

const (
	// search is how far from where it is expected the picture is looked for, pixels: a
	// structure that repeats within twice that may be mistaken for its like.
	search = 32
	// step of the first moves, pixels, which nothing predicts yet.
	firstMove = 16
	// smallest and largest side of the part that is found again, pixels.
	smallest, largest = 64, 512
)

func (p Pattern) known() bool { return p.PixelX > 0 && p.PixelY > 0 }

// template is a sight of a pattern.
type template struct {
	Pattern
	reach    float64 // µm
	rect     image.Rectangle
	origin   *register.Template
	matcher  register.Matcher
	diagonal float64 // half of the frame's, squared, square pixels
}

func (t *template) pixel() (x, y float64) { return t.PixelX, t.PixelY }

func (t *template) see(e *bench.Exposure, guess geometry.Point) (geometry.Point, error) {
	if t.origin == nil {
		return geometry.Point{}, t.take(e)
	}
	u, v := t.pixels(guess)
	way := image.Pt(int(math.Round(u)), int(math.Round(v)))
	found, err := t.matcher.Match(t.origin, view8(e), t.rect.Add(way), register.Params{MaxShift: search, MinCorrelation: 0.7})
	if err != nil {
		return geometry.Point{}, &calibration.Wrong{What: "the picture cannot be found again: " + err.Error(),
			Remedy: fmt.Sprintf("put something with structure under the lens, in focus, that does not repeat within %d pixels; leave it there, and begin anew with --restart", 2*search)}
	}
	return t.micrometres(float64(way.X)+found.DX, float64(way.Y)+found.DY), nil
}

// take keeps the middle of the first picture: as much as stays in view whatever the
// move.
func (t *template) take(e *bench.Exposure) error {
	margin := int(math.Ceil(1.05*t.reach/math.Min(t.PixelX, t.PixelY))) + search/2
	width, height := min(e.Width-2*margin, largest), min(e.Height-2*margin, largest)
	if width < smallest || height < smallest {
		return fmt.Errorf("stage: moves of ±%.4g µm leave %d×%d pixels in view; want at least %d×%d, by a smaller reach", t.reach, width, height, smallest, smallest)
	}
	corner := image.Pt((e.Width-width)/2, (e.Height-height)/2)
	t.rect = image.Rectangle{corner, corner.Add(image.Pt(width, height))}
	t.diagonal = float64(e.Width*e.Width+e.Height*e.Height) / 4
	mean := make([]float32, 0, width*height)
	scale := 1 / float32(int(1)<<(e.Depth-8)) // register counts in 8-bit grey values
	for y := t.rect.Min.Y; y < t.rect.Max.Y; y++ {
		for x := t.rect.Min.X; x < t.rect.Max.X; x++ {
			mean = append(mean, scale*float32(e.At(x, y)))
		}
	}
	origin, err := register.NewTemplate(mean, width, height)
	if err != nil {
		return &calibration.Wrong{What: "nothing to hold on to: " + err.Error(), Remedy: "put something with structure under the lens, lit and in focus"}
	}
	t.origin = origin
	return nil
}

func view8(e *bench.Exposure) frame.Image {
	return frame.Image{Pix: e.Pix, Width: e.Width, Height: e.Height, Stride: e.Stride, Depth: e.Depth}
}

// grow is by how much the lens enlarges a displacement of the picture's middle part, in
// the mean over it: of d·(1 + k·|d|²/R²) the mean of the derivative is 1 + 2k·⟨d²⟩/R²,
// and the displacement's own square adds to it.
func (t *template) grow(u, v float64) float64 {
	w, h := float64(t.rect.Dx()), float64(t.rect.Dy())
	return 1 + t.Distortion*(2*(w*w+h*h)/12+u*u+v*v)/t.diagonal
}

// micrometres turns a displacement in pixels into one in the camera's directions.
func (t *template) micrometres(u, v float64) geometry.Point {
	// The derivative is meant for what lies there without the lens's own enlargement.
	g := t.grow(u, v)
	u, v = u/g, v/g
	return geometry.Point{X: (u - t.Skew*v) * t.PixelX, Y: v * t.PixelY}
}

// pixels is its inverse, near enough to look there.
func (t *template) pixels(p geometry.Point) (u, v float64) {
	v = p.Y / t.PixelY
	return p.X/t.PixelX + t.Skew*v, v
}
