package capability

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"kensa/calibration"
	"kensa/vision/defect"
	"kensa/vision/evaluate"
)

// errNotScanned means that Result was asked for before all scans were taken.
var errNotScanned = errors.New("not all scans were taken")

// Result gives rates, repeats and the curve of detection.
func (p *Procedure) Result() (*calibration.Result, error) {
	o := p.options
	if len(p.state.Scans) != o.Static+o.Dynamic {
		return nil, errNotScanned
	}
	still, loaded := p.state.Scans[:o.Static], p.state.Scans[o.Static:]
	r := &calibration.Result{
		Parameters: map[string]float64{"size_um": o.Size},
		Of: map[string]string{"recipe": p.product.Recipe, "recipe version": p.product.Version, "golden": p.golden,
			"certificate": p.certificate.Hash()},
	}
	p.method(r, "static", still)
	p.method(r, "dynamic", loaded)
	p.detection(r)
	p.classes(r)
	p.sizes(r)
	p.falseSizes(r)
	if left := len(p.certificate.Defects) - len(p.known); left > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of the certificate's %d defects lie on no inspected die and do not count", left, len(p.certificate.Defects)))
	}
	lost, dies := 0, 0
	for _, s := range p.state.Scans {
		lost, dies = lost+s.Lost, dies+s.Dies
	}
	if lost > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of %d dies could not be compared with the golden; their defects count as missed", lost, dies))
	}
	return r, nil
}

// required are the defects of the size that must be found.
func (p *Procedure) required(n int) bool { return p.known[n].Size >= p.options.Size }

// found is, for each defect, which of the scans found it.
func (p *Procedure) found(scans []Scan, which func(n int) bool) (all [][]bool) {
	for n := range p.known {
		if !which(n) {
			continue
		}
		var of []bool
		for _, s := range scans {
			of = append(of, s.Seen[n].Found)
		}
		all = append(all, of)
	}
	return all
}

// method adds the figures of the static or the dynamic method.
func (p *Procedure) method(r *calibration.Result, name string, scans []Scan) {
	o := p.options
	pixel := p.product.Plan.Layout.PixelSize.Micrometres()
	found := p.found(scans, p.required)
	rate, always := shareOf(found), shareOf(alike(found))
	wrong := falsesOf(scans)
	differ := scatterOf(scans, pixel, p.required)
	figure := func(id, title string, v, u float64, unit string, l calibration.Limits) {
		r.Figures = append(r.Figures, calibration.Figure{Name: id + "-" + name, Title: name + ": " + title, Value: v, Uncertainty: u, Unit: unit, Limits: l})
	}
	figure("capture", fmt.Sprintf("capture rate from %.4g µm on", o.Size), 100*rate.value, 100*rate.uncertainty(), "%", calibration.AtLeast(100*o.MinCapture))
	figure("always", "of these found by all scans or by none", 100*always.value, 100*always.uncertainty(), "%", calibration.Limits{})
	figure("false", "false counts a scan of this wafer", wrong.value, wrong.uncertainty(), "", calibration.AtMost(o.MaxFalse))
	figure("size-repeat", "size from scan to scan, σ", differ.size, differ.offSize, "µm", calibration.Limits{})
	figure("place-repeat", "place from scan to scan, σ", differ.place, differ.offPlace, "µm", calibration.Limits{})
}

// alike tells of each defect whether all scans agree on it.
func alike(found [][]bool) (all [][]bool) {
	for _, of := range found {
		all = append(all, []bool{!slices.Contains(of, !of[0])})
	}
	return all
}

// first is the scan of the dynamic method whose defects are the trials of the curve.
func (p *Procedure) first() Scan { return p.state.Scans[p.options.Static] }

func (p *Procedure) trials() (trials []evaluate.Trial) {
	for n, seen := range p.first().Seen {
		trials = append(trials, evaluate.Trial{At: p.known[n].Size, Found: seen.Found})
	}
	return trials
}

// detection adds the sizes that are found with some probability.
func (p *Procedure) detection(r *calibration.Result) {
	fit, err := evaluate.FitPOD(p.trials())
	if err != nil {
		r.Notes = append(r.Notes, err.Error())
		p.demonstrated(r)
		return
	}
	size := func(id, title string, v, u float64, l calibration.Limits) {
		r.Figures = append(r.Figures, calibration.Figure{Name: id, Title: title, Value: v, Uncertainty: u, Unit: "µm", Limits: l})
	}
	k := calibration.K
	size("a50", "size of which half are found", fit.A50, fit.A50*math.Expm1(k*fit.Spread(fit.A50)), calibration.Limits{})
	size("a90", "size of which 90 % are found", fit.A90, fit.A90*math.Expm1(k*fit.Spread(fit.A90)), calibration.Limits{})
	size("a90-95", "size of which 90 % are found, surely (95 %)", fit.A9095, 0, calibration.AtMost(p.options.Size))
	r.Curves = append(r.Curves, p.curve(fit))
}

// demonstration is how many defects must all be found for a probability of 90 % with
// 95 % confidence: 0.9^29 < 0.05.
const demonstration = 29

// demonstrated gives the size of which 90 % are found where too few were missed
// for a curve: that of the largest of the smallest 29 above which nothing was missed.
func (p *Procedure) demonstrated(r *calibration.Result) {
	trials := p.trials()
	slices.SortFunc(trials, func(a, b evaluate.Trial) int { return int(math.Copysign(1, a.At-b.At)) })
	from := 0
	for n, t := range trials {
		if !t.Found {
			from = n + 1
		}
	}
	if from+demonstration > len(trials) {
		r.Notes = append(r.Notes, fmt.Sprintf("all of %d defects above the largest that was missed were found; %d would show a probability of 90 %%", len(trials)-from, demonstration))
		return
	}
	at := trials[from+demonstration-1].At
	r.Figures = append(r.Figures, calibration.Figure{Name: "a90-95", Title: "size of which 90 % are found, surely (95 %)", Value: at, Unit: "µm", Limits: calibration.AtMost(p.options.Size)})
	r.Notes = append(r.Notes, fmt.Sprintf("found were all %d defects from %.4g µm on: 29 of 29 show 90 %% with 95 %% confidence", len(trials)-from, trials[from].At))
}

// bins are the sizes, µm, by which defects are counted: of one ratio.
func (p *Procedure) bins() (ends []float64) {
	low, high := math.Inf(1), 0.0
	for _, k := range p.known {
		low, high = math.Min(low, k.Size), math.Max(high, k.Size)
	}
	const bins = 8
	for n := range bins + 1 {
		ends = append(ends, low*math.Pow(high/low, float64(n)/bins))
	}
	ends[bins] = math.Inf(1)
	return ends
}

// bin are the defects of a range of sizes.
func (p *Procedure) bin(from, to float64) func(n int) bool {
	return func(n int) bool { return p.known[n].Size >= from && p.known[n].Size < to }
}

// middle is the mean size of a bin's defects.
func (p *Procedure) middle(which func(n int) bool) float64 {
	sum, count := 0.0, 0.0
	for n, k := range p.known {
		if which(n) {
			sum, count = sum+k.Size, count+1
		}
	}
	return sum / math.Max(1, count)
}

// curve is the share found of each size, and what was fitted to all.
func (p *Procedure) curve(fit evaluate.POD) calibration.Curve {
	c := calibration.Curve{Name: "pod", Title: "probability of detection, with its 95 % bounds", XTitle: "size / µm", YTitle: "found / %"}
	ends := p.bins()
	for n := range len(ends) - 1 {
		which := p.bin(ends[n], ends[n+1])
		found := p.found([]Scan{p.first()}, which)
		if len(found) == 0 {
			continue
		}
		at := p.middle(which)
		low, high := fit.Bounds(at)
		c.X, c.Y = append(c.X, at), append(c.Y, 100*shareOf(found).value)
		c.Fit, c.Low, c.High = append(c.Fit, 100*fit.At(at)), append(c.Low, 100*low), append(c.High, 100*high)
	}
	return c
}

// classes adds the capture rate of each class, over all scans and from the required
// size on, and how many got the right name.
func (p *Procedure) classes(r *calibration.Result) {
	c := calibration.Curve{Name: "classes", Title: fmt.Sprintf("capture rate by class, from %.4g µm on", p.options.Size), YTitle: "found / %, of so many defects"}
	for _, class := range defect.Classes {
		found := p.found(p.state.Scans, func(n int) bool { return p.required(n) && p.known[n].Class == class })
		if len(found) == 0 {
			continue
		}
		rate := shareOf(found)
		c.Labels, c.Y = append(c.Labels, fmt.Sprintf("%s (%d)", class, rate.defects)), append(c.Y, 100*rate.value)
		r.Figures = append(r.Figures, calibration.Figure{Name: "capture-" + string(class), Title: fmt.Sprintf("capture rate of class %s (%d)", class, rate.defects),
			Value: 100 * rate.value, Uncertainty: 100 * rate.uncertainty(), Unit: "%"})
	}
	r.Curves = append(r.Curves, c)
	var right [][]bool
	for n, seen := range p.first().Seen {
		if seen.Found && p.required(n) {
			right = append(right, []bool{seen.Class == p.known[n].Class})
		}
	}
	named := shareOf(right)
	r.Figures = append(r.Figures, calibration.Figure{Name: "named", Title: "of those found, named by their class", Value: 100 * named.value, Uncertainty: 100 * named.uncertainty(), Unit: "%"})
}

// sizes adds the capture rate of each size.
func (p *Procedure) sizes(r *calibration.Result) {
	c := calibration.Curve{Name: "sizes", Title: "capture rate by size", YTitle: "found / %, of so many defects"}
	ends := p.bins()
	for n := range len(ends) - 1 {
		found := p.found(p.state.Scans, p.bin(ends[n], ends[n+1]))
		if len(found) == 0 {
			continue
		}
		rate := shareOf(found)
		label := fmt.Sprintf("%.0f to %.0f µm (%d)", ends[n], ends[n+1], rate.defects)
		if n == len(ends)-2 {
			label = fmt.Sprintf("from %.0f µm (%d)", ends[n], rate.defects)
		}
		c.Labels, c.Y = append(c.Labels, label), append(c.Y, 100*rate.value)
		r.Notes = append(r.Notes, fmt.Sprintf("capture rate, %s: %.1f %% (%.1f to %.1f)", label, 100*rate.value, 100*rate.low, 100*rate.high))
	}
	r.Curves = append(r.Curves, c)
}

// falseSizes adds the cumulative false count rate: false counts a scan of a size or
// larger.
func (p *Procedure) falseSizes(r *calibration.Result) {
	var sizes []float64
	for _, s := range p.state.Scans {
		for _, f := range s.False {
			sizes = append(sizes, f.Size)
		}
	}
	if len(sizes) == 0 {
		return
	}
	slices.Sort(sizes)
	c := calibration.Curve{Name: "false", Title: "cumulative false count rate", XTitle: "size / µm", YTitle: "false counts a scan of this size or larger"}
	for n, size := range sizes {
		if n == 0 || size != sizes[n-1] {
			c.X, c.Y = append(c.X, size), append(c.Y, float64(len(sizes)-n)/float64(len(p.state.Scans)))
		}
	}
	r.Curves = append(r.Curves, c)
}
