package inspect_test

import (
	"image"
	"image/color"
	"strings"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/inspect"
)

func flat(w, h, depth, grey int) frame.Image {
	m := frame.New(w, h, depth)
	for y := range h {
		for x := range w {
			m.Set(x, y, grey)
		}
	}
	return m
}

func at(m *image.RGBA, x, y int) color.RGBA { return m.RGBAAt(x, y) }

func grey(c color.RGBA) bool { return c.R == c.G && c.G == c.B }

// coloured counts the pixels that are not grey within r.
func coloured(m *image.RGBA, r image.Rectangle) (n int) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if !grey(at(m, x, y)) {
				n++
			}
		}
	}
	return n
}

func overlay(t *testing.T, img frame.Image, d []defect.Defect, c inspect.Caption) *image.RGBA {
	t.Helper()
	m, err := inspect.Overlay(img, d, c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOverlayBoxesLeaveTheDefectVisible(t *testing.T) {
	img := flat(240, 240, 8, 100)
	box := image.Rect(100, 120, 110, 126)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			img.Set(x, y, 10)
		}
	}
	m := overlay(t, img, []defect.Defect{{Box: box, Class: defect.Particle}}, inspect.Caption{Name: "one.png"})
	// 240 pixels are enlarged four times; the strip is above.
	top := m.Rect.Dy() - 4*240
	if m.Rect.Dx() != 960 || top <= 0 {
		t.Fatalf("canvas %v; want a width of 960", m.Rect)
	}
	there := image.Rect(4*box.Min.X, top+4*box.Min.Y, 4*box.Max.X, top+4*box.Max.Y)
	for y := there.Min.Y; y < there.Max.Y; y++ {
		for x := there.Min.X; x < there.Max.X; x++ {
			if at(m, x, y) != (color.RGBA{10, 10, 10, 255}) {
				t.Fatalf("pixel (%d, %d) of the defect is %v; want it untouched", x, y, at(m, x, y))
			}
		}
	}
	if n := coloured(m, there.Inset(-16)); n < 100 {
		t.Errorf("%d coloured pixels round the defect; want a box", n)
	}
	if n := coloured(m, image.Rect(0, m.Rect.Dy()-300, 960, m.Rect.Dy())); n > 0 {
		t.Errorf("%d coloured pixels far from the defect", n)
	}
}

func TestOverlayGrowsWithTheImage(t *testing.T) {
	for _, v := range []struct{ side, zoom int }{{60, 8}, {340, 3}, {640, 2}, {2000, 1}} {
		m := overlay(t, flat(v.side, v.side, 8, 80), nil, inspect.Caption{})
		if m.Rect.Dx() < v.side*v.zoom || at(m, 0, m.Rect.Dy()-1) != (color.RGBA{80, 80, 80, 255}) {
			t.Errorf("%d pixels: canvas %v; want %d times as large", v.side, m.Rect, v.zoom)
		}
		if got := m.Rect.Dy() - v.side*v.zoom; got <= 0 || got > 200 {
			t.Errorf("%d pixels: strip of %d pixels", v.side, got)
		}
	}
}

func TestOverlayShowsTheReferenceBeside(t *testing.T) {
	img, ref := flat(480, 300, 8, 90), flat(480, 300, 8, 160)
	d := []defect.Defect{{Box: image.Rect(10, 10, 20, 20), Class: defect.Open}}
	m := overlay(t, img, d, inspect.Caption{Name: "two", Notes: []string{"shift"}, Expected: ref, Compared: image.Rect(5, 5, 400, 290)})
	if right := at(m, m.Rect.Dx()-1, m.Rect.Dy()-1); right != (color.RGBA{160, 160, 160, 255}) {
		t.Errorf("the lower right pixel is %v; want the reference's", right)
	}
	if left := at(m, 1, m.Rect.Dy()-1); left != (color.RGBA{90, 90, 90, 255}) {
		t.Errorf("the lower left pixel is %v; want the image's", left)
	}
}

func TestOverlayTakesEveryKindOfDefect(t *testing.T) {
	var d []defect.Defect
	for n := range 300 {
		x, y := n%20*25-3, n/20*20-3 // some reach over the border
		d = append(d, defect.Defect{Box: image.Rect(x, y, x+6, y+6), Class: defect.Classes[n%len(defect.Classes)], Contrast: float64(n)})
	}
	d = append(d, defect.Defect{Class: "of another kind"})
	for _, depth := range []int{8, 10, 16} {
		overlay(t, flat(500, 300, depth, 77), d, inspect.Caption{Name: strings.Repeat("a long name ", 40)})
	}
}

func TestOverlayNamesWhatIsWrong(t *testing.T) {
	good := flat(64, 64, 8, 1)
	if _, err := inspect.Overlay(frame.Image{}, nil, inspect.Caption{}); err == nil || !strings.Contains(err.Error(), "size 0×0") {
		t.Errorf("no image: %v", err)
	}
	if _, err := inspect.Overlay(good, nil, inspect.Caption{Expected: flat(32, 64, 8, 1)}); err == nil || !strings.Contains(err.Error(), "expected: 32×64") {
		t.Errorf("another size: %v", err)
	}
}

func TestOverlayBoxesDustInGrey(t *testing.T) {
	img := flat(960, 960, 8, 40)
	dust := image.Rect(400, 400, 440, 430)
	m := overlay(t, img, nil, inspect.Caption{Name: "dust", Dust: []image.Rectangle{dust}})
	bare := overlay(t, img, nil, inspect.Caption{Name: "dust"})
	top := m.Rect.Dy() - 960
	there := dust.Add(image.Pt(0, top))
	changed := 0
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			if at(m, x, y) == at(bare, x, y) {
				continue
			}
			changed++
			if p := image.Pt(x, y); p.In(there) || !p.In(there.Inset(-60)) || !grey(at(m, x, y)) {
				t.Fatalf("pixel %v is %v; want grey lines round the dust only", p, at(m, x, y))
			}
		}
	}
	if changed < 2*(dust.Dx()+dust.Dy()) {
		t.Errorf("%d pixels drawn; want a box and a label", changed)
	}
}
