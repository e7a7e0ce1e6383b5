package inspect_test

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"kensa/vision/frame"
	"kensa/vision/inspect"
)

// A variant is another picture of what an image shows.
type variant struct {
	turn, scale  float64 // degrees clockwise about the centre; 0 is a scale of 1
	noise        float64 // standard deviation, grey levels
	gain, offset float64 // gain 0 is 1
	blur         float64 // standard deviation, pixels
	crop         int     // pixels taken off each side
	quality      int     // of JPEG; 0 is none
}

func (v variant) String() string { return fmt.Sprint(v.fields()) }

func (v variant) fields() map[string]float64 {
	all := map[string]float64{"turn": v.turn, "scale": v.scale, "noise": v.noise, "gain": v.gain, "offset": v.offset,
		"blur": v.blur, "crop": float64(v.crop), "jpeg": float64(v.quality)}
	for name, value := range all {
		if value == 0 {
			delete(all, name)
		}
	}
	return all
}

// edge is how many pixels must go at each side, so that nothing from beyond the
// image is seen.
func (v variant) edge(size image.Point) int {
	half := float64(max(size.X, size.Y)) / 2
	return v.crop + int(math.Ceil(half*(math.Abs(math.Sin(v.turn*math.Pi/180))+max(0, 1-v.zoom()))))
}

// at is where a place of the image lies in the variant's picture.
func (v variant) at(x, y float64, size image.Point) (float64, float64) {
	cx, cy := float64(size.X-1)/2, float64(size.Y-1)/2
	sin, cos := math.Sincos(v.turn * math.Pi / 180)
	dx, dy := (x-cx)*v.zoom(), (y-cy)*v.zoom()
	edge := float64(v.edge(size))
	return cx + cos*dx - sin*dy - edge, cy + sin*dx + cos*dy - edge
}

func (v variant) zoom() float64 {
	if v.scale == 0 {
		return 1
	}
	return v.scale
}

// of makes the picture, by cubic interpolation (R. Keys, 1981), so that turning
// alone does not blur.
func (v variant) of(t testing.TB, m frame.Image) frame.Image {
	t.Helper()
	r := rand.New(rand.NewPCG(5, uint64(v.quality)+uint64(100*(v.turn+10))))
	cx, cy := float64(m.Width-1)/2, float64(m.Height-1)/2
	sin, cos := math.Sincos(-v.turn * math.Pi / 180)
	grey := make([]float64, m.Width*m.Height)
	for y := range m.Height {
		for x := range m.Width {
			dx, dy := (float64(x)-cx)/v.zoom(), (float64(y)-cy)/v.zoom()
			grey[y*m.Width+x] = cubic(m, cx+cos*dx-sin*dy, cy+sin*dx+cos*dy)
		}
	}
	if v.blur > 0 {
		grey = blurred(grey, m.Width, m.Height, v.blur)
	}
	gain := v.gain
	if gain == 0 {
		gain = 1
	}
	out := frame.New(m.Width, m.Height, 8)
	for i, g := range grey {
		out.Pix[i] = uint8(min(max(math.Round(g*gain+v.offset+v.noise*r.NormFloat64()), 0), 255))
	}
	return v.packed(t, out.Sub(out.Bounds().Inset(v.edge(image.Pt(m.Width, m.Height)))).Clone())
}

func (v variant) packed(t testing.TB, m frame.Image) frame.Image {
	if v.quality == 0 {
		return m
	}
	t.Helper()
	var file bytes.Buffer
	grey := &image.Gray{Pix: m.Pix, Stride: m.Stride, Rect: m.Bounds()}
	if err := jpeg.Encode(&file, grey, &jpeg.Options{Quality: v.quality}); err != nil {
		t.Fatal(err)
	}
	m, err := frame.Decode(&file, "variant")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// cubic samples between pixels; beyond the border the image is mirrored.
func cubic(m frame.Image, x, y float64) (v float64) {
	ix, iy := int(math.Floor(x)), int(math.Floor(y))
	for j := -1; j <= 2; j++ {
		for i := -1; i <= 2; i++ {
			v += weight(x-float64(ix+i)) * weight(y-float64(iy+j)) * float64(m.At(mirror(ix+i, m.Width), mirror(iy+j, m.Height)))
		}
	}
	return v
}

func weight(d float64) float64 {
	switch d = math.Abs(d); {
	case d < 1:
		return 1.5*d*d*d - 2.5*d*d + 1
	case d < 2:
		return -0.5*d*d*d + 2.5*d*d - 4*d + 2
	}
	return 0
}

func mirror(n, size int) int {
	if n < 0 {
		n = -n
	}
	if n >= size {
		n = 2*(size-1) - n
	}
	return min(max(n, 0), size-1)
}

func blurred(grey []float64, w, h int, sigma float64) []float64 {
	half := int(math.Ceil(3 * sigma))
	pass := func(from []float64, dx, dy int) []float64 {
		to := make([]float64, len(from))
		for i := range to {
			var sum, weights float64
			for k := -half; k <= half; k++ {
				g := math.Exp(-float64(k*k) / (2 * sigma * sigma))
				sum, weights = sum+g*from[mirror(i/w+k*dy, h)*w+mirror(i%w+k*dx, w)], weights+g
			}
			to[i] = sum / weights
		}
		return to
	}
	return pass(pass(grey, 1, 0), 0, 1)
}

// allVariants is for who changes the registration: all take some minutes under
// the race detector.
var allVariants = flag.Bool("variants", false, "TestPairOfVariants: all variants, not every third")

var variants = []variant{
	{}, {turn: 1}, {turn: -1.4}, {turn: 2}, {turn: -2}, {turn: 3}, {turn: -3}, {scale: 1.01}, {scale: 0.99}, {scale: 1.02}, {scale: 0.98},
	{noise: 5}, {noise: 10}, {gain: 0.7}, {gain: 0.6, offset: 40}, {gain: 1.2}, {offset: -20}, {blur: 0.6}, {blur: 1},
	{crop: 10}, {crop: 25}, {quality: 90}, {quality: 75}, {quality: 60},
	{turn: 1.2, scale: 1.01, noise: 5}, {turn: -0.7, scale: 0.985, gain: 0.8, quality: 85}, {turn: 2.5, scale: 0.99, blur: 0.5},
	{turn: -2.5, noise: 6, crop: 8}, {scale: 1.015, blur: 0.7, gain: 0.9, offset: 10}, {turn: 0.3, noise: 8, quality: 80},
}

// TestPairOfVariants compares real pairs as they would be after another camera,
// stage or file format.
func TestPairOfVariants(t *testing.T) {
	folder := dataFolder(t, "wafer-pairs")
	for name, places := range map[string][][2]float64{"case1": {{149, 334}, {82, 245}, {97, 82}}, "clean": {}} {
		every := 3
		if testing.Short() {
			every = 10
		}
		ref, img := loadImage(t, folder, name+"-reference.png"), loadImage(t, folder, name+"-inspected.png")
		for n, v := range variants {
			if !*allVariants && n%every != every-1 {
				continue
			}
			r, err := inspect.Pair(ref, v.of(t, img), inspect.DefaultPairParams())
			if err != nil || !r.Registered {
				t.Errorf("%s %v: %v %s", name, v, err, r.Reason)
				continue
			}
			for _, at := range places {
				x, y := v.at(at[0], at[1], image.Pt(img.Width, img.Height))
				if _, ok := nearest(r.Defects, x, y, 3); !ok {
					t.Errorf("%s %v: nothing at (%.0f, %.0f)", name, v, x, y)
				}
			}
			if len(r.Defects) != len(places) {
				t.Errorf("%s %v: %d defects; want %d: %+v", name, v, len(r.Defects), len(places), r.Defects)
			}
		}
	}
}
