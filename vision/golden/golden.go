// Package golden learns from known-good dies what a die of a product looks
// like, and gives the limits within which every pixel must lie.
//
// Values are grey levels of 8-bit images, kept in steps of 1/256; deeper
// frames are scaled to them. A golden die's pixel (x, y) lies at the same place
// of the layout's die rectangle.
package golden

import (
	"fmt"
	"math"
	"time"

	"kensa/vision/frame"
)

// One is a grey level in the planes' fixed point.
const One = 256

// Header says where a golden die comes from.
type Header struct {
	Product  string    `json:"product"`
	Width    int       `json:"width"`  // pixels
	Height   int       `json:"height"` // pixels
	Dies     int       `json:"dies"`   // good dies that it was learnt from
	Trained  time.Time `json:"trained"`
	Software string    `json:"software"` // version of the program that trained it
	Model    Model     `json:"model"`    // what Update starts from; zero in files of version 1
}

// Model is how the values of good dies scatter, as variances in steps of 1/One.
type Model struct {
	Noise  float64 `json:"noise"`
	Wander float64 `json:"wander"` // of edges, pixels² times the local change of grey squared
	Kept   float64 `json:"kept"`   // share of the noise that resampling left in the dies
}

// Golden is a product's golden die. It is read only and safe for concurrent use.
type Golden struct {
	Header
	mean  []uint16 // steps of 1/One
	sigma []uint16 // standard deviation of good dies, steps of 1/One, at least 1
	hash  string
	sums  *sums  // nil in files of version 1
	masks []Mask // not in the file: they are the recipe's
}

// MaxSide bounds a golden die's width and height, pixels.
const MaxSide = 1 << 14

// check reports what makes a header unusable.
func (h Header) check() error {
	switch {
	case h.Product == "":
		return fmt.Errorf("product: empty; want the product's name")
	case h.Width < 1 || h.Height < 1 || h.Width > MaxSide || h.Height > MaxSide || h.Width > frame.MaxPixels/h.Height:
		return fmt.Errorf("size %d×%d pixels; want 1 to %d a side and at most %d in all", h.Width, h.Height, MaxSide, frame.MaxPixels)
	case h.Dies < MinDies || h.Dies > math.MaxUint16:
		return fmt.Errorf("dies: %d; want %d to %d", h.Dies, MinDies, math.MaxUint16)
	}
	return nil
}

// check reports a value that no training gives; NaN is one.
func (m Model) check() error {
	const most = math.MaxUint16 * math.MaxUint16
	if !(m.Noise > 0 && m.Noise <= most && m.Wander >= 0 && m.Wander <= most && m.Kept > 0 && m.Kept <= 1) {
		return fmt.Errorf("model: noise %v, wander %v, kept %v; no training gives that", m.Noise, m.Wander, m.Kept)
	}
	return nil
}

// Hash is the SHA-256 of the golden's file, in hex: it names exactly this
// golden in results.
func (g *Golden) Hash() string { return g.hash }

// Mean is the mean grey value of good dies, by rows, in grey levels.
func (g *Golden) Mean() []float32 { return levels(g.mean) }

// Sigma is the standard deviation of good dies, by rows, in grey levels.
func (g *Golden) Sigma() []float32 { return levels(g.sigma) }

func levels(plane []uint16) []float32 {
	out := make([]float32, len(plane))
	for n, v := range plane {
		out[n] = float32(v) / One
	}
	return out
}

// Image is the mean as an 8-bit image, to look at.
func (g *Golden) Image() frame.Image {
	m := frame.New(g.Width, g.Height, 8)
	for n, v := range g.mean {
		m.Pix[n] = uint8(min(255, (int(v)+One/2)/One))
	}
	return m
}

// Gradient is how much the mean changes from each pixel to its neighbours, in
// grey levels per pixel: the greater of the steps to the left and right, and of
// those up and down, as a vector's length. On a thin line, where a central
// difference is blind, it still sees the line's flanks.
func (g *Golden) Gradient() []float32 {
	return gradient(g.Mean(), g.Width, g.Height)
}

func gradient(mean []float32, width, height int) []float32 {
	out := make([]float32, len(mean))
	for y := range height {
		up, down := max(y-1, 0), min(y+1, height-1)
		for x := range width {
			left, right := max(x-1, 0), min(x+1, width-1)
			v := mean[y*width+x]
			across := max(abs(v-mean[y*width+left]), abs(v-mean[y*width+right]))
			along := max(abs(v-mean[up*width+x]), abs(v-mean[down*width+x]))
			out[y*width+x] = float32(math.Hypot(float64(across), float64(along)))
		}
	}
	return out
}

func abs(v float32) float32 { return max(v, -v) }
