package wafer

import (
	"fmt"
	"image"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/defect"
	"kensa/vision/length"
)

// sram is a plain 200 mm layout.
func sram() Layout {
	return Layout{Kind: DieGrid, Diameter: 200 * length.Millimetre, EdgeExclusion: 3 * length.Millimetre,
		PitchX: 8000, PitchY: 10000, DieWidth: 7900, DieHeight: 9900, Notch: Down,
		FieldColumns: 4, FieldRows: 3, Path: Serpentine, PixelSize: 10}
}

func newPlan(t testing.TB, l Layout, width, height int) *Plan {
	t.Helper()
	p, err := NewPlan(l, width, height)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCheckNamesTheValue(t *testing.T) {
	nan := length.Length(math.NaN())
	for want, spoil := range map[string]func(*Layout){
		"kind: \"\"":                     func(l *Layout) { l.Kind = "" },
		"kind: \"hexagonal\"":            func(l *Layout) { l.Kind = "hexagonal" },
		"diameter: 20 mm":                func(l *Layout) { l.Diameter = 20 * length.Millimetre },
		"diameter: 451 mm":               func(l *Layout) { l.Diameter = 451 * length.Millimetre },
		"diameter: NaN":                  func(l *Layout) { l.Diameter = nan },
		"edge_exclusion: -1 mm":          func(l *Layout) { l.EdgeExclusion = -length.Millimetre },
		"edge_exclusion: 100 mm":         func(l *Layout) { l.EdgeExclusion = 100 * length.Millimetre },
		"edge_exclusion: NaN":            func(l *Layout) { l.EdgeExclusion = nan },
		"pitch_x: 0 µm":                  func(l *Layout) { l.PitchX = 0 },
		"pitch_x: NaN":                   func(l *Layout) { l.PitchX = nan },
		"pitch_y: -5 µm":                 func(l *Layout) { l.PitchY = -5 },
		"pitch_y: 201 mm":                func(l *Layout) { l.PitchY = 201 * length.Millimetre },
		"die_width: 8.1 mm":              func(l *Layout) { l.DieWidth = 8100 },
		"die_width: NaN":                 func(l *Layout) { l.DieWidth = nan },
		"die_height: 0 µm":               func(l *Layout) { l.DieHeight = 0 },
		"offset_x: 201 mm":               func(l *Layout) { l.OffsetX = 201 * length.Millimetre },
		"offset_y: NaN":                  func(l *Layout) { l.OffsetY = nan },
		"field_columns: 0":               func(l *Layout) { l.FieldColumns = 0 },
		"field_rows: 65":                 func(l *Layout) { l.FieldRows = 65 },
		"path: \"spiral\"":               func(l *Layout) { l.Path = "spiral" },
		"notch: \"north\"":               func(l *Layout) { l.Notch = "north" },
		"pixel_size: 0 µm":               func(l *Layout) { l.PixelSize = 0 },
		"pixel_size: NaN":                func(l *Layout) { l.PixelSize = nan },
		"pixel_size: +Inf":               func(l *Layout) { l.PixelSize = length.Length(math.Inf(1)) },
		"pixel_size: 1 nm makes a field": func(l *Layout) { l.PixelSize = length.Nanometre },
		"pixel_size: 1 mm makes a die":   func(l *Layout) { l.PixelSize = length.Millimetre },
		"make 400000 dies":               func(l *Layout) { l.PitchX, l.DieWidth, l.PitchY, l.DieHeight = 200, 200, 500, 500 },
	} {
		l := sram()
		spoil(&l)
		if err := l.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want %q", err, want)
		}
		if _, err := NewPlan(l, 4000, 4000); err == nil || !strings.Contains(err.Error(), "layout: ") {
			t.Errorf("%s: a plan was made, error %v", want, err)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	l := sram()
	if _, err := NewPlan(l, 3200, 2999); err == nil || !strings.Contains(err.Error(), "needs 3200×3000") {
		t.Errorf("small frame: %v", err)
	}
	l.PitchX, l.DieWidth = 150*length.Millimetre, 150*length.Millimetre
	l.PitchY, l.DieHeight = l.PitchX, l.DieWidth
	l.FieldColumns, l.FieldRows = 1, 1
	if _, err := NewPlan(l, 20000, 20000); err == nil || !strings.Contains(err.Error(), "no whole die") {
		t.Errorf("die larger than the wafer's inner square: %v", err)
	}
}

// TestKnownCounts has layouts small enough to count by hand.
func TestKnownCounts(t *testing.T) {
	const mm = length.Millimetre
	grid := func(pitch, offset length.Length) Layout {
		return Layout{Kind: DieGrid, Diameter: 100 * mm, PitchX: pitch, PitchY: pitch, DieWidth: pitch, DieHeight: pitch,
			OffsetX: offset, OffsetY: offset, Notch: Down, FieldColumns: 1, FieldRows: 1, Path: Raster, PixelSize: mm}
	}
	for _, c := range []struct {
		name   string
		layout Layout
		dies   int
	}{
		// The corner of the middle die is 35.4 mm out, the next die's 79 mm.
		{"one", grid(50*mm, 0), 1},
		// Four dies meet at the centre; their outer corners are 49.5 mm out.
		{"four", grid(35*mm, 17.5*mm), 4},
		// The corner of die (1, 1) is 42.4 mm out, that of (2, 0) 51 mm.
		{"nine", grid(20*mm, 0), 9},
		// A whole pitch of offset gives the dies other names and changes nothing else.
		{"nine, renamed", grid(20*mm, 20*mm), 9},
	} {
		if p := newPlan(t, c.layout, 64, 64); len(p.Dies) != c.dies {
			t.Errorf("%s: %d dies; want %d: %v", c.name, len(p.Dies), c.dies, p.Dies)
		}
	}
}

func TestSerpentineTurnsEverySecondRow(t *testing.T) {
	l := sram()
	l.FieldColumns, l.FieldRows = 8, 6
	for _, path := range []Path{Serpentine, Raster} {
		l.Path = path
		p := newPlan(t, l, 8000, 8000)
		row, right, rows := p.Fields[0].Center.Y, true, 1
		for n, f := range p.Fields[1:] {
			before := p.Fields[n].Center
			if f.Center.Y != row {
				if f.Center.Y >= row {
					t.Fatalf("%s: field %d lies above the one before", path, f.Number)
				}
				row, right, rows = f.Center.Y, path == Raster || !right, rows+1
				continue
			}
			if (f.Center.X > before.X) != right {
				t.Errorf("%s: field %d at %v comes after %v", path, f.Number, f.Center, before)
			}
		}
		if rows != 4 { // 19 rows of dies in fields of 6
			t.Errorf("%s: %d rows of fields", path, rows)
		}
	}
}

// layouts draws layouts that pass Check, from tiny dies to one a wafer.
func layouts(t *rapid.T) Layout {
	l := Layout{
		Kind:         DieGrid,
		Diameter:     length.Length(rapid.Float64Range(25e3, 450e3).Draw(t, "diameter")),
		Notch:        rapid.SampledFrom([]Orientation{Down, Left, Up, Right}).Draw(t, "notch"),
		FieldColumns: rapid.IntRange(1, 9).Draw(t, "columns"),
		FieldRows:    rapid.IntRange(1, 9).Draw(t, "rows"),
		Path:         rapid.SampledFrom([]Path{Serpentine, Raster}).Draw(t, "path"),
	}
	share := func(name string, least, most float64, of length.Length) length.Length {
		return of * length.Length(rapid.Float64Range(least, most).Draw(t, name))
	}
	l.EdgeExclusion = share("exclusion", 0, 0.1, l.Diameter)
	l.PitchX, l.PitchY = share("pitchX", 0.015, 0.6, l.Diameter), share("pitchY", 0.015, 0.6, l.Diameter)
	l.DieWidth, l.DieHeight = share("width", 0.5, 1, l.PitchX), share("height", 0.5, 1, l.PitchY)
	l.OffsetX, l.OffsetY = share("offsetX", -1, 1, l.Diameter), share("offsetY", -1, 1, l.Diameter)
	l.PixelSize = share("pixel", 0.001, 0.05, min(l.DieWidth, l.DieHeight))
	if rapid.Bool().Draw(t, "round") { // pitches of whole pixels and no street, the usual case
		columns := length.Length(math.Ceil(float64(l.PitchX / l.PixelSize)))
		l.PitchX = columns * l.PixelSize
		l.DieWidth = l.PitchX
	}
	return l
}

// drawPlan draws a layout and works it out for a frame of its size or more.
func drawPlan(t *rapid.T) *Plan {
	l := layouts(t)
	if err := l.Check(); err != nil {
		t.Skip(err.Error())
	}
	w, h := l.FieldPixels()
	w, h = w+rapid.IntRange(0, 7).Draw(t, "wider"), h+rapid.IntRange(0, 7).Draw(t, "higher")
	p, err := NewPlan(l, w, h)
	if err != nil {
		t.Skip(err.Error()) // no die fits
	}
	return p
}

// TestDiesAgainstBruteForce asks of every index far beyond the wafer whether
// the four corners of its die lie inside, in the plainest way.
func TestDiesAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		l := p.Layout
		have := map[DieIndex]bool{}
		for _, d := range p.Dies {
			if have[d.Index] {
				t.Fatalf("die %v is there twice", d.Index)
			}
			have[d.Index] = true
		}
		radius := float64(l.Diameter)/2 - float64(l.EdgeExclusion)
		columns, rows := int(2*l.Diameter/l.PitchX)+2, int(2*l.Diameter/l.PitchY)+2
		for row := -rows; row <= rows; row++ {
			for column := -columns; column <= columns; column++ {
				x := float64(l.OffsetX) + float64(column)*float64(l.PitchX)
				y := float64(l.OffsetY) + float64(row)*float64(l.PitchY)
				furthest := 0.0
				for _, sx := range []float64{-0.5, 0.5} {
					for _, sy := range []float64{-0.5, 0.5} {
						cx, cy := x+sx*float64(l.DieWidth), y+sy*float64(l.DieHeight)
						furthest = max(furthest, math.Sqrt(cx*cx+cy*cy))
					}
				}
				if math.Abs(furthest-radius) < 1e-6 {
					continue // on the edge to within rounding
				}
				if inside := furthest < radius; inside != have[DieIndex{column, row}] {
					t.Fatalf("die (%d, %d), whose furthest corner is %g of %g µm out: listed %v", column, row, furthest, radius, !inside)
				}
			}
		}
	})
}

func TestEveryDieIsInOneFieldAndNoneOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		frame := image.Rect(0, 0, p.Width, p.Height)
		w, h := p.Layout.DiePixels()
		seen := make([]int, len(p.Dies))
		for n, f := range p.Fields {
			if f.Number != n || len(f.Dies) == 0 {
				t.Fatalf("field %d has number %d and %d dies", n, f.Number, len(f.Dies))
			}
			for i, d := range f.Dies {
				seen[d.Die]++
				if !d.Rect.In(frame) || d.Rect.Dx() != w || d.Rect.Dy() != h {
					t.Fatalf("field %d, die %d: %v in a frame of %v; dies are %d×%d", n, d.Die, d.Rect, frame, w, h)
				}
				for _, other := range f.Dies[:i] {
					if d.Rect.Overlaps(other.Rect) {
						t.Fatalf("field %d: dies %d at %v and %d at %v overlap", n, d.Die, d.Rect, other.Die, other.Rect)
					}
				}
			}
		}
		for n, times := range seen {
			if times != 1 {
				t.Fatalf("die %v is in %d fields", p.Dies[n].Index, times)
			}
		}
	})
}

func TestRectsLieWhereTheDiesAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		for _, f := range p.Fields {
			for _, d := range f.Dies {
				die := p.Dies[d.Die].Center
				x := float64(p.Width)/2 + float64(die.X-f.Center.X)/float64(p.Layout.PixelSize)
				y := float64(p.Height)/2 - float64(die.Y-f.Center.Y)/float64(p.Layout.PixelSize)
				cx, cy := float64(d.Rect.Min.X+d.Rect.Max.X)/2, float64(d.Rect.Min.Y+d.Rect.Max.Y)/2
				if math.Abs(cx-x) > 0.501 || math.Abs(cy-y) > 0.501 {
					t.Fatalf("die %v: centre of %v; should be near (%g, %g)", p.Dies[d.Die].Index, d.Rect, x, y)
				}
			}
		}
	})
}

// TestWholePixelsAreNotLostToRounding: quotients such as 324.7/0.3247 are not
// whole in floating point.
func TestWholePixelsAreNotLostToRounding(t *testing.T) {
	for n := 8; n < 5000; n++ {
		for _, pixel := range []length.Length{0.3247, 0.1, 0.7, 1.0 / 3, 2.2} {
			l := sram()
			l.PixelSize = pixel
			l.DieWidth = pixel * length.Length(n)
			l.PitchX = l.DieWidth
			l.FieldColumns = 3
			w, _ := l.DiePixels()
			if fw, _ := l.FieldPixels(); w != n || fw != 3*n {
				t.Fatalf("%d pixels of %v: die %d, field %d", n, pixel, w, fw)
			}
		}
	}
}

// TestLocateReversesTheCamera puts a defect on the wafer, works out at which
// pixel a displaced die would show it, and locates it from there.
func TestLocateReversesTheCamera(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		l := p.Layout
		f := p.Fields[rapid.IntRange(0, len(p.Fields)-1).Draw(t, "field")]
		d := f.Dies[rapid.IntRange(0, len(f.Dies)-1).Draw(t, "die")]
		die := p.Dies[d.Die]
		onDie := Point{
			l.DieWidth * length.Length(rapid.Float64Range(0, 1).Draw(t, "x")),
			l.DieHeight * length.Length(rapid.Float64Range(0, 1).Draw(t, "y")),
		}
		// The stage stopped beside the field's centre by these distances.
		missX, missY := rapid.Float64Range(-5, 5).Draw(t, "missX"), rapid.Float64Range(-5, 5).Draw(t, "missY")
		wafer := Point{die.Center.X - l.DieWidth/2 + onDie.X, die.Center.Y - l.DieHeight/2 + onDie.Y}
		toFrame := func(q Point) (x, y float64) {
			return float64(p.Width)/2 + float64((q.X-f.Center.X)/l.PixelSize) + missX,
				float64(p.Height)/2 - float64((q.Y-f.Center.Y)/l.PixelSize) + missY
		}
		x, y := toFrame(wafer)
		cx, cy := toFrame(die.Center)
		dx, dy := cx-float64(d.Rect.Min.X+d.Rect.Max.X)/2, cy-float64(d.Rect.Min.Y+d.Rect.Max.Y)/2
		found := defect.Defect{CX: x - 0.5, CY: y - 0.5, Box: image.Rect(10, 20, 13, 27)}

		got := l.Locate(die.Index, d.Rect, dx, dy, found)
		near := func(a, b length.Length) bool { return math.Abs(float64(a-b)) < 1e-5 }
		if !near(got.OnWafer.X, wafer.X) || !near(got.OnWafer.Y, wafer.Y) || !near(got.OnDie.X, onDie.X) || !near(got.OnDie.Y, onDie.Y) {
			t.Fatalf("located %+v; put on wafer %+v, on die %+v", got, wafer, onDie)
		}
		if got.Width != 3*l.PixelSize || got.Height != 7*l.PixelSize {
			t.Fatalf("size %v × %v", got.Width, got.Height)
		}
	})
}

func TestLocateByHand(t *testing.T) {
	l := sram() // die 790×990 pixels of 10 µm
	corner := image.Rect(100, 200, 100+790, 200+990)
	for _, c := range []struct {
		name   string
		cx, cy float64
		dx, dy float64
		want   Point
	}{
		{"lower left pixel", 100, 1189, 0, 0, Point{5, 5}},
		{"upper right pixel", 889, 200, 0, 0, Point{7895, 9895}},
		{"the same, the die found right and below", 889 + 3, 200 + 2, 3, 2, Point{7895, 9895}},
	} {
		got := l.Locate(DieIndex{2, -1}, corner, c.dx, c.dy, defect.Defect{CX: c.cx, CY: c.cy})
		wafer := Point{16000 - 3950 + c.want.X, -10000 - 4950 + c.want.Y}
		if got.OnDie != c.want || got.OnWafer != wafer {
			t.Errorf("%s: %+v; want %+v on the die, %+v on the wafer", c.name, got, c.want, wafer)
		}
	}
}

func TestSequence(t *testing.T) {
	l := Layout{Kind: Sequence, PixelSize: 2}
	p := newPlan(t, l, 640, 480)
	if !p.Open() || len(p.Dies)+len(p.Fields) != 0 || p.Layout.DieWidth != 1280 || p.Layout.PitchY != 960 {
		t.Errorf("plan %+v", p)
	}
	if want := 1280.0 * 960 / 1e8; math.Abs(p.Layout.DieArea()-want) > 1e-12 {
		t.Errorf("area %v cm²; want %v", p.Layout.DieArea(), want)
	}
	got := l.Locate(DieIndex{3, 0}, image.Rect(0, 0, 100, 50), 0, 0, defect.Defect{CX: 0, CY: 0})
	if got.OnDie != (Point{1, 99}) {
		t.Errorf("located %+v", got)
	}
	if p := newPlan(t, l, 0, 0); p.Layout.DieArea() != 0 {
		t.Errorf("area %v without a frame", p.Layout.DieArea())
	}
	if grid := sram(); grid.ForFrame(10, 10) != grid {
		t.Error("a grid took its size from the frame")
	}
}

func TestSmallestAndLargest(t *testing.T) {
	tiny := sram()
	tiny.PitchX, tiny.PitchY, tiny.DieWidth, tiny.DieHeight, tiny.PixelSize = 450, 450, 440, 440, 5
	tiny.FieldColumns, tiny.FieldRows = 40, 30
	if p := newPlan(t, tiny, 4096, 3000); len(p.Dies) < 140_000 || len(p.Dies) > 150_000 {
		// The circle holds π/4·(194/0.45)² ≈ 146 thousand pitches, less a ring of broken dies.
		t.Errorf("%d tiny dies", len(p.Dies))
	}
	huge := sram()
	huge.PitchX, huge.PitchY, huge.DieWidth, huge.DieHeight = 130000, 130000, 130000, 130000
	huge.FieldColumns, huge.FieldRows, huge.PixelSize = 1, 1, 100
	if p := newPlan(t, huge, 1300, 1300); len(p.Dies) != 1 || len(p.Fields) != 1 || p.Fields[0].Dies[0].Rect != image.Rect(0, 0, 1300, 1300) {
		t.Errorf("one die a wafer: %+v", p)
	}
}

func ExampleDieIndex() {
	fmt.Println(DieIndex{-3, 12})
	// Output: (-3, 12)
}
