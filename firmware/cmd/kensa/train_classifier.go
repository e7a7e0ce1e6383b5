package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"kensa/vision/classify"
	"kensa/vision/defect"
	"kensa/vision/frame"
)

type trainClassifier struct {
	Dir        string  `arg:"" help:"Folder of one folder for each class, DIR/CLASS/*.png: crops that kensa export --crops or kensa inspect --crops wrote, or pictures of one defect each in their middle."`
	Out        string  `short:"o" required:"" help:"File to write, which the recipe names as classifier.file."`
	Confidence float64 `default:"0.8" help:"Report how many are named at this probability, 0.5 to 1; the recipe's classifier.confidence decides in use."`
	JSON       bool    `help:"Print the report as JSON."`
}

// trainedJSON is the report of a training.
type trainedJSON struct {
	File     string `json:"file"`
	Hash     string `json:"sha256"`
	Measured bool   `json:"measured"` // the crops carried the inspection's own measures
	classify.Report
}

// Run learns and writes the classifier. One that is there is replaced only by a
// whole new one.
func (t *trainClassifier) Run(c console) error {
	if !(t.Confidence >= 0.5 && t.Confidence <= 1) {
		return fail(exitUsage, fmt.Errorf("--confidence: %v; want 0.5 to 1", t.Confidence), "")
	}
	samples, measured, err := readSamples(t.Dir)
	if err != nil {
		return fail(exitInput, err, "")
	}
	model, report, err := classify.Train(samples, measured, t.Confidence)
	if err != nil {
		return fail(exitInput, fmt.Errorf("%s: %w", t.Dir, err), "")
	}
	if err := model.Write(t.Out); err != nil {
		return fail(exitInput, err, "")
	}
	if t.JSON {
		return printJSON(c.out, trainedJSON{t.Out, model.Hash(), measured, report})
	}
	return t.print(c, report, measured)
}

// readSamples reads a folder of folders. Where some crop lacks the inspection's
// measures, all are measured from their pictures, so that they compare.
func readSamples(dir string) (samples []classify.Sample, measured bool, err error) {
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil, false, err
	}
	measured = true
	var failed []error
	for _, f := range folders {
		if !f.IsDir() || strings.HasPrefix(f.Name(), ".") {
			continue
		}
		if err := classify.CheckName(f.Name()); err != nil {
			return nil, false, fmt.Errorf("%s: %w", filepath.Join(dir, f.Name()), err)
		}
		some, own, err := readClass(filepath.Join(dir, f.Name()), defect.Class(f.Name()))
		samples, measured, failed = append(samples, some...), measured && own, append(failed, err)
	}
	if err := errors.Join(failed...); err != nil || measured {
		return samples, measured, err
	}
	for n, s := range samples {
		img, err := frame.Load(s.Name)
		if err == nil {
			samples[n].Measures, err = classify.Look(img)
		}
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return samples, false, nil
}

// readClass reads one class's crops. All that cannot be read are named.
func readClass(folder string, class defect.Class) (samples []classify.Sample, measured bool, err error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, false, err
	}
	measured = true
	var failed []error
	for _, f := range files {
		path := filepath.Join(folder, f.Name())
		if f.IsDir() || !frame.IsImage(path) {
			continue
		}
		m, own, err := classify.ReadCrop(path)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		measured = measured && own
		samples = append(samples, classify.Sample{Name: path, Class: class, Measures: m})
	}
	return samples, measured, errors.Join(failed...)
}

func (t *trainClassifier) print(c console, r classify.Report, measured bool) error {
	source := "measured in the crops themselves"
	if measured {
		source = "as the inspection measured them"
	}
	fmt.Fprintf(c.out, "%s: %d classes from %d crops, %s\n", t.Out, len(r.Classes), r.Samples, source)
	fmt.Fprintf(c.out, "cross-validated: %s right by the likeliest class; at a probability of %.2f %s are named, %s of these right\n\n",
		percent(r.Accuracy), t.Confidence, percent(r.Named), percent(r.Right))
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "CLASS\t")
	for _, class := range r.Classes {
		fmt.Fprintf(w, "%s\t", class)
	}
	fmt.Fprintln(w, "LEFT TO THE RULES\t")
	for n, class := range r.Classes {
		fmt.Fprintf(w, "%s\t", class)
		for _, count := range r.Confusion[n] {
			fmt.Fprintf(w, "%d\t", count)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}
