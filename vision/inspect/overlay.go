package inspect

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"slices"

	"kensa/vision/defect"
	"kensa/vision/frame"
)

// Caption is what an overlay says beside the image.
type Caption struct {
	Name  string   // the image's, such as its file's
	Notes []string // short remarks, such as the shift; one line each
	// Expected, where it has pixels, is shown to the right of the image with the
	// same boxes: the reference as PairResult gives it.
	Expected frame.Image
	// Compared, where not empty, is outlined: outside it nothing was looked at.
	Compared image.Rectangle
	// Dust is boxed in thin grey lines and labelled so: spots of the optics, which
	// are no defects.
	Dust []image.Rectangle
}

// Overlay draws an image for a person to judge at a glance: boxes round the
// defects, in colours by class that colour-blind people tell apart, numbered
// in their order, with a strip above that names the image and counts the
// classes. Small images are enlarged by a whole factor; lines and letters grow
// with the image. Where labels would cover each other or a defect, the class
// and then the whole label is left out; the strip says how many.
//
// The error names an image that is not valid, or an Expected of another size.
func Overlay(img frame.Image, defects []defect.Defect, c Caption) (*image.RGBA, error) {
	if err := img.Check(); err != nil {
		return nil, fmt.Errorf("overlay: %w", err)
	}
	panels := []panel{{"inspected", img}}
	if c.Expected.Width > 0 {
		if err := c.Expected.Check(); err != nil {
			return nil, fmt.Errorf("overlay: expected: %w", err)
		}
		if c.Expected.Bounds() != img.Bounds() {
			return nil, fmt.Errorf("overlay: expected: %d×%d pixels; the image has %d×%d", c.Expected.Width, c.Expected.Height, img.Width, img.Height)
		}
		panels = append(panels, panel{"expected (reference, registered)", c.Expected})
	}
	s, err := newSheet(img, len(panels), c, legend(defects))
	if err != nil {
		return nil, fmt.Errorf("overlay: %w", err)
	}
	defer s.text.Close()
	for n, p := range panels {
		s.drawPanel(n, p, c, defects)
	}
	left := s.label(defects, c.Dust)
	s.labelDust(c.Dust)
	s.drawStrip(c, legend(defects), left)
	return s.canvas, nil
}

// A panel is one picture of the sheet.
type panel struct {
	title string
	image frame.Image
}

// The sheet's own colours: a strip of dark grey, light letters.
var (
	stripColour = color.RGBA{0x26, 0x26, 0x26, 0xff}
	inkColour   = color.RGBA{0xf2, 0xf2, 0xf2, 0xff}
	haloColour  = color.RGBA{0, 0, 0, 0xd0}
	frameColour = color.RGBA{0x9a, 0x9a, 0x9a, 0xff}
)

// classColours are Okabe and Ito's (2008), without black, which a micrograph
// hides, and with the classes of one kind of inspection kept apart.
var classColours = map[defect.Class]color.RGBA{
	defect.Unclassified: {0xf0, 0xe4, 0x42, 0xff},
	defect.Open:         {0xd5, 0x5e, 0x00, 0xff},
	defect.Short:        {0x00, 0x72, 0xb2, 0xff},
	defect.MouseBite:    {0x00, 0x9e, 0x73, 0xff},
	defect.Spur:         {0xcc, 0x79, 0xa7, 0xff},
	defect.Copper:       {0xe6, 0x9f, 0x00, 0xff},
	defect.PinHole:      {0x56, 0xb4, 0xe9, 0xff},
	defect.Particle:     {0xe6, 0x9f, 0x00, 0xff},
	defect.Scratch:      {0x56, 0xb4, 0xe9, 0xff},
	defect.Stain:        {0xcc, 0x79, 0xa7, 0xff},
	defect.Chip:         {0xd5, 0x5e, 0x00, 0xff},
}

func colourOf(c defect.Class) color.RGBA {
	if v, ok := classColours[c]; ok {
		return v
	}
	return classColours[defect.Unclassified]
}

// An entry of the legend is a class with the number of its defects.
type entry struct {
	class defect.Class
	count int
}

// legend counts the classes that occur, in their order.
func legend(defects []defect.Defect) []entry {
	counts := map[defect.Class]int{}
	for _, d := range defects {
		counts[d.Class]++
	}
	var out []entry
	for _, c := range defect.Classes {
		if counts[c] > 0 {
			out = append(out, entry{c, counts[c]})
		}
	}
	return out
}

// fill paints a rectangle, blending where the colour is not opaque.
func fill(m *image.RGBA, r image.Rectangle, c color.RGBA) {
	draw.Draw(m, r, image.NewUniform(color.NRGBA(c)), image.Point{}, draw.Over)
}

// outline draws a rectangle's frame of the given width outside r.
func outline(m *image.RGBA, r image.Rectangle, width int, c color.RGBA) {
	o := r.Inset(-width)
	fill(m, image.Rect(o.Min.X, o.Min.Y, o.Max.X, r.Min.Y), c)
	fill(m, image.Rect(o.Min.X, r.Max.Y, o.Max.X, o.Max.Y), c)
	fill(m, image.Rect(o.Min.X, r.Min.Y, r.Min.X, r.Max.Y), c)
	fill(m, image.Rect(r.Max.X, r.Min.Y, o.Max.X, r.Max.Y), c)
}

// lighter blends a colour with white, for thin letters on dark.
func lighter(c color.RGBA) color.RGBA {
	half := func(v uint8) uint8 { return v/2 + 127 }
	return color.RGBA{half(c.R), half(c.G), half(c.B), 0xff}
}

// byContrast lists the defects' places, strongest first.
func byContrast(defects []defect.Defect) []int {
	order := make([]int, len(defects))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(defects[b].Contrast, defects[a].Contrast) })
	return order
}
