package station

import (
	"fmt"
	"image"
	"time"

	"kensa/firmware/record"
	"kensa/hw/camera"
	"kensa/vision/classify"
	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/inspect"
	"kensa/vision/wafer"
)

// task is a field with its frame, on the way to a worker.
type task struct {
	field  wafer.Field
	spares []image.Rectangle // to be looked at besides
	frame  *camera.Frame
	layout wafer.Layout // the wafer's
	way
}

// way is when a field's stages began, on the clock of line.Monotonic.
type way struct{ pulsed, framed time.Duration }

// result is what a worker has to say of a field.
type result struct {
	Field
	way
	err error
}

// inspectAll is a worker.
func (s *Station) inspectAll(inspector inspect.Inspector) {
	for t := range s.work {
		s.results <- s.inspect(inspector, t)
	}
}

// inspect looks at a task's field and gives its frame back.
func (s *Station) inspect(inspector inspect.Inspector, t task) result {
	defer t.frame.Release()
	return s.job.inspect(inspector, t, s.blank())
}

// blank is an empty field, in the memory of one that was done.
func (s *Station) blank() (f Field) {
	select {
	case f = <-s.done:
	default:
	}
	return Field{Dies: f.Dies[:0], Defects: f.Defects[:0], owner: f.owner[:0], looks: f.looks[:0], looked: f.looked[:0],
		light: f.light[:0], rects: f.rects[:0]}
}

// recycle gives a field's memory to one to come. Of what is looked at no pointer
// stays.
func (s *Station) recycle(f Field) {
	clear(f.looks)
	clear(f.Defects)
	select {
	case s.done <- f:
	default:
	}
}

// inspect looks at one field. The frame is read in place.
func (j *Job) inspect(inspector inspect.Inspector, t task, blank Field) (r result) {
	started := time.Now()
	r.Field = blank
	r.Number, r.way = t.field.Number, t.way
	img := imageOf(t.frame)
	if r.err = j.check(img); r.err != nil {
		return r
	}
	if len(t.field.Dies) > 0 { // none beyond the plan, where a number in doubt may lie
		if r.err = j.inspectDies(inspector, img, t, &r.Field); r.err != nil {
			return r
		}
	}
	r.spares = j.inspectSpares(inspector, img, t)
	r.Inspected, r.Took, r.layout = true, time.Since(started), t.layout.ForFrame(img.Width, img.Height)
	return r
}

// inspectDies looks at the field's own dies.
func (j *Job) inspectDies(inspector inspect.Inspector, img frame.Image, t task, f *Field) error {
	f.rects = appendRects(f.rects, t.field)
	found, err := inspector.Inspect(img, f.rects)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		f.Turn = found[0].Field
	}
	for n, d := range found {
		if err := j.add(f, img, &t.layout, t.field.Dies[n].Die, d); err != nil {
			return err
		}
	}
	return nil
}

// add enters one die's findings.
func (j *Job) add(f *Field, img frame.Image, layout *wafer.Layout, place int, d inspect.Die) error {
	if !d.Registered {
		f.Dies = append(f.Dies, Die{place, record.Die{Bin: wafer.NotInspected, Reason: "not registered: " + d.Reason}, true})
		return nil
	}
	if d.Light > 0 {
		f.light = append(f.light, d.Light)
	}
	f.looks, f.looked = append(f.looks, look(d)), append(f.looked, len(f.Dies))
	f.Dies = append(f.Dies, Die{Place: place, Die: record.Die{Bin: j.Rules.Bin(d.Defects, layout.PixelSize)}})
	for _, found := range d.Defects {
		described, err := j.describe(img, layout, f.Number, place, d, found)
		if err != nil {
			return err
		}
		f.owner = append(f.owner, place)
		f.Defects = append(f.Defects, described)
	}
	return nil
}

// check refuses a frame that the plan was not made for.
func (j *Job) check(img frame.Image) error {
	if err := img.Check(); err != nil {
		return err
	}
	if j.Plan.Width != 0 && (img.Width != j.Plan.Width || img.Height != j.Plan.Height) {
		return fmt.Errorf("frame is %d×%d pixels; the recipe's camera gives %d×%d", img.Width, img.Height, j.Plan.Width, j.Plan.Height)
	}
	return nil
}

// appendRects appends the field's dies in its frame; none means the whole frame.
func appendRects(all []image.Rectangle, f wafer.Field) []image.Rectangle {
	for _, d := range f.Dies {
		if !d.Rect.Empty() {
			all = append(all, d.Rect)
		}
	}
	return all
}

// describe puts a finding into wafer terms, with an image of its surroundings.
func (j *Job) describe(img frame.Image, layout *wafer.Layout, field, place int, d inspect.Die, found defect.Defect) (record.Defect, error) {
	straight := found
	straight.CX, straight.CY = d.Straight(found.CX, found.CY)
	spot := layout.Locate(j.index(place), d.Rect, d.Shift.DX, d.Shift.DY, straight)
	crop, err := j.crop(img, found)
	return record.Defect{
		Defect: found, Field: field, X: spot.OnDie.X, Y: spot.OnDie.Y, SizeX: spot.Width, SizeY: spot.Height,
		Size: spot.Size, SizeUncertainty: spot.Uncertainty, Image: crop,
	}, err
}

// index is the die at a place of the plan; in an open plan they lie in a row.
func (j *Job) index(place int) wafer.DieIndex {
	if j.Plan.Open() {
		return wafer.DieIndex{Column: place}
	}
	return j.Plan.Dies[place].Index
}

// crop is the part of the frame round a box, as PNG; nil where no images are kept.
// It carries what was measured, for who sorts the images to train a classifier.
func (j *Job) crop(img frame.Image, d defect.Defect) ([]byte, error) {
	if j.MaxImages == 0 {
		return nil, nil
	}
	return classify.Crop(img, d, j.ImageSize)
}
