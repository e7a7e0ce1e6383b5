package inspect

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"kensa/vision/defect"
	"kensa/vision/frame"
)

// A sheet is an overlay being drawn.
type sheet struct {
	canvas *image.RGBA
	text   letters
	zoom   int // canvas pixels an image pixel
	line   int // width of lines
	pad    int
	strip  int // height of the strip above the panels
	panel  image.Point
	gap    int // between panels
	titled bool
	rows   [][]entry
	taken  []image.Rectangle // what labels may not cover
}

// manyDefects is beyond how many the classes are told by colour alone.
const manyDefects = 60

// Sizes, in canvas pixels: small images are enlarged until their longer side
// comes near to readable, at most maxZoom times; letters are this share of the
// panel's longer side, and at least leastLetter.
const (
	readable    = 960
	maxZoom     = 8
	letterShare = 110
	leastLetter = 13
)

func newSheet(img frame.Image, panels int, c Caption, classes []entry) (*sheet, error) {
	side := max(img.Width, img.Height)
	zoom := min(max((readable+side/2)/side, 1), maxZoom)
	size := max(side*zoom/letterShare, leastLetter)
	text, err := newLetters(size)
	if err != nil {
		return nil, err
	}
	s := &sheet{text: text, zoom: zoom, line: max(2, size/8), pad: size / 2}
	s.panel = image.Pt(img.Width*zoom, img.Height*zoom)
	s.gap = 2 * s.line
	width := max(panels*s.panel.X+(panels-1)*s.gap, 24*size)
	s.rows = s.wrap(classes, width)
	s.strip = 2*s.pad + (1+len(c.Notes)+len(s.rows))*text.height
	if s.titled = panels > 1; s.titled {
		s.strip += text.height
	}
	s.canvas = image.NewRGBA(image.Rect(0, 0, width, s.strip+s.panel.Y))
	fill(s.canvas, s.canvas.Bounds(), stripColour)
	return s, nil
}

// wrap breaks the legend into lines.
func (s *sheet) wrap(classes []entry, width int) [][]entry {
	if len(classes) == 0 {
		return [][]entry{nil}
	}
	var rows [][]entry
	x := width
	for _, e := range classes {
		if w := s.entryWidth(e); x+w > width {
			rows, x = append(rows, nil), s.pad
		}
		x += s.entryWidth(e)
		rows[len(rows)-1] = append(rows[len(rows)-1], e)
	}
	return rows
}

func (s *sheet) entryWidth(e entry) int {
	return s.text.height + s.pad/2 + s.text.width(s.text.regular, e.text()) + 2*s.pad
}

func (e entry) text() string { return fmt.Sprintf("%d %s", e.count, e.class) }

// origin is the panel's upper left corner on the canvas.
func (s *sheet) origin(n int) image.Point { return image.Pt(n*(s.panel.X+s.gap), s.strip) }

// drawPanel copies the picture, enlarged, and draws its boxes.
func (s *sheet) drawPanel(n int, p panel, c Caption, defects []defect.Defect) {
	at := s.origin(n)
	area := image.Rectangle{at, at.Add(s.panel)}
	s.enlarge(p.image, at)
	m := s.canvas.SubImage(area).(*image.RGBA)
	if !c.Compared.Empty() && c.Compared != p.image.Bounds() {
		s.dash(m, s.zoomed(c.Compared, at))
	}
	for _, r := range c.Dust {
		outline(m, s.around(r, at), max(1, s.line/2), frameColour)
	}
	for _, d := range defects {
		box := s.frame(d, at)
		outline(m, box.Inset(-s.line), max(1, s.line/2), haloColour)
		outline(m, box, s.line, colourOf(d.Class))
	}
	if s.titled {
		title := s.text.fit(s.text.regular, p.title, s.panel.X-2*s.pad)
		s.text.write(s.canvas, s.text.regular, at.X+s.pad, at.Y-s.text.height-s.pad/2, title, frameColour)
	}
}

func (s *sheet) frame(d defect.Defect, at image.Point) image.Rectangle { return s.around(d.Box, at) }

// around is a box on the canvas with a margin, so that the line does not touch
// what it marks.
func (s *sheet) around(r image.Rectangle, at image.Point) image.Rectangle {
	return s.zoomed(r, at).Inset(-2*s.zoom - s.line)
}

func (s *sheet) zoomed(r image.Rectangle, at image.Point) image.Rectangle {
	return image.Rectangle{r.Min.Mul(s.zoom), r.Max.Mul(s.zoom)}.Add(at)
}

// enlarge copies pixels as squares, deep images with their contrast stretched
// to what they use.
func (s *sheet) enlarge(img frame.Image, at image.Point) {
	grey := greys(img)
	for y := range img.Height {
		line := s.canvas.Pix[s.canvas.PixOffset(at.X, at.Y+y*s.zoom):]
		for x := range img.Width {
			v := grey(x, y)
			for i := range s.zoom {
				p := line[4*(x*s.zoom+i):]
				p[0], p[1], p[2], p[3] = v, v, v, 255
			}
		}
		for i := 1; i < s.zoom; i++ {
			copy(s.canvas.Pix[s.canvas.PixOffset(at.X, at.Y+y*s.zoom+i):], line[:4*img.Width*s.zoom])
		}
	}
}

// greys shows 8-bit values as they are, and deeper ones stretched between
// their 0.1 and 99.9 percentiles: a camera seldom fills 16 bits.
func greys(img frame.Image) func(x, y int) byte {
	if img.Depth == 8 {
		return func(x, y int) byte { return img.Pix[y*img.Stride+x] }
	}
	var values []float32
	step := max(1, int(math.Sqrt(float64(img.Width*img.Height)/quantileSample)))
	for y := 0; y < img.Height; y += step {
		for x := 0; x < img.Width; x += step {
			values = append(values, float32(img.At(x, y)))
		}
	}
	low := quantile(values, 0.001)
	scale := 255 / max(quantile(values, 0.999)-low, 1)
	return func(x, y int) byte {
		return byte(min(max((float32(img.At(x, y))-low)*scale, 0), 255))
	}
}

// dash outlines r with a broken line inside it.
func (s *sheet) dash(m *image.RGBA, r image.Rectangle) {
	step := 6 * s.line
	for x := r.Min.X; x < r.Max.X; x += 2 * step {
		fill(m, image.Rect(x, r.Min.Y, min(x+step, r.Max.X), r.Min.Y+s.line), frameColour)
		fill(m, image.Rect(x, r.Max.Y-s.line, min(x+step, r.Max.X), r.Max.Y), frameColour)
	}
	for y := r.Min.Y; y < r.Max.Y; y += 2 * step {
		fill(m, image.Rect(r.Min.X, y, r.Min.X+s.line, min(y+step, r.Max.Y)), frameColour)
		fill(m, image.Rect(r.Max.X-s.line, y, r.Max.X, min(y+step, r.Max.Y)), frameColour)
	}
}

// label writes each defect's number, and its class where there is room, beside
// its box on the first panel; the strongest choose first, where no dust is. It
// returns how many found no room.
func (s *sheet) label(defects []defect.Defect, dust []image.Rectangle) (left int) {
	at := s.origin(0)
	area := image.Rectangle{at, at.Add(s.panel)}
	for _, d := range defects {
		s.taken = append(s.taken, s.frame(d, at).Inset(-s.line))
	}
	for _, r := range dust {
		s.taken = append(s.taken, s.around(r, at))
	}
	for _, n := range byContrast(defects) {
		box, c := s.frame(defects[n], at), defects[n].Class
		number := fmt.Sprint(n + 1)
		named := len(defects) <= manyDefects && s.place(area, box, number+" "+string(c), colourOf(c))
		if !named && !s.place(area, box, number, colourOf(c)) {
			left++
		}
	}
	return left
}

// labelDust names the spots of dust on the first panel where there is room.
func (s *sheet) labelDust(dust []image.Rectangle) {
	at := s.origin(0)
	area := image.Rectangle{at, at.Add(s.panel)}
	for _, r := range dust {
		s.place(area, s.around(r, at), "dust", frameColour)
	}
}

// place writes a label at the first free side of the box.
func (s *sheet) place(area, box image.Rectangle, text string, c color.RGBA) bool {
	w, h := s.text.width(s.text.regular, text)+s.pad/2, s.text.height
	g := s.line + 1
	for _, p := range []image.Point{
		{box.Min.X, box.Min.Y - g - h}, {box.Min.X, box.Max.Y + g}, {box.Max.X + g, box.Min.Y}, {box.Min.X - g - w, box.Min.Y},
		{box.Max.X - w, box.Min.Y - g - h}, {box.Max.X - w, box.Max.Y + g}, {box.Max.X + g, box.Max.Y - h}, {box.Min.X - g - w, box.Max.Y - h},
	} {
		r := image.Rect(p.X, p.Y, p.X+w, p.Y+h)
		if !r.In(area) || s.covers(r) {
			continue
		}
		fill(s.canvas, r, haloColour)
		s.text.write(s.canvas, s.text.regular, r.Min.X+s.pad/4, r.Min.Y, text, lighter(c))
		s.taken = append(s.taken, r)
		return true
	}
	return false
}

func (s *sheet) covers(r image.Rectangle) bool {
	for _, t := range s.taken {
		// The label's own box touches it.
		if r.Overlaps(t.Inset(s.line)) {
			return true
		}
	}
	return false
}

// drawStrip writes what the sheet shows.
func (s *sheet) drawStrip(c Caption, classes []entry, left int) {
	x, y := s.pad, s.pad
	room := s.canvas.Rect.Dx() - 2*s.pad
	s.text.write(s.canvas, s.text.bold, x, y, s.text.fit(s.text.bold, c.Name, room), inkColour)
	for _, n := range c.Notes {
		y += s.text.height
		s.text.write(s.canvas, s.text.regular, x, y, s.text.fit(s.text.regular, n, room), inkColour)
	}
	for _, row := range s.rows {
		x, y = s.pad, y+s.text.height
		if len(row) == 0 {
			s.text.write(s.canvas, s.text.regular, x, y, "no defects", inkColour)
		}
		for _, e := range row {
			s.swatch(x, y, colourOf(e.class))
			s.text.write(s.canvas, s.text.regular, x+s.text.height+s.pad/2, y, e.text(), inkColour)
			x += s.entryWidth(e)
		}
	}
	if left > 0 {
		s.text.write(s.canvas, s.text.regular, x, y, fmt.Sprintf("(%d without a label)", left), frameColour)
	}
}

func (s *sheet) swatch(x, y int, c color.RGBA) {
	h := s.text.height
	outline(s.canvas, image.Rect(x, y, x+h, y+h).Inset(h/8+s.line), s.line, c)
}
