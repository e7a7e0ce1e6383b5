package wafer

import (
	"fmt"
	"math"
	"slices"

	"kensa/vision/length"
)

// Plan is a layout worked out for a camera: every die that counts, and every
// field in the order in which the stage comes to it.
type Plan struct {
	Layout        Layout
	Width, Height int // the frame's size in pixels; 0 where each frame has its own
	Dies          []Die
	Fields        []Field
}

// NewPlan works a layout out for frames of width × height pixels. The field's
// centre lies at the frame's centre. A layout of kind Sequence gives an open
// plan, without dies and fields of its own; its size may be 0×0 where frames
// differ.
func NewPlan(l Layout, width, height int) (*Plan, error) {
	if err := l.Check(); err != nil {
		return nil, fmt.Errorf("layout: %w", err)
	}
	p := &Plan{Layout: l.ForFrame(width, height)}
	if p.Open() {
		return p, nil
	}
	if w, h := l.FieldPixels(); width < w || height < h {
		return nil, fmt.Errorf("layout: frame of %d×%d pixels; a field of %d×%d dies needs %d×%d",
			width, height, l.FieldColumns, l.FieldRows, w, h)
	}
	p.Width, p.Height = width, height
	p.Dies = l.dies()
	if len(p.Dies) == 0 {
		return nil, fmt.Errorf("layout: no whole die of %v × %v fits inside the edge exclusion", l.PitchX, l.PitchY)
	}
	p.Fields = l.fields(p.Dies, width, height)
	return p, nil
}

// Open reports whether the plan takes as many fields as the tool triggers.
func (p *Plan) Open() bool { return p.Layout.Kind == Sequence }

// dies lists the dies whose inspected part lies wholly inside the edge
// exclusion, by rows from the top, each from left to right.
func (l Layout) dies() []Die {
	radius := l.Diameter/2 - l.EdgeExclusion
	reach := func(pitch, offset length.Length) int {
		return int(math.Ceil(float64((radius + max(offset, -offset)) / pitch)))
	}
	columns, rows := reach(l.PitchX, l.OffsetX), reach(l.PitchY, l.OffsetY)
	var dies []Die
	for row := rows; row >= -rows; row-- {
		for column := -columns; column <= columns; column++ {
			c := l.DieCenter(DieIndex{column, row})
			x := math.Abs(float64(c.X)) + float64(l.DieWidth)/2
			y := math.Abs(float64(c.Y)) + float64(l.DieHeight)/2
			if math.Hypot(x, y) <= float64(radius) {
				dies = append(dies, Die{DieIndex{column, row}, c})
			}
		}
	}
	return dies
}

// fields groups the dies into camera fields and orders these along the path.
func (l Layout) fields(dies []Die, width, height int) []Field {
	left, top := dies[0].Index.Column, dies[0].Index.Row
	right, bottom := left, top
	at := make(map[DieIndex]int, len(dies))
	for n, d := range dies {
		at[d.Index] = n
		left, right = min(left, d.Index.Column), max(right, d.Index.Column)
		top, bottom = max(top, d.Index.Row), min(bottom, d.Index.Row)
	}
	var fields []Field
	backwards := false
	for row := top; row >= bottom; row -= l.FieldRows {
		var run []Field
		for column := left; column <= right; column += l.FieldColumns {
			if f := l.field(DieIndex{column, row}, at, width, height); len(f.Dies) > 0 {
				run = append(run, f)
			}
		}
		if backwards {
			slices.Reverse(run)
		}
		backwards = l.Path == Serpentine && !backwards
		fields = append(fields, run...)
	}
	for n := range fields {
		fields[n].Number = n
	}
	return fields
}

// field is the field whose top left die is at first.
func (l Layout) field(first DieIndex, at map[DieIndex]int, width, height int) Field {
	a := l.DieCenter(first)
	f := Field{Center: Point{
		a.X + l.PitchX*length.Length(l.FieldColumns-1)/2,
		a.Y - l.PitchY*length.Length(l.FieldRows-1)/2,
	}}
	for r := range l.FieldRows {
		for c := range l.FieldColumns {
			index := DieIndex{first.Column + c, first.Row - r}
			if n, ok := at[index]; ok {
				f.Dies = append(f.Dies, FieldDie{n, l.rect(c, r, width, height)})
			}
		}
	}
	return f
}
