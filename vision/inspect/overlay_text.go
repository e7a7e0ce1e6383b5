package inspect

import (
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// letters writes in two weights of one size.
type letters struct {
	regular, bold font.Face
	height        int // pixels from line to line
	ascent        int
}

// newLetters makes letters of the given size in pixels.
func newLetters(size int) (letters, error) {
	regular, err := face(goregular.TTF, size)
	if err != nil {
		return letters{}, err
	}
	bold, err := face(gobold.TTF, size)
	if err != nil {
		regular.Close()
		return letters{}, err
	}
	m := regular.Metrics()
	return letters{regular, bold, (m.Ascent + m.Descent).Ceil(), m.Ascent.Ceil()}, nil
}

func face(ttf []byte, size int) (font.Face, error) {
	f, err := opentype.Parse(ttf)
	if err != nil {
		return nil, err
	}
	// At 72 dots an inch a point is a pixel.
	return opentype.NewFace(f, &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingFull})
}

func (l letters) Close() {
	l.regular.Close()
	l.bold.Close()
}

// width is the length of a text in pixels.
func (l letters) width(f font.Face, text string) int { return font.MeasureString(f, text).Ceil() }

// write puts a text with its upper left corner at (x, y) and returns the x
// after it.
func (l letters) write(m draw.Image, f font.Face, x, y int, text string, c color.Color) int {
	d := font.Drawer{Dst: m, Src: image.NewUniform(c), Face: f, Dot: fixed.P(x, y+l.ascent)}
	d.DrawString(text)
	return d.Dot.X.Ceil()
}

// fit shortens a text that is wider than width, with an ellipsis in its middle:
// the ends of file names tell them apart.
func (l letters) fit(f font.Face, text string, width int) string {
	if l.width(f, text) <= width {
		return text
	}
	runes := []rune(text)
	for cut := 1; cut < len(runes); cut++ {
		head := (len(runes) - cut) / 2
		short := string(runes[:head]) + "…" + string(runes[head+cut:])
		if l.width(f, short) <= width {
			return short
		}
	}
	return "…"
}
