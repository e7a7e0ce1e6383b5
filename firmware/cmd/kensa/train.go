package main

import (
	"errors"
	"fmt"
	"time"

	"kensa/firmware/appliance"
	"kensa/firmware/config"
	"kensa/hw/camera/replay"
	"kensa/vision/flatfield"
	"kensa/vision/frame"
	"kensa/vision/golden"
	"kensa/vision/hotpath"
	"kensa/vision/wafer"
)

type trainCommand struct {
	Golden     trainGolden     `cmd:"" default:"withargs" help:"Learn a recipe's golden die from known-good frames; the word golden may be left out."`
	Classifier trainClassifier `cmd:"" help:"Learn the site's own classes of defects from labelled crops."`
}

type trainGolden struct {
	configured
	Recipe     string `required:"" help:"The recipe to learn the golden for; it says where dies lie in a frame, and where the golden goes."`
	Frames     string `arg:"" help:"Folder of known-good frames: one wafer, or a folder for each, files in the order of the fields."`
	Flat       string `placeholder:"FILE" help:"Correct the frames by this flat field, the one that source.flat will name."`
	Calibrated bool   `help:"Correct the frames by the calibration in use, as the appliance will."`
	Max        int    `default:"200" help:"Learn from at most so many dies."`
	Update     bool   `help:"Add the dies to the golden that is there, instead of learning a new one. The golden before is kept beside it, with .bak after its name."`
}

// Run learns and writes the golden. A golden that is there already is replaced
// only by a whole new one.
func (t *trainGolden) Run(c console) error {
	recipe, err := config.LoadRecipe(t.Recipe)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	if recipe.Golden == "" {
		return fail(exitUsage, fmt.Errorf("%s: golden: missing; it names the file to learn", t.Recipe), "")
	}
	plan, err := wafer.NewPlan(recipe.Layout, recipe.Frame.Width, recipe.Frame.Height)
	if err != nil {
		return fail(exitUsage, fmt.Errorf("%s: %w", t.Recipe, err), "")
	}
	if plan.Open() {
		return fail(exitUsage, fmt.Errorf("%s: layout.kind %q has no dies to learn from; want %q", t.Recipe, plan.Layout.Kind, wafer.DieGrid), "")
	}
	flat, err := t.flat()
	if err != nil {
		return fail(exitInput, err, "")
	}
	samples, err := t.samples(plan, flat)
	if err != nil {
		return fail(exitInput, err, "")
	}
	if t.Update {
		return approve(c, recipe, samples)
	}
	return learn(c, recipe, samples)
}

// flat is the flat field that was named; nil where none was.
func (t *trainGolden) flat() (*hotpath.Flat, error) {
	switch {
	case t.Flat != "" && t.Calibrated:
		return nil, errors.New("--flat and --calibrated: want one of them")
	case t.Flat != "":
		return flatfield.Load(t.Flat)
	case !t.Calibrated:
		return nil, nil
	}
	loaded, err := t.load()
	if err != nil {
		return nil, err
	}
	loaded.Calibration.Required = true
	used, err := appliance.Calibration(loaded, time.Now())
	if err != nil {
		return nil, err
	}
	flat, err := appliance.CalibratedFlat(used)
	if err == nil && flat == nil {
		err = fmt.Errorf("calibration %s has no flat field; `kensa calibrate flat` measures it", used.Name())
	}
	return flat, err
}

func learn(c console, recipe config.Recipe, samples []golden.Sample) error {
	learnt, rejected, err := appliance.Learn(recipe, samples)
	leftOut(c, rejected)
	if err != nil {
		return fail(exitInput, err, "give more frames of known-good wafers, or frames of the recipe's own product")
	}
	_, err = fmt.Fprintf(c.out, "%s: %d×%d pixels, learnt from %d dies (%d left out)\n", recipe.GoldenPath(), learnt.Width, learnt.Height, learnt.Dies, len(rejected))
	return err
}

func approve(c console, recipe config.Recipe, samples []golden.Sample) error {
	learnt, backup, rejected, err := appliance.Approve(recipe, samples)
	leftOut(c, rejected)
	hint := ""
	if errors.Is(err, appliance.ErrNoGolden) || errors.Is(err, golden.ErrTooOld) {
		hint = "without --update, `kensa train` learns a new golden"
	}
	if err != nil {
		return fail(exitInput, err, hint)
	}
	_, err = fmt.Fprintf(c.out, "%s: %d dies added (%d left out), learnt from %d in all; the golden before is %s\n",
		recipe.GoldenPath(), len(samples)-len(rejected), len(rejected), learnt.Dies, backup)
	return err
}

// leftOut says which dies were not learnt from, and why.
func leftOut(c console, rejected []golden.Rejected) {
	for _, r := range rejected {
		fmt.Fprintf(c.err, "left out %s: %s\n", r.Name, r.Reason)
	}
}

// samples cuts the dies out of the frames: file n of a wafer's folder is the
// recipe's field n.
func (t *trainGolden) samples(plan *wafer.Plan, flat *hotpath.Flat) ([]golden.Sample, error) {
	wafers, err := replay.Find(t.Frames)
	if err != nil {
		return nil, err
	}
	var samples []golden.Sample
	for _, w := range wafers {
		if len(w.Files) > len(plan.Fields) {
			return nil, fmt.Errorf("%s: %d frames; the recipe has %d fields", w.Material.Substrate, len(w.Files), len(plan.Fields))
		}
		for n, file := range w.Files {
			if len(samples) >= t.Max {
				return samples[:t.Max], nil
			}
			cut, err := cutField(plan, n, file, flat)
			if err != nil {
				return nil, err
			}
			samples = append(samples, cut...)
		}
	}
	if len(samples) == 0 {
		return nil, errors.New("no dies in the frames")
	}
	return samples[:min(len(samples), t.Max)], nil
}

func cutField(plan *wafer.Plan, n int, file string, flat *hotpath.Flat) ([]golden.Sample, error) {
	img, err := frame.Load(file)
	if err != nil {
		return nil, err
	}
	if img.Width != plan.Width || img.Height != plan.Height {
		return nil, fmt.Errorf("%s: %d×%d pixels; the recipe's frame is %d×%d", file, img.Width, img.Height, plan.Width, plan.Height)
	}
	if flat != nil {
		if !flat.Fits(img) {
			return nil, fmt.Errorf("%s: %d×%d pixels; the flat field is of another size", file, img.Width, img.Height)
		}
		img = flat.CorrectFrame(img, frame.Image{})
	}
	var samples []golden.Sample
	for _, d := range plan.Fields[n].Dies {
		samples = append(samples, golden.Sample{Name: fmt.Sprintf("%s die %v", file, plan.Dies[d.Die].Index), Image: img, Rect: d.Rect})
	}
	return samples, nil
}
