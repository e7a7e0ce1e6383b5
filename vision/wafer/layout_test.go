package wafer

import (
	"fmt"
	"image"
	"math"
	"strings"
	"testing"

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
