package station

import (
	"bytes"
	"fmt"
	"image"

	"kensa/firmware/record"
	"kensa/hw/camera"
	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/inspect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// task is a field with its frame, on the way to a worker.
type task struct {
	field wafer.Field
	frame *camera.Frame
}

// result is what a worker found. owner says of each defect which of the
// field's dies it lies on.
type result struct {
	field   wafer.Field
	dies    []die
	defects []record.Defect
	owner   []int
	err     error
}

type die struct {
	bin    wafer.Bin
	reason string
}

// inspectAll is a worker.
func (s *Station) inspectAll(inspector inspect.Inspector) {
	for t := range s.work {
		r := s.job.inspect(inspector, t)
		t.frame.Release()
		s.results <- r
	}
}

// inspect looks at one field. The frame is read in place.
func (j *Job) inspect(inspector inspect.Inspector, t task) result {
	r := result{field: t.field}
	img := frame.Image{Pix: t.frame.Pix, Width: t.frame.Width, Height: t.frame.Height, Stride: t.frame.Stride, Depth: t.frame.Depth}
	if r.err = j.check(img); r.err != nil {
		return r
	}
	found, err := inspector.Inspect(img, rects(t.field))
	if err != nil {
		r.err = err
		return r
	}
	for n, d := range found {
		if !d.Registered {
			r.dies = append(r.dies, die{wafer.NotInspected, "not registered: " + d.Reason})
			continue
		}
		r.dies = append(r.dies, die{bin: j.Rules.Bin(d.Defects, j.Plan.Layout.PixelSize)})
		for _, found := range d.Defects {
			described, err := j.describe(img, t.field.Number, d, found)
			if err != nil {
				r.err = err
				return r
			}
			r.owner = append(r.owner, n)
			r.defects = append(r.defects, described)
		}
	}
	return r
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

// rects are the field's dies in its frame; none means the whole frame.
func rects(f wafer.Field) []image.Rectangle {
	var all []image.Rectangle
	for _, d := range f.Dies {
		if !d.Rect.Empty() {
			all = append(all, d.Rect)
		}
	}
	return all
}

// describe puts a finding into wafer terms, with an image of its surroundings.
func (j *Job) describe(img frame.Image, field int, d inspect.Die, found defect.Defect) (record.Defect, error) {
	pixel := j.Plan.Layout.PixelSize
	left, bottom := float64(d.Rect.Min.X)+d.Shift.DX, float64(d.Rect.Max.Y)+d.Shift.DY
	crop, err := j.crop(img, found.Box)
	return record.Defect{
		Defect: found, Field: field,
		X: length.Length(found.CX-left) * pixel, Y: length.Length(bottom-found.CY) * pixel,
		SizeX: length.Length(found.Box.Dx()) * pixel, SizeY: length.Length(found.Box.Dy()) * pixel,
		Image: crop,
	}, err
}

// crop is the part of the frame round a box, as PNG; nil where no images are kept.
func (j *Job) crop(img frame.Image, box image.Rectangle) ([]byte, error) {
	if j.MaxImages == 0 {
		return nil, nil
	}
	center := box.Min.Add(box.Max).Div(2)
	side := max(j.ImageSize, box.Dx(), box.Dy())
	var png bytes.Buffer
	err := frame.EncodePNG(&png, img.Sub(image.Rect(0, 0, side, side).Add(center.Sub(image.Pt(side/2, side/2)))))
	return png.Bytes(), err
}
