package main

import (
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"kensa/vision/classify"
	"kensa/vision/durable"
	"kensa/vision/length"
)

// after is what is done to a result before it is printed: the site's classes,
// lengths in µm, images of the defects.
func (i *inspectCommand) after() (func(*inspected) error, error) {
	pixel, off, err := i.scale()
	if err != nil {
		return nil, fail(exitUsage, err, "")
	}
	if !(i.Confidence >= 0.5 && i.Confidence <= 1) {
		return nil, fail(exitUsage, fmt.Errorf("--confidence: %v; want 0.5 to 1", i.Confidence), "")
	}
	var namer *classify.Namer
	if i.Classifier != "" {
		model, err := classify.Read(i.Classifier)
		if err != nil {
			return nil, fail(exitInput, err, "")
		}
		namer = &classify.Namer{Model: model, Least: i.Confidence}
	}
	return func(r *inspected) error {
		if namer != nil {
			for n := range r.defects {
				namer.Name(r.view, &r.defects[n])
			}
		}
		r.list(r.defects)
		for n := range r.Defects {
			r.Defects[n].scale(pixel, off)
		}
		return i.crops(r)
	}, nil
}

// scale is the size of a pixel and its uncertainty, µm; 0 where they are not
// given.
func (i *inspectCommand) scale() (pixel, off float64, err error) {
	for _, given := range []struct {
		name, text string
		to         *float64
	}{{"pixel-size", i.PixelSize, &pixel}, {"pixel-size-uncertainty", i.PixelError, &off}} {
		if given.text == "" {
			continue
		}
		var l length.Length
		if err := l.UnmarshalText([]byte(given.text)); err != nil {
			return 0, 0, fmt.Errorf("--%s: %w", given.name, err)
		}
		if *given.to = l.Micrometres(); !(*given.to > 0) {
			return 0, 0, fmt.Errorf("--%s: %v; want more than 0", given.name, l)
		}
	}
	if off > 0 && pixel == 0 {
		return 0, 0, fmt.Errorf("--pixel-size-uncertainty: only with --pixel-size")
	}
	return pixel, off, nil
}

func (d *defectJSON) scale(pixel, off float64) {
	d.Microns = d.Size * pixel
	d.MicronsOff = math.Hypot(d.SizeError*pixel, d.Size*off)
}

// length is in µm where the pixel's size is known.
func (d *defectJSON) length() string {
	switch {
	case d.Size == 0:
		return "unknown"
	case d.Microns > 0:
		return fmt.Sprintf("%.2f ± %.2f µm", d.Microns, d.MicronsOff)
	}
	return fmt.Sprintf("%.1f ± %.1f px", d.Size, d.SizeError)
}

// leastCrop is the least side of a defect's image, pixels, as in a recipe.
const leastCrop = 96

// crops writes an image of each defect, by class.
func (i *inspectCommand) crops(r *inspected) error {
	if i.Crops == "" {
		return nil
	}
	base := strings.TrimSuffix(filepath.Base(r.Image), filepath.Ext(r.Image))
	for n, d := range r.defects {
		if d.Box.Intersect(image.Rect(0, 0, r.Width, r.Height)).Empty() {
			continue
		}
		png, err := classify.Crop(r.view, d, leastCrop)
		if err == nil {
			err = writeCrop(filepath.Join(i.Crops, string(d.Class)), fmt.Sprintf("%s-%d.png", base, n+1), png)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeCrop puts an image into a folder, which it makes.
func writeCrop(folder, name string, png []byte) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(folder, name), 0o644, func(to io.Writer) error {
		_, err := to.Write(png)
		return err
	})
}
