package classify

import (
	"image"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/inspect"
)

// cropSide is the least side of the crop in which a defect is looked at by
// itself.
const cropSide = 64

// Namer names defects with a model where it is sure enough.
type Namer struct {
	Model *Model
	// Least is the probability, 0 to 1, from which the model's class counts; below
	// it the rules' class stays.
	Least float64
}

// Name gives a defect of an image the model's class and its probability, or
// leaves the rules'.
func (n Namer) Name(img frame.Image, d *defect.Defect) {
	m := d.Measures
	if !n.Model.Measured() {
		var err error
		if m, err = Look(img.Sub(Around(d.Box, cropSide))); err != nil {
			return // nothing stands out in the plain picture: the rules saw more
		}
	}
	if class, probability, ok := n.Model.Classify(m); ok && probability >= n.Least {
		d.Class, d.Confidence = class, probability
	}
}

// inspector names what another one finds.
type inspector struct {
	inspect.Inspector
	namer Namer
}

// Wrap has the namer name what an inspector finds.
func Wrap(i inspect.Inspector, n Namer) inspect.Inspector { return &inspector{i, n} }

// Inspect implements inspect.Inspector.
func (i *inspector) Inspect(img frame.Image, rects []image.Rectangle) ([]inspect.Die, error) {
	dies, err := i.Inspector.Inspect(img, rects)
	for d := range dies {
		for k := range dies[d].Defects {
			i.namer.Name(img, &dies[d].Defects[k])
		}
	}
	return dies, err
}
