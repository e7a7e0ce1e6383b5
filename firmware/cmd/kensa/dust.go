package main

import (
	"fmt"
	"image"
	"path/filepath"

	"kensa/hw/camera/replay"
	"kensa/vision/defect"
	"kensa/vision/dust"
	"kensa/vision/frame"
	"kensa/vision/inspect"
)

// dustJSON is a finding that is the optics', not the wafer's.
type dustJSON struct {
	X        int     `json:"x"`
	Y        int     `json:"y"`
	Width    int     `json:"width"`
	Height   int     `json:"height"`
	Contrast float64 `json:"contrast_sigma"`
}

// learnDust finds the dust that the images of a folder, and of those in it, have
// in common.
func learnDust(c console, folder string) (dust.Map, error) {
	wafers, err := replay.Find(folder)
	if err != nil {
		return dust.Map{}, err
	}
	var size image.Point
	var frames [][]defect.Defect
	for _, w := range wafers {
		for _, file := range w.Files {
			if c.Err() != nil {
				return dust.Map{}, c.Err()
			}
			found, bounds, err := bareFindings(file)
			if err != nil {
				return dust.Map{}, err
			}
			if len(frames) > 0 && bounds != size {
				return dust.Map{}, fmt.Errorf("%s: %d×%d pixels; the images before have %d×%d: dust is learnt from one camera's", file, bounds.X, bounds.Y, size.X, size.Y)
			}
			size, frames = bounds, append(frames, found)
		}
	}
	m, err := dust.Learn(size.X, size.Y, frames)
	if err != nil {
		return m, fmt.Errorf("%s: %w", folder, err)
	}
	_, err = fmt.Fprintf(c.err, "%s: %d spots of dust, learnt from %d images\n", filepath.Clean(folder), len(m.Spots), len(frames))
	return m, err
}

func bareFindings(path string) ([]defect.Defect, image.Point, error) {
	img, err := frame.Load(path)
	if err != nil {
		return nil, image.Point{}, err
	}
	r, err := inspect.Unpatterned(img, inspect.DefaultUnpatternedParams())
	if err != nil {
		return nil, image.Point{}, fmt.Errorf("%s: %w", path, err)
	}
	if !r.Inspected {
		return nil, image.Point{}, fmt.Errorf("%s: no dust can be learnt from it: %s", path, r.Reason)
	}
	return r.Defects, img.Bounds().Max, nil
}

// dustCount is what the summary says of dust.
func (r *inspected) dustCount() string {
	if r.Dust == nil {
		return ""
	}
	return fmt.Sprintf("%d of dust, ", len(r.Dust))
}

// leaveOut takes dust out of an image's findings.
func (r *inspected) leaveOut(m dust.Map) error {
	if m.Width != r.Width || m.Height != r.Height {
		return fmt.Errorf("%s: %d×%d pixels; the dust was learnt from images of %d×%d", r.Image, r.Width, r.Height, m.Width, m.Height)
	}
	defects, spots := m.Split(r.defects)
	r.list(defects)
	r.dust, r.Dust = nil, make([]dustJSON, len(spots))
	for n, d := range spots {
		r.dust = append(r.dust, d.Box)
		r.Dust[n] = dustJSON{d.Box.Min.X, d.Box.Min.Y, d.Box.Dx(), d.Box.Dy(), d.Contrast}
	}
	return nil
}
