package main

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/inspect"
)

type inspectCommand struct {
	Images      []string `arg:"" name:"image" help:"Images: PNG, JPEG, TIFF or PGM; colour becomes grey."`
	Reference   string   `xor:"mode" required:"" help:"Compare with this image of the same pattern; the images are registered first."`
	Unpatterned bool     `xor:"mode" required:"" help:"Look for anomalies on a bare wafer."`
	FlatFrom    string   `name:"flat-from" placeholder:"DIR" help:"Learn the dust on the optics from the bare-wafer images in this folder, three or more, and leave it out."`
	PixelSize   string   `name:"pixel-size" placeholder:"LENGTH" help:"Width of a pixel, such as 0.65µm: sizes are given in µm too."`
	PixelError  string   `name:"pixel-size-uncertainty" placeholder:"LENGTH" help:"Its expanded uncertainty (k = 2), for that of the sizes."`
	Material    string   `enum:"bright,dark" default:"bright" help:"With --reference: how lines look against the ground between them, bright or dark; it decides between the classes of pattern defects."`
	Classifier  string   `placeholder:"FILE" help:"Name defects with what kensa train classifier wrote, where it is sure."`
	Confidence  float64  `default:"0.8" help:"With --classifier: the probability, 0.5 to 1, from which its class counts."`
	Crops       string   `placeholder:"DIR" help:"Write an image of each defect to DIR/CLASS/, to sort them and train a classifier."`
	DustOut     string   `name:"dust-out" placeholder:"FILE" help:"With --flat-from: write the dust learnt to this file; the appliance begins with what is in optics.dust of its state folder."`
	JSON        bool     `help:"Print one JSON object a line for each image."`
	Out         string   `help:"Write an overlay PNG for each image into this folder."`
}

// inspected is the JSON of one image. x and y are the box's top left corner.
type inspected struct {
	Image        string       `json:"image"`
	Width        int          `json:"width"`
	Height       int          `json:"height"`
	Registered   bool         `json:"registered"`       // false: nothing was compared, an empty list of defects means nothing
	Reason       string       `json:"reason,omitempty"` // why not
	Shift        shiftJSON    `json:"shift"`
	Defects      []defectJSON `json:"defects"`
	Dust         []dustJSON   `json:"dust,omitzero"` // left out of defects; absent where none was learnt
	Milliseconds float64      `json:"milliseconds"`  // of the inspection, without decoding

	view     frame.Image
	beside   frame.Image     // the reference as it should look there; empty where there is none
	compared image.Rectangle // the part that was looked at; empty for all
	defects  []defect.Defect
	dust     []image.Rectangle
}

type shiftJSON struct {
	DX float64 `json:"dx"`
	DY float64 `json:"dy"`
}

type defectJSON struct {
	X          int     `json:"x"`
	Y          int     `json:"y"`
	Width      int     `json:"width"`
	Height     int     `json:"height"`
	Size       float64 `json:"size_px"`             // of its outline: the longer side of the smallest rectangle around it
	SizeError  float64 `json:"size_uncertainty_px"` // 95 %; 0 where it could not be measured
	Microns    float64 `json:"size_um,omitzero"`    // with --pixel-size
	MicronsOff float64 `json:"size_uncertainty_um,omitzero"`
	Area       int     `json:"area_px"`
	Class      string  `json:"class"`
	Confidence float64 `json:"confidence"`
	Polarity   string  `json:"polarity"`
	Contrast   float64 `json:"contrast_sigma"`
}

// Run inspects the images one after the other. One that cannot be read does not
// keep the others from being inspected; it makes the exit code 3.
func (i *inspectCommand) Run(c console) error {
	look, err := i.inspector(c)
	if err != nil {
		return err
	}
	after, err := i.after()
	if err != nil {
		return err
	}
	if i.Out != "" {
		if err := os.MkdirAll(i.Out, 0o755); err != nil {
			return fail(exitInput, err, "")
		}
	}
	var failed []error
	for _, path := range i.Images {
		if c.Err() != nil {
			return c.Err()
		}
		result, err := look(path)
		if err == nil {
			err = errors.Join(after(result), i.give(c, result))
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	return fail(exitInput, errors.Join(failed...), "")
}

// inspector is the chosen mode, ready for images.
func (i *inspectCommand) inspector(c console) (func(path string) (*inspected, error), error) {
	if i.DustOut != "" && i.FlatFrom == "" {
		return nil, fail(exitUsage, errors.New("--dust-out: only with --flat-from"), "")
	}
	if i.Unpatterned {
		return i.unpatterned(c)
	}
	if i.FlatFrom != "" {
		return nil, fail(exitUsage, errors.New("--flat-from: only with --unpatterned"), "")
	}
	reference, err := frame.Load(i.Reference)
	if err != nil {
		return nil, fail(exitInput, err, "")
	}
	params := inspect.DefaultPairParams()
	params.Material = defect.Material(i.Material)
	return func(path string) (*inspected, error) { return lookPair(reference, path, params) }, nil
}

// unpatterned is the mode for bare wafers, with the dust that it was told to learn.
func (i *inspectCommand) unpatterned(c console) (func(path string) (*inspected, error), error) {
	if i.FlatFrom == "" {
		return lookUnpatterned, nil
	}
	learnt, err := learnDust(c, i.FlatFrom)
	if err != nil {
		return nil, fail(exitInput, err, "")
	}
	if i.DustOut != "" {
		if err := learnt.Write(i.DustOut); err != nil {
			return nil, fail(exitInput, err, "")
		}
	}
	return func(path string) (*inspected, error) {
		result, err := lookUnpatterned(path)
		if err != nil {
			return nil, err
		}
		return result, result.leaveOut(learnt)
	}, nil
}

func lookPair(reference frame.Image, path string, params inspect.PairParams) (*inspected, error) {
	img, err := frame.Load(path)
	if err != nil {
		return nil, err
	}
	if reference.Depth != img.Depth {
		reference, img = reference.To8(), img.To8()
	}
	started := time.Now()
	pair, err := inspect.Pair(reference, img, params)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	result := describe(path, img, pair.Defects, started)
	result.Registered, result.Reason = pair.Registered, pair.Reason
	result.Shift = shiftJSON{pair.Shift.DX, pair.Shift.DY}
	result.beside, result.compared = pair.Expected, pair.Compared
	return result, nil
}

func lookUnpatterned(path string) (*inspected, error) {
	img, err := frame.Load(path)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	found, err := inspect.Unpatterned(img, inspect.DefaultUnpatternedParams())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	result := describe(path, img, found.Defects, started)
	result.Registered, result.Reason = found.Inspected, found.Reason
	return result, nil
}

func describe(path string, img frame.Image, found []defect.Defect, started time.Time) *inspected {
	result := &inspected{
		Image: path, Width: img.Width, Height: img.Height,
		Milliseconds: float64(time.Since(started).Microseconds()) / 1000, view: img,
	}
	result.list(found)
	return result
}

func (r *inspected) list(found []defect.Defect) {
	r.defects, r.Defects = found, make([]defectJSON, len(found))
	for n, d := range found {
		r.Defects[n] = defectJSON{X: d.Box.Min.X, Y: d.Box.Min.Y, Width: d.Box.Dx(), Height: d.Box.Dy(), Area: d.Area,
			Size: d.Measures.Size, SizeError: d.Measures.SizeUncertainty,
			Class: string(d.Class), Confidence: d.Confidence, Polarity: string(d.Polarity), Contrast: d.Contrast}
	}
}

// give prints a result and writes its overlay.
func (i *inspectCommand) give(c console, result *inspected) error {
	if err := i.print(c, result); err != nil || i.Out == "" {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(result.Image), filepath.Ext(result.Image)) + "-defects.png"
	return writeOverlay(filepath.Join(i.Out, name), result)
}

func (i *inspectCommand) print(c console, result *inspected) error {
	if i.JSON {
		return printLine(c.out, result)
	}
	if !result.Registered {
		_, err := fmt.Fprintf(c.out, "%s: not compared: %s\n", result.Image, result.Reason)
		return err
	}
	fmt.Fprintf(c.out, "%s: %d×%d, shift (%.2f, %.2f) px, %d defects, %s%.0f ms\n", result.Image, result.Width, result.Height,
		result.Shift.DX, result.Shift.DY, len(result.Defects), result.dustCount(), result.Milliseconds)
	for n, d := range result.Defects {
		fmt.Fprintf(c.out, "  %3d  (%d, %d)  %d×%d px  length %s  %s  confidence %.2f  %s  %.1f σ\n", n+1, d.X, d.Y, d.Width, d.Height, d.length(), d.Class, d.Confidence, d.Polarity, d.Contrast)
	}
	return nil
}
