package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"kensa/vision/binary"
	"kensa/vision/defect"
	"kensa/vision/durable"
	"kensa/vision/evaluate"
	"kensa/vision/frame"
)

type evaluateCommand struct {
	DeepPCB   evaluatePairs     `cmd:"" name:"deeppcb" help:"Inspect binarised template/test pairs and score the findings against their labels."`
	Simulated evaluateSimulated `cmd:"" help:"Inspect a simulated tool's wafers and score the findings against what it put on them."`
}

// evaluatePairs inspects pairs as the DeepPCB set has them.
type evaluatePairs struct {
	Dir    string  `arg:"" help:"Folder of NAME_temp.jpg, NAME_test.jpg and, where they are known, the labels NAME.txt: one \"x1 y1 x2 y2 type\" a line, type 1 open, 2 short, 3 mousebite, 4 spur, 5 copper, 6 pin-hole."`
	List   string  `required:"" help:"File with the names of the pairs, one a line: a bare name (00041007), or a line of the set's own lists (group00041/00041/00041007.jpg group00041/00041_not/00041007.txt), of which the first path's last part counts."`
	Out    string  `required:"" help:"Folder for the findings: NAME.txt with one \"x1,y1,x2,y2,confidence,class\" a line."`
	Recipe string  `help:"Recipe file, instead of the built-in one; see vision/binary/deeppcb.toml."`
	IoU    float64 `default:"0.33" name:"iou" help:"A finding matches a label of its class when their boxes' intersection over union is greater."`
	JSON   bool    `help:"Print the score as JSON."`
}

// pairScore is the result. Shares are 0 to 1.
type pairScore struct {
	Pairs          int          `json:"pairs"`
	Scored         int          `json:"scored"`               // pairs with labels
	PairsPerSecond float64      `json:"pairs_per_second"`     // by the clock on the wall
	PerCPUSecond   float64      `json:"pairs_per_cpu_second"` // by the time of the one core: other load does not change it
	IoU            float64      `json:"iou"`
	Confidence     float64      `json:"confidence"` // the recipe's least, at which the F-score is taken
	MAP            *float64     `json:"map,omitempty"`
	F              *float64     `json:"f_score,omitempty"`
	Precision      *float64     `json:"precision,omitempty"`
	Recall         *float64     `json:"recall,omitempty"`
	Classes        []classScore `json:"classes,omitempty"`

	inspecting, computing time.Duration
}

type classScore struct {
	Class     string  `json:"class"`
	AP        float64 `json:"ap"`
	F         float64 `json:"f_score"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	Found     int     `json:"found"`
	Missed    int     `json:"missed"`
	False     int     `json:"false"`
}

// Run inspects every pair, writes its findings, and scores those with labels. A
// pair that differs nearly everywhere has no findings.
func (e *evaluatePairs) Run(c console) error {
	if !(e.IoU >= 0 && e.IoU < 1) {
		return fail(exitUsage, fmt.Errorf("--iou: %v; want 0 to less than 1", e.IoU), "")
	}
	params, err := e.params()
	if err != nil {
		return fail(exitUsage, err, "")
	}
	inspector, err := binary.New(params)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	names, err := readFile(e.List, evaluate.ReadList)
	if err != nil {
		return fail(exitInput, err, "")
	}
	if err := os.MkdirAll(e.Out, 0o755); err != nil {
		return fail(exitInput, err, "")
	}
	runtime.LockOSThread() // for threadTime
	defer runtime.UnlockOSThread()
	score := pairScore{IoU: e.IoU, Confidence: params.Confidence.Least}
	labelled, failed := e.pairs(c, inspector, names, &score)
	if c.Err() != nil {
		return c.Err()
	}
	score.complete(labelled)
	if err := score.print(c, e.JSON); err != nil {
		return err
	}
	return fail(exitInput, failed, "")
}

// pairs inspects all pairs, until the context ends, and returns those that have
// labels. One that cannot be
// read does not keep the others from being inspected.
func (e *evaluatePairs) pairs(c console, inspector *binary.Inspector, names []string, score *pairScore) (labelled []evaluate.Image, err error) {
	var failed []error
	for _, name := range names {
		if c.Err() != nil {
			break
		}
		image, known, err := e.pair(c, inspector, name, score)
		switch {
		case err != nil:
			failed = append(failed, err)
		case known:
			labelled = append(labelled, image)
		}
	}
	return labelled, errors.Join(failed...)
}

func (e *evaluatePairs) params() (binary.Params, error) {
	if e.Recipe == "" {
		return binary.ParseParams(binary.Recipe, "built-in recipe")
	}
	text, err := os.ReadFile(e.Recipe)
	if err != nil {
		return binary.Params{}, err
	}
	return binary.ParseParams(string(text), e.Recipe)
}

// pair inspects one pair. known is false where it has no labels.
func (e *evaluatePairs) pair(c console, inspector *binary.Inspector, name string, score *pairScore) (image evaluate.Image, known bool, err error) {
	template, err := frame.Load(filepath.Join(e.Dir, name+"_temp.jpg"))
	if err != nil {
		return image, false, err
	}
	test, err := frame.Load(filepath.Join(e.Dir, name+"_test.jpg"))
	if err != nil {
		return image, false, err
	}
	started, computing := time.Now(), threadTime()
	found, err := inspector.Inspect(template, test)
	score.inspecting += time.Since(started)
	score.computing += threadTime() - computing
	score.Pairs++
	if errors.Is(err, defect.ErrTooMany) {
		fmt.Fprintf(c.err, "%s: nothing reported: %v\n", name, err)
		found, err = nil, nil
	}
	if err != nil {
		return image, false, fmt.Errorf("%s: %w", name, err)
	}
	for _, d := range found {
		image.Findings = append(image.Findings, evaluate.Finding{Label: evaluate.Label{Box: d.Box, Class: d.Class}, Confidence: d.Confidence})
	}
	image.Labels, err = readFile(filepath.Join(e.Dir, name+".txt"), evaluate.ReadLabels)
	known = err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return image, false, err
	}
	return image, known, durable.WriteFile(filepath.Join(e.Out, name+".txt"), 0o644, func(f io.Writer) error { return evaluate.WriteFindings(f, image.Findings) })
}

// threadTime is how long a core has worked for this thread.
func threadTime() time.Duration {
	var t unix.Timespec                                                         // getrusage would count whole ticks, and a small pair takes less than one
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil { // cannot fail: both arguments are right
		return 0
	}
	return time.Duration(t.Nano())
}

// complete works the score out.
func (s *pairScore) complete(labelled []evaluate.Image) {
	s.Scored = len(labelled)
	if s.Pairs > 0 {
		s.PairsPerSecond = float64(s.Pairs) / s.inspecting.Seconds()
	}
	if s.computing > 0 {
		s.PerCPUSecond = float64(s.Pairs) / s.computing.Seconds()
	}
	if len(labelled) == 0 {
		return
	}
	of := evaluate.Of(labelled, evaluate.Rules{IoU: s.IoU, Confidence: s.Confidence})
	f, precision, recall := of.F(), of.Precision(), of.Recall()
	s.MAP, s.F, s.Precision, s.Recall = &of.MAP, &f, &precision, &recall
	for _, c := range of.Classes {
		s.Classes = append(s.Classes, classScore{string(c.Class), c.AP, c.F(), c.Precision(), c.Recall(), c.Found, c.Missed, c.False})
	}
}

func (s *pairScore) print(c console, asJSON bool) error {
	if asJSON {
		return printJSON(c.out, s)
	}
	fmt.Fprintf(c.out, "%d pairs, %.0f a second without decoding, %.0f a second of one core's time\n", s.Pairs, s.PairsPerSecond, s.PerCPUSecond)
	if s.Scored == 0 {
		_, err := fmt.Fprintln(c.out, "no labels: nothing to score")
		return err
	}
	fmt.Fprintf(c.out, "scored on %d labelled pairs: same class, IoU over %v; average precision by all-point interpolation; the others at confidence %v or more\n\n",
		s.Scored, s.IoU, s.Confidence)
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "CLASS\tAP\tF-SCORE\tPRECISION\tRECALL\tFOUND\tMISSED\tFALSE\t")
	for _, k := range s.Classes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t\n", k.Class, percent(k.AP), percent(k.F), percent(k.Precision), percent(k.Recall), k.Found, k.Missed, k.False)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.out, "\nmAP %s  F-score %s  precision %s  recall %s\n", percent(*s.MAP), percent(*s.F), percent(*s.Precision), percent(*s.Recall))
	return err
}

func percent(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

// readFile reads a file with a parser that names it in its errors.
func readFile[T any](path string, parse func(io.Reader, string) (T, error)) (parsed T, err error) {
	f, err := os.Open(path)
	if err != nil {
		return parsed, err
	}
	defer f.Close()
	return parse(f, path)
}
