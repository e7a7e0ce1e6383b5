// Package capability measures what an inspection finds, on a standard-defect
// wafer: one whose defects are known from a certificate.
//
// The terms are those of SEMI M50 (test method for capture rate and false count rate
// by the overlay method). A scan is one inspection of the whole wafer. The capture
// rate is the share of the known defects that a scan finds; false counts are findings where the
// certificate has nothing. The static method scans again without touching the wafer
// (level 1 variability), the dynamic method unloads and loads it between scans (level
// 2). M50 grades by the size of spheres on bare wafers; here the certificate's sizes of
// defects on a patterned wafer take their place.
//
// Scans see the same defects again and again, so that they are no independent trials: a
// rate's interval is Wilson's, for as many trials as the scatter from defect to defect
// is worth (Korn and Graubard, Survey Methodology 24, 1998, 193–201), at least the
// number of defects. The probability of detection over the size is a logistic curve by
// maximum likelihood (kensa/vision/evaluate, after MIL-HDBK-1823A) from each defect's first
// dynamic scan.
package capability

import (
	"context"
	"fmt"
	"image"
	"math"
	"time"

	"kensa/calibration"
	"kensa/calibration/product"
	"kensa/hw/bench"
	"kensa/vision/defect"
	"kensa/vision/evaluate"
	"kensa/vision/frame"
	"kensa/vision/inspect"
)

// Options of the procedure.
type Options struct {
	product.Lighting
	// Static scans without touching the wafer, and Dynamic ones, each after loading it
	// anew.
	Static, Dynamic int
	// Size is the smallest size that must be found, µm; 0 is Pixels of the recipe.
	Size float64
	// MinCapture bounds the capture rate from that size on, a part, MaxFalse the false
	// counts of a scan.
	MinCapture, MaxFalse float64
}

// Pixels is the size that must be found where Options names none.
const Pixels = 4

// Defaults scan three times each way.
func Defaults() Options {
	return Options{Lighting: product.Lighting{Light: 1, Exposure: 10 * time.Millisecond}, Static: 3, Dynamic: 3, MinCapture: 0.95, MaxFalse: 1}
}

// Procedure scans the wafer.
type Procedure struct {
	options     Options
	product     *product.Product
	inspector   inspect.Inspector
	golden      string // what the inspector compares with
	certificate *Certificate
	fields      []scanned // those with dies, as the plan has them
	known       []Known   // the certificate's that lie on an inspected die, field by field
	state       State
}

// scanned is what is known of one field.
type scanned struct {
	number int             // in the plan
	known  []evaluate.Spot // Field is the die's place in the field; pixels of the die
	first  int             // of them in Procedure.known
}

// State is what the procedure remembers from step to step.
type State struct{ Scans []Scan }

// Scan is one inspection of the whole wafer.
type Scan struct {
	Seen  []Seen // of each known defect
	False []Finding
	// Dies inspected, and those that could not be compared with the golden.
	Dies, Lost int
}

// Seen is what a scan found of a known defect.
type Seen struct {
	Found bool
	Finding
}

// Finding is as reported: Size of the longer side of its box and place on the wafer, µm.
type Finding struct {
	Size, X, Y float64
	Class      defect.Class
}

// New prepares the procedure. inspector is that of the recipe, golden the name of
// what it compares with. It refuses options that give no result.
func New(o Options, p *product.Product, inspector inspect.Inspector, golden string, c *Certificate) (*Procedure, error) {
	if o.Size == 0 {
		o.Size = Pixels * p.Plan.Layout.PixelSize.Micrometres()
	}
	switch {
	case o.Static < 2 || o.Dynamic < 2 || o.Static+o.Dynamic > 100:
		return nil, fmt.Errorf("capability: %d static and %d dynamic scans; want at least 2 each, at most 100", o.Static, o.Dynamic)
	case !(o.Size > 0) || !(o.MinCapture >= 0 && o.MinCapture <= 1) || !(o.MaxFalse >= 0):
		return nil, fmt.Errorf("capability: size %v µm, capture rate %v, false counts %v; want more than 0, 0 to 1, 0 or more", o.Size, o.MinCapture, o.MaxFalse)
	}
	q := &Procedure{options: o, product: p, inspector: inspector, golden: golden, certificate: c}
	q.locate()
	if n := q.sized(); n < MinKnown {
		return nil, fmt.Errorf("capability: the certificate has %d defects of %.4g µm or more on inspected dies; want at least %d", n, o.Size, MinKnown)
	}
	return q, nil
}

// MinKnown defects say something of a rate: if all of them are found, it lies above
// three quarters.
const MinKnown = 20

// sized is how many known defects are of the size that must be found.
func (p *Procedure) sized() (n int) {
	for _, k := range p.known {
		if k.Size >= p.options.Size {
			n++
		}
	}
	return n
}

// locate finds the die that each known defect lies on. What lies on none is left
// out.
func (p *Procedure) locate() {
	plan := p.product.Plan
	pixel := plan.Layout.PixelSize.Micrometres()
	for n, f := range plan.Fields {
		field := scanned{number: n, first: len(p.known)}
		for place, d := range f.Dies {
			at := plan.Dies[d.Die].Center
			halfX, halfY := float64(d.Rect.Dx())/2, float64(d.Rect.Dy())/2
			for _, k := range p.certificate.Defects {
				x, y := (k.X-at.X.Micrometres())/pixel, (at.Y.Micrometres()-k.Y)/pixel
				if math.Abs(x) < halfX && math.Abs(y) < halfY {
					half := math.Max(0.5, k.Size/pixel/2)
					box := image.Rect(int(math.Floor(halfX+x-half)), int(math.Floor(halfY+y-half)), int(math.Ceil(halfX+x+half)), int(math.Ceil(halfY+y+half)))
					field.known = append(field.known, evaluate.Spot{Field: place, Box: box, Class: k.Class, Size: k.Size})
					p.known = append(p.known, k)
				}
			}
		}
		p.fields = append(p.fields, field)
	}
}

// State is for a session's file.
func (p *Procedure) State() any { return &p.state }

// Next is the next scan.
func (p *Procedure) Next() (calibration.Step, int, bool) {
	o, n := p.options, len(p.state.Scans)
	of := o.Static + o.Dynamic
	if n == of {
		return calibration.Step{}, of, false
	}
	step := calibration.Step{Name: fmt.Sprintf("static-%02d", n+1), Title: fmt.Sprintf("static scan %d of %d", n+1, o.Static), Frames: len(p.fields)}
	loading := 1
	if n >= o.Static {
		loading += n - o.Static + 1
		step.Name, step.Title = fmt.Sprintf("dynamic-%02d", loading-1), fmt.Sprintf("dynamic scan %d of %d, loaded anew", loading-1, o.Dynamic)
	}
	step.Set = p.product.At(bench.Standard, 0, loading, p.fields[0].number, o.Lighting)
	return step, of, true
}

// Do scans the wafer.
func (p *Procedure) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	s := &Scan{}
	for n, f := range p.fields {
		if _, err := b.Set(ctx, p.product.At(bench.Standard, 0, step.Set.Loading, f.number, p.options.Lighting)); err != nil {
			return err
		}
		img, err := p.product.See(ctx, b)
		if err != nil {
			return err
		}
		if err := p.inspect(img, f, s); err != nil {
			return err
		}
		if wrong := p.wrong(s, n == len(p.fields)-1); wrong != nil {
			return wrong
		}
		tell(p.reading(n+1, s))
	}
	p.state.Scans = append(p.state.Scans, *s)
	return nil
}

// reading is the capture rate so far.
func (p *Procedure) reading(done int, s *Scan) calibration.Reading {
	found, of := 0, 0
	for n, seen := range s.Seen {
		if p.known[n].Size >= p.options.Size {
			of++
			if seen.Found {
				found++
			}
		}
	}
	return calibration.Reading{Done: done, Name: fmt.Sprintf("%d false; captured", len(s.False)), Value: 100 * float64(found) / math.Max(1, float64(of)), Unit: "%", Band: calibration.AtLeast(100 * p.options.MinCapture)}
}

// inspect looks at one field and adds what it finds to the scan.
func (p *Procedure) inspect(img frame.Image, f scanned, s *Scan) error {
	field := p.product.Plan.Fields[f.number]
	var rects []image.Rectangle
	for _, d := range field.Dies {
		rects = append(rects, d.Rect)
	}
	dies, err := p.inspector.Inspect(img, rects)
	if err != nil {
		return err
	}
	var spots []evaluate.Spot
	var findings []Finding
	for place, die := range dies {
		s.Dies++
		if !die.Registered {
			s.Lost++
			continue
		}
		for _, d := range die.Defects {
			spot, finding := p.place(die, d, field.Dies[place].Die)
			spot.Field = place
			spots, findings = append(spots, spot), append(findings, finding)
		}
	}
	by, alarms := evaluate.Overlay(f.known, spots, reach)
	for _, at := range by {
		var seen Seen
		if at >= 0 {
			seen = Seen{true, findings[at]}
		}
		s.Seen = append(s.Seen, seen)
	}
	for _, at := range alarms {
		s.False = append(s.False, findings[at])
	}
	return nil
}

// reach is how far, in pixels, a finding may lie outside the box of what it found:
// the golden's own place, and the certificate's.
const reach = 3

// place is where a finding lies on its die, pixels, and on the wafer, µm.
func (p *Procedure) place(die inspect.Die, d defect.Defect, number int) (evaluate.Spot, Finding) {
	x, y := die.Straight(d.CX, d.CY)
	x, y = x-die.Shift.DX-float64(die.Rect.Min.X), y-die.Shift.DY-float64(die.Rect.Min.Y)
	move := image.Pt(int(math.Round(x-d.CX)), int(math.Round(y-d.CY)))
	pixel, at := p.product.Plan.Layout.PixelSize.Micrometres(), p.product.Plan.Dies[number].Center
	dx, dy := x-float64(die.Rect.Dx()-1)/2, y-float64(die.Rect.Dy()-1)/2
	return evaluate.Spot{Box: d.Box.Add(move), Class: d.Class},
		Finding{Size: pixel * float64(max(d.Box.Dx(), d.Box.Dy())), X: at.X.Micrometres() + dx*pixel, Y: at.Y.Micrometres() - dy*pixel, Class: d.Class}
}

// wrong says that this is not the certificate's wafer: its dies are not the
// product's, or its defects lie elsewhere.
func (p *Procedure) wrong(s *Scan, whole bool) *calibration.Wrong {
	if s.Dies >= MinDies && 2*s.Lost > s.Dies {
		return &calibration.Wrong{What: fmt.Sprintf("%d of %d dies cannot be compared with the golden of recipe %s", s.Lost, s.Dies, p.product.Recipe),
			Remedy: "put the standard-defect wafer of this recipe under the lens, in focus and lit as the golden's wafers were (kensa calibrate golden)"}
	}
	found := 0
	for _, seen := range s.Seen {
		if seen.Found {
			found++
		}
	}
	if whole && 4*found < len(s.Seen) && len(s.False) > found {
		return &calibration.Wrong{What: fmt.Sprintf("%d of %d known defects were found, and %d defects where the certificate has none", found, len(s.Seen), len(s.False)),
			Remedy: "put the wafer that the certificate is of under the lens, its notch as the recipe says"}
	}
	return nil
}

// MinDies are looked at before a wafer is said to be of another product.
const MinDies = 4
