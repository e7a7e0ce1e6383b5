// Package training learns a recipe's golden die on the station, and says whether
// from enough dies.
//
// A golden's limits are its mean ∓ k·σ, so they are as good as σ is. Of n dies a
// pixel's standard deviation has the relative standard error
//
//	1/√(2(n−1))
//
// (Kenney and Keeping, Mathematics of Statistics II, 1951, 7.8). How far σ really is
// determined is measured: the fields are divided into parts, and a golden is learnt
// without each of them in turn. What σ does then gives its standard error by the
// jackknife, pixel by pixel, wafers being strata. With more dies it falls as training's own
// estimate does, which draws each pixel's variance towards a model with the weight of
// priorDies: as √(n−1)/(n−1+priorDies).
//
// That is what more dies of the same wafers make better. How wafers differ is learnt
// from several wafers only; what other ones would change is told beside it.
package training

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"time"

	"kensa/calibration"
	"kensa/calibration/product"
	"kensa/hw/bench"
	"kensa/vision/frame"
	"kensa/vision/golden"
)

// Options of the procedure.
type Options struct {
	product.Lighting
	// Wafers of known-good dies at hand, and how many dies are taken from them at
	// most: where they do not suffice, more fields are taken in rounds.
	Wafers, MaxDies int
	// MaxError bounds the relative standard error of σ, a part.
	MaxError float64
	// MaxLeftOut bounds the dies that are not like the others, a part.
	MaxLeftOut float64
}

// Defaults take four wafers, and know σ to 15 %.
func Defaults() Options {
	return Options{Lighting: product.Lighting{Light: 1, Exposure: 10 * time.Millisecond}, Wafers: 4, MaxDies: 200, MaxError: 0.15, MaxLeftOut: 0.1}
}

// Procedure takes fields of good wafers until their golden is known well enough.
type Procedure struct {
	options Options
	product *product.Product
	header  golden.Header
	state   State
	golden  *golden.Golden
	last    *known // of all dies so far; nil where it is not worked out
}

// State is what the procedure remembers from step to step.
type State struct {
	Visits []Visit // planned; the first Taken of them are done
	Taken  int
	Dies   []Die
	// Enough ends the rounds.
	Enough bool
}

// Visit is one field of one wafer.
type Visit struct{ Wafer, Field int } // from 1; from 0

// Die is one die with some of its surroundings.
type Die struct {
	From  Visit
	Name  string
	Image frame.Image
	Rect  image.Rectangle // of the die in it
}

// New prepares the procedure. header says which product is learnt, when and by
// what. It refuses options that give no result.
func New(o Options, p *product.Product, header golden.Header) (*Procedure, error) {
	switch {
	case !(o.MaxError >= 0.02 && o.MaxError <= 0.5):
		return nil, fmt.Errorf("golden: σ to %v %%; want 2 to 50", 100*o.MaxError)
	case o.Wafers < 1 || o.Wafers > 25:
		return nil, fmt.Errorf("golden: %d wafers; want 1 to 25", o.Wafers)
	case o.MaxDies < byCount(o.MaxError) || o.MaxDies > golden.MaxDies:
		return nil, fmt.Errorf("golden: at most %d dies; σ to %v %% needs %d, and the limit is %d", o.MaxDies, 100*o.MaxError, byCount(o.MaxError), golden.MaxDies)
	}
	q := &Procedure{options: o, product: p, header: header}
	q.plan(byCount(o.MaxError))
	if planned := q.planned(); planned < 2*golden.MinDies {
		return nil, fmt.Errorf("golden: %d wafers with %d dies; want at least %d dies: take more wafers", o.Wafers, planned, 2*golden.MinDies)
	}
	return q, nil
}

// byCount is the least n with 1/√(2(n−1)) ≤ e.
func byCount(e float64) int {
	return max(golden.MinDies, 1+int(math.Ceil(1/(2*e*e)-1e-9)))
}

// errorByCount is 1/√(2(n−1)).
func errorByCount(n int) float64 { return 1 / math.Sqrt(2*float64(max(1, n-1))) }

// State is for a session's file.
func (p *Procedure) State() any { return &p.state }

// Golden is what was learnt; nil before Result.
func (p *Procedure) Golden() *golden.Golden { return p.golden }

// plan adds visits for so many more dies, evenly from all wafers; in the first round
// at least so many fields that there are enough parts. A round begins with the wafer
// that lies under the lens.
func (p *Procedure) plan(dies int) {
	s, planned := &p.state, p.planned()
	seen := map[Visit]bool{}
	wafers := make([]int, p.options.Wafers)
	for n := range wafers {
		wafers[n] = n + 1
	}
	for _, v := range s.Visits {
		seen[v] = true
	}
	if len(s.Visits) > 0 && s.Visits[len(s.Visits)-1].Wafer != 1 {
		for n := range wafers {
			wafers[n] = p.options.Wafers - n
		}
	}
	for n, w := range wafers {
		quota, fields := (dies+len(wafers)-1-n)/len(wafers), (parts+len(wafers)-1)/len(wafers)
		for _, f := range p.order(w) {
			v := Visit{w, f}
			if quota <= 0 && (fields <= 0 || len(seen) > 0) || planned+p.dies(f) > p.options.MaxDies {
				break
			}
			if !seen[v] {
				s.Visits = append(s.Visits, v)
				quota, planned, fields = quota-p.dies(f), planned+p.dies(f), fields-1
			}
		}
	}
}

func (p *Procedure) dies(field int) int { return len(p.product.Plan.Fields[field].Dies) }

// planned is how many dies all visits have.
func (p *Procedure) planned() (n int) {
	for _, v := range p.state.Visits {
		n += p.dies(v.Field)
	}
	return n
}

// order is that in which a wafer's fields are taken: full ones first, each far
// from those before, and other ones than those of the wafers before.
func (p *Procedure) order(wafer int) (order []int) {
	by, full := map[int][]int{}, 0
	for n, f := range p.product.Plan.Fields {
		by[len(f.Dies)] = append(by[len(f.Dies)], n)
		full = max(full, len(f.Dies))
	}
	for dies := full; dies > 0; dies-- {
		order = append(order, spread(by[dies], float64(wafer-1)/float64(p.options.Wafers))...)
	}
	return order
}

// spread orders fields by the golden section, multiples of which fill a circle
// evenly. from is where on the circle it begins, 0 to 1.
func spread(fields []int, from float64) (order []int) {
	const turn = 0.6180339887498949
	left := slices.Clone(fields)
	for k := 0; len(left) > 0; k++ {
		at := fields[int(math.Mod(0.5+from+turn*float64(k), 1)*float64(len(fields)))]
		if n := slices.Index(left, at); n >= 0 {
			order, left = append(order, at), slices.Delete(left, n, n+1)
		}
	}
	return order
}

// Next is the next field of the plan.
func (p *Procedure) Next() (calibration.Step, int, bool) {
	s := &p.state
	if s.Taken == len(s.Visits) || s.Enough {
		return calibration.Step{}, len(s.Visits), false
	}
	v := s.Visits[s.Taken]
	set := p.product.At(bench.Good, v.Wafer, 0, v.Field, p.options.Lighting)
	frames := 1
	if s.Taken+1 == len(s.Visits) {
		frames++ // the second is the learning, which takes its time
	}
	return calibration.Step{Name: fmt.Sprintf("wafer-%02d-field-%03d", v.Wafer, v.Field),
		Title: fmt.Sprintf("good wafer %d of %d, field %d", v.Wafer, p.options.Wafers, v.Field+1), Set: set, Frames: frames}, len(s.Visits), true
}

// Do takes a field's dies. After the last of a round it says whether they are
// enough; if not, it plans another.
func (p *Procedure) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	img, err := p.product.See(ctx, b)
	if err != nil {
		return err
	}
	s := &p.state
	v := s.Visits[s.Taken]
	dies := p.cut(img, v)
	if wrong := p.alike(dies); wrong != nil {
		return wrong
	}
	before := *s
	s.Dies, s.Taken, p.last = append(s.Dies, dies...), s.Taken+1, nil
	known := calibration.Reading{Done: 1, Name: fmt.Sprintf("%d dies, σ known to", len(s.Dies)), Value: 100 * errorByCount(len(s.Dies)), Unit: "%", Band: calibration.AtMost(100 * p.options.MaxError)}
	tell(known)
	if s.Taken < len(s.Visits) {
		return nil
	}
	e, err := p.round()
	if err != nil {
		*s = before
		return err
	}
	known.Done, known.Value = 2, 100*e
	tell(known)
	return nil
}

// cut takes the dies of a field out of its frame, with room to be registered.
func (p *Procedure) cut(img frame.Image, v Visit) []Die {
	room := int(math.Ceil(p.product.Params.Registration.MaxShift)) + 2
	var dies []Die
	for _, d := range p.product.Plan.Fields[v.Field].Dies {
		part := d.Rect.Inset(-room).Intersect(img.Bounds())
		dies = append(dies, Die{From: v, Image: img.Sub(part).Clone(), Rect: d.Rect.Sub(part.Min),
			Name: fmt.Sprintf("wafer %d, field %d, die %v", v.Wafer, v.Field+1, p.product.Plan.Dies[d.Die].Index)})
	}
	return dies
}

// alike says if the dies are not like those before, or among each other.
func (p *Procedure) alike(dies []Die) *calibration.Wrong {
	before := p.state.Dies[:min(len(p.state.Dies), max(len(dies), golden.MinDies))]
	all := append(append([]Die(nil), before...), dies...)
	if len(all) < golden.MinDies {
		return nil
	}
	if _, _, err := p.train(all); err != nil {
		return p.unlike(err)
	}
	return nil
}

// unlike is what a person reads where dies make no golden.
func (p *Procedure) unlike(why error) *calibration.Wrong {
	return &calibration.Wrong{What: why.Error(),
		Remedy: fmt.Sprintf("put a known-good wafer of recipe %s under the lens, in focus and lit as for inspection; if those before were wrong, begin anew by --restart", p.product.Recipe)}
}

// train learns a golden from dies.
func (p *Procedure) train(dies []Die) (*golden.Golden, []golden.Rejected, error) {
	samples := make([]golden.Sample, len(dies))
	for n, d := range dies {
		samples[n] = golden.Sample{Name: d.Name, Image: d.Image, Rect: d.Rect}
	}
	return golden.Train(p.header, samples, p.product.Params.Registration)
}

// round looks how well σ is known after a round, and plans the next one if that is
// not enough and there are more dies.
func (p *Procedure) round() (float64, error) {
	k, err := p.know(p.state.Dies)
	if errors.Is(err, golden.ErrTraining) {
		return 0, p.unlike(err)
	}
	if err != nil {
		return 0, err
	}
	p.last = &k
	s := &p.state
	more := k.needed(p.options.MaxError)
	if s.Enough = more == 0; !s.Enough {
		p.plan(more)
	}
	return k.error, nil
}
