package main

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"kensa/firmware/appliance"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/hw/simulator"
	"kensa/vision/defect"
	"kensa/vision/durable"
	"kensa/vision/evaluate"
	"kensa/vision/wafer"
)

// evaluateSimulated runs the whole appliance on a simulated tool's wafers.
type evaluateSimulated struct {
	Wafers  int     `required:"" help:"How many wafers."`
	Product string  `enum:"memory,logic,power,sensor" default:"logic" help:"The die that is drawn: memory, logic, power or sensor."`
	Seed    uint64  `default:"1" help:"The same seed makes the same wafers."`
	Defects float64 `default:"0.5" help:"Mean number of defects on a die, to 20."`
	MinSize float64 `default:"1.5" help:"Least size of a defect in pixels of 40 µm, from 1.5; the greatest is 12."`
	Out     string  `help:"Folder for detection.json and the probability-of-detection curves over size and contrast, detection.png and detection-contrast.png."`
	JSON    bool    `help:"Print the score as JSON."`
}

// Sizes of the score.
const (
	maxSize  = 12 // pixels
	sizeBins = 8
)

// contrastEnds divide the contrasts: about the camera's noise, what a faint stain
// has, what is half as clear as the pattern itself, and more.
var contrastEnds = []float64{0, 20, 60, 255}

// detectionJSON is the result. Rates are 0 to 1.
type detectionJSON struct {
	Wafers              int                    `json:"wafers"`
	Defects             evaluate.Rate          `json:"defects"`
	Capture             float64                `json:"capture_rate"`
	FalseAlarms         map[defect.Class]int   `json:"false_alarms"`
	FalseAlarmsPerWafer float64                `json:"false_alarms_per_wafer"`
	Classes             map[defect.Class]point `json:"classes"`
	// Named counts what was found, by its true class and the one that it was given.
	Named         map[defect.Class]map[defect.Class]int `json:"named"`
	Sizes         []point                               `json:"sizes_um"`
	Contrasts     []bandJSON                            `json:"contrasts_grey"`
	PODSize       podJSON                               `json:"pod_size_um"`
	PODContrast   podJSON                               `json:"pod_contrast_grey"`
	FalsePerWafer map[defect.Class]float64              `json:"false_alarms_per_wafer_by_class"`
}

// podJSON is a logistic curve after MIL-HDBK-1823A, or why there is none.
type podJSON struct {
	*evaluate.POD
	Reason string `json:"reason,omitempty"`
}

func podOf(trials []evaluate.Trial) podJSON {
	fit, err := evaluate.FitPOD(trials)
	if err != nil {
		return podJSON{Reason: err.Error()}
	}
	return podJSON{POD: &fit}
}

func (p podJSON) String() string {
	if p.POD == nil {
		return p.Reason
	}
	return fmt.Sprintf("a50 %.4g, a90 %.4g, a90/95 %.4g", p.A50, p.A90, p.A9095)
}

// point is a rate with its 95 % interval, of a bin or of a class.
type point struct {
	From *float64 `json:"from,omitempty"`
	To   *float64 `json:"to,omitempty"`
	evaluate.Rate
	Capture float64 `json:"capture_rate"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
}

type bandJSON struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Sizes []point `json:"sizes_um"`
}

// Run inspects the wafers in a state folder of its own, which it removes.
func (e *evaluateSimulated) Run(c console) (err error) {
	if e.Wafers < 1 {
		return fail(exitUsage, fmt.Errorf("--wafers: %d; want 1 or more", e.Wafers), "")
	}
	if !(e.MinSize >= 1.5 && e.MinSize < maxSize) {
		return fail(exitUsage, fmt.Errorf("--min-size: %v pixels; want 1.5 to less than %d", e.MinSize, maxSize), "")
	}
	if !(e.Defects > 0 && e.Defects <= 20) {
		return fail(exitUsage, fmt.Errorf("--defects: %v on a die; want more than 0, to 20", e.Defects), "")
	}
	state, err := os.MkdirTemp("", "kensa-evaluate-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(state)) }()
	score := evaluate.NewDetection(e.sizeEnds(), contrastEnds, appliance.MatchReach)
	if err := e.inspect(c, state, score); err != nil {
		return err
	}
	if score.Wafers != e.Wafers {
		return fail(exitIncomplete, fmt.Errorf("%d of %d wafers inspected", score.Wafers, e.Wafers), "")
	}
	if err := e.write(score); err != nil {
		return err
	}
	if e.JSON {
		return printJSON(c.out, detectionOf(score))
	}
	return printDetection(c, score)
}

// sizeEnds divide the sizes into bins of one ratio, µm.
func (e *evaluateSimulated) sizeEnds() []float64 {
	pixel := config.DefaultRecipe().Layout.PixelSize.Micrometres()
	ends := make([]float64, sizeBins+1)
	for n := range ends {
		ends[n] = pixel * e.MinSize * math.Pow(maxSize/e.MinSize, float64(n)/sizeBins)
	}
	return ends
}

// inspect runs an appliance until its tool has no more wafers, and scores each.
func (e *evaluateSimulated) inspect(c console, state string, score *evaluate.Detection) (err error) {
	settings := config.Default()
	settings.Storage.State, settings.Display.Listen = state, "127.0.0.1:0"
	settings.MQTT.Embedded, settings.MQTT.Brokers = false, nil
	settings.Simulator.Product, settings.Simulator.Seed, settings.Simulator.Pace = e.Product, e.Seed, "max"
	settings.Simulator.Defects, settings.Simulator.Stop = e.Defects, e.Wafers
	var tool *simulator.Tool
	var unknown error
	box, err := appliance.New(c, appliance.Options{
		Config: settings, Log: logger(c.err, slog.LevelError),
		Tool: func(plan *wafer.Plan) (_ appliance.Tool, err error) {
			tool, err = e.tool(settings.Simulator, plan)
			return tool, err
		},
		WaferClosed: func(w *record.Wafer) {
			truth, ok := tool.Truth(w.Material.Substrate)
			if !ok || w.Summary.Verdict == wafer.Incomplete {
				unknown = fmt.Errorf("%s: not inspected whole", w.Material.Substrate)
				return
			}
			score.Add(appliance.Injected(truth), appliance.Found(w))
		},
	})
	if err != nil {
		return explain(err)
	}
	defer func() { err = errors.Join(err, box.Close()) }()
	if err := box.Run(c); err != nil {
		return explain(err)
	}
	return fail(exitIncomplete, unknown, "")
}

func (e *evaluateSimulated) tool(settings config.Simulator, plan *wafer.Plan) (*simulator.Tool, error) {
	options, err := appliance.SimulatorOptions(settings, plan)
	if err != nil {
		return nil, err
	}
	options.Defects.Sizes.Min, options.Defects.Sizes.Max = e.MinSize, maxSize
	return simulator.New(options)
}

// write puts the score and its curve into the folder, if one is named.
func (e *evaluateSimulated) write(score *evaluate.Detection) error {
	if e.Out == "" {
		return nil
	}
	if err := os.MkdirAll(e.Out, 0o755); err != nil {
		return fail(exitInput, err, "")
	}
	curve, err := score.Curve()
	if err != nil {
		return err
	}
	contrast, err := score.ContrastCurve()
	if err != nil {
		return err
	}
	for name, sheet := range map[string]image.Image{"detection.png": curve, "detection-contrast.png": contrast} {
		if err := durable.WriteFile(filepath.Join(e.Out, name), 0o644, func(f io.Writer) error { return png.Encode(f, sheet) }); err != nil {
			return err
		}
	}
	return durable.WriteFile(filepath.Join(e.Out, "detection.json"), 0o644, func(f io.Writer) error { return printJSON(f, detectionOf(score)) })
}

func detectionOf(d *evaluate.Detection) detectionJSON {
	share, _, _ := d.All.Capture()
	result := detectionJSON{Wafers: d.Wafers, Defects: d.All, Capture: share, FalseAlarms: d.False,
		FalseAlarmsPerWafer: d.FalsePerWafer(), Named: d.Named, Classes: map[defect.Class]point{}, Sizes: points(d.Sizes)}
	result.PODSize, result.PODContrast, result.FalsePerWafer = podOf(d.BySize), podOf(d.ByContrast), map[defect.Class]float64{}
	for class, count := range d.False {
		result.FalsePerWafer[class] = float64(count) / float64(max(1, d.Wafers))
	}
	for class, rate := range d.Classes {
		result.Classes[class] = pointOf(rate)
	}
	for _, band := range d.Contrasts {
		result.Contrasts = append(result.Contrasts, bandJSON{band.From, band.To, points(band.Sizes)})
	}
	return result
}

func pointOf(r evaluate.Rate) point {
	share, low, high := r.Capture()
	return point{Rate: r, Capture: share, Low: low, High: high}
}

func points(bins []evaluate.Bin) []point {
	out := make([]point, len(bins))
	for n, b := range bins {
		out[n] = pointOf(b.Rate)
		out[n].From, out[n].To = &b.From, &b.To
	}
	return out
}

func printDetection(c console, d *evaluate.Detection) error {
	share, low, high := d.All.Capture()
	fmt.Fprintf(c.out, "%d wafers, %d defects: captured %s (%s to %s), %.2f false alarms a wafer\n\n",
		d.Wafers, d.All.Injected, percent(share), percent(low), percent(high), d.FalsePerWafer())
	fmt.Fprintf(c.out, "size, µm:              %v\ncontrast, grey levels: %v\n\n", podOf(d.BySize), podOf(d.ByContrast))
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "SIZE OR CLASS\tINJECTED\tCAPTURED\tCLASS RIGHT\tFALSE\t")
	for _, b := range d.Sizes {
		rate(t, fmt.Sprintf("%.0f to %.0f µm", b.From, b.To), b.Rate, "")
	}
	for _, class := range slices.SortedFunc(maps.Keys(d.Classes), byNumber) {
		rate(t, string(class), d.Classes[class], fmt.Sprint(d.False[class]))
	}
	return t.Flush()
}

func byNumber(a, b defect.Class) int { return a.Number() - b.Number() }

func rate(t *tabwriter.Writer, name string, r evaluate.Rate, alarms string) {
	captured, classed := "–", "–"
	if r.Injected > 0 {
		captured = percent(float64(r.Found) / float64(r.Injected))
	}
	if r.Found > 0 {
		classed = percent(float64(r.Classed) / float64(r.Found))
	}
	fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t\n", name, r.Injected, captured, classed, alarms)
}
