package station

import (
	"cmp"
	"image"
	"slices"

	"kensa/firmware/record"
	"kensa/hw/camera"
	"kensa/vision/frame"
	"kensa/vision/inspect"
	"kensa/vision/wafer"
)

// The number of a stop may be in doubt until the wafer has left: see package
// pairing. It is then inspected as the field that it is likeliest, and besides
// where other fields have dies that this one lacks, so that in the end its results
// can be given to the field that it was.

// spare is what was found at a place of the frame where the stop's likeliest field
// has no die.
type spare struct {
	rect    image.Rectangle
	die     record.Die
	defects []record.Defect
}

// spares are the places where other fields have dies and this one has none.
func (s *Station) spares(f wafer.Field) (rects []image.Rectangle) {
	for _, other := range s.job.Plan.Fields {
		for _, d := range other.Dies {
			if _, has := dieAt(f, d.Rect); !has && !slices.Contains(rects, d.Rect) {
				rects = append(rects, d.Rect)
			}
		}
	}
	return rects
}

// dieAt is the field's die at a place of the frame.
func dieAt(f wafer.Field, rect image.Rectangle) (die int, ok bool) {
	for _, d := range f.Dies {
		if d.Rect == rect {
			return d.Die, true
		}
	}
	return 0, false
}

// inspectSpares looks at places beside the field's own. Where that fails there
// is nothing to give away: off the wafer's edge it must.
func (j *Job) inspectSpares(inspector inspect.Inspector, img frame.Image, t task) (all []spare) {
	if len(t.spares) == 0 {
		return nil
	}
	found, err := inspector.Inspect(img, t.spares)
	if err != nil {
		return nil
	}
	for n, d := range found {
		one := Field{Number: t.field.Number}
		if !d.Registered || j.add(&one, img, &t.layout, 0, d) != nil {
			continue
		}
		all = append(all, spare{t.spares[n], one.Dies[0].Die, one.Defects})
	}
	return all
}

// imageOf is a frame as the inspection sees it.
func imageOf(f *camera.Frame) frame.Image {
	return frame.Image{Pix: f.Pix, Width: f.Width, Height: f.Height, Stride: f.Stride, Depth: f.Depth}
}

// place gives what was inspected under each number to the field that it was, and
// discards what cannot be given to one. It returns how many inspected stops that
// were: a map with wrong places is worse than one with gaps.
func (s *Station) place(fieldOf map[int]int) (discarded int) {
	moved := false
	for stop := range s.wafer.inspected {
		field, certain := fieldOf[stop]
		moved = moved || certain && field != stop
		if !certain {
			discarded++
		}
	}
	if !moved && discarded == 0 {
		return 0
	}
	w := s.wafer.record
	w.Dies, w.Defects = s.placeDies(fieldOf), s.placeDefects(fieldOf)
	w.FieldsInspected = len(s.wafer.inspected) - discarded
	return discarded
}

// at is the plan's field of a number; one beyond the plan has no dies.
func (s *Station) at(n int) wafer.Field {
	if n < len(s.job.Plan.Fields) {
		return s.job.Plan.Fields[n]
	}
	return wafer.Field{Number: n}
}

// placeDies are the wafer's dies with each result at its field.
func (s *Station) placeDies(fieldOf map[int]int) []record.Die {
	was := s.wafer.record.Dies
	dies := slices.Clone(was)
	doubt := func(d int) {
		dies[d] = record.Die{Index: was[d].Index, Bin: wafer.NotInspected, Reason: "position in doubt"}
	}
	for _, f := range s.job.Plan.Fields {
		for _, d := range f.Dies {
			if was[d.Die].Bin != wafer.NotInspected {
				doubt(d.Die)
			}
		}
	}
	for stop, field := range fieldOf {
		for _, d := range s.at(field).Dies {
			if from, has := dieAt(s.at(stop), d.Rect); has {
				dies[d.Die] = was[from]
			} else if spare, has := s.spareAt(stop, d.Rect); has {
				dies[d.Die] = spare.die
			} else {
				doubt(d.Die)
			}
			dies[d.Die].Index = was[d.Die].Index
		}
	}
	return dies
}

func (s *Station) spareAt(stop int, rect image.Rectangle) (spare, bool) {
	all := s.wafer.spares[stop]
	at := slices.IndexFunc(all, func(one spare) bool { return one.rect == rect })
	if at < 0 {
		return spare{}, false
	}
	return all[at], true
}

// placeDefects are the wafer's defects, each on the die of its field, numbered anew.
func (s *Station) placeDefects(fieldOf map[int]int) (placed []record.Defect) {
	w := s.wafer.record
	byStop := map[int][]record.Defect{}
	for _, d := range w.Defects {
		byStop[d.Field] = append(byStop[d.Field], d)
	}
	put := func(d record.Defect, field, die int) {
		d.Field, d.Die = field, w.Dies[die].Index
		placed = append(placed, d)
	}
	for stop, field := range fieldOf {
		for _, d := range s.at(field).Dies {
			from, has := dieAt(s.at(stop), d.Rect)
			for _, found := range byStop[stop] {
				if has && found.Die == w.Dies[from].Index {
					put(found, field, d.Die)
				}
			}
			if spare, is := s.spareAt(stop, d.Rect); is && !has {
				for _, found := range spare.defects {
					put(found, field, d.Die)
				}
			}
		}
	}
	slices.SortStableFunc(placed, func(a, b record.Defect) int {
		return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Number, b.Number), cmp.Compare(a.Box.Min.Y, b.Box.Min.Y), cmp.Compare(a.Box.Min.X, b.Box.Min.X))
	})
	images := 0
	for n := range placed {
		d := &placed[n]
		if d.Number = n + 1; d.Image == nil {
			continue
		}
		if images++; images > s.job.MaxImages {
			d.Image = nil
		}
	}
	return placed
}
