package golden

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"kensa/vision/durable"
	"kensa/vision/register"
)

// ErrTooOld means that a golden of file version 1 has no sums to add to.
var ErrTooOld = errors.New("golden: learnt by an older program, which kept nothing that dies could be added to; train it anew")

// minAgreeing is how many added dies must be off at a pixel before that is taken
// for the product and not for a defect; see outlierShare.
const minAgreeing = 2

// Update is the golden after learning from more approved dies, as if it had had
// them from the start: its place and light stay. trained and software say when
// and by what. Dies that do not match the golden are left out and returned with
// the reason. The error is an ErrTooOld, or an ErrTraining that names the dies:
// none, or more than a third were left out.
func (g *Golden) Update(trained time.Time, software string, samples []Sample, p register.Params) (*Golden, []Rejected, error) {
	if g.sums == nil {
		return nil, nil, ErrTooOld
	}
	if err := checkSamples(samples, 1, ErrTraining); err != nil {
		return nil, nil, err
	}
	if size := samples[0].Rect.Size(); size.X != g.Width || size.Y != g.Height {
		return nil, nil, fmt.Errorf("%w: die of %d×%d pixels; the golden has %d×%d", ErrTraining, size.X, size.Y, g.Width, g.Height)
	}
	t := newTrainer(samples, p, (2*len(samples)+2)/3, ErrTraining)
	if err := t.alignTo(g); err != nil {
		return nil, t.rejected, err
	}
	more := &Golden{Header: g.Header, mean: slices.Clone(g.mean), sums: newSums(len(g.mean))}
	more.Trained, more.Software, more.Dies = trained, software, g.Dies+len(t.stack)
	g.add(t.stack, more)
	more.refit(t)
	if err := more.finish(); err != nil {
		return nil, t.rejected, err
	}
	return more, t.rejected, nil
}

// alignTo matches the dies with the golden and drops those that do not.
func (t *trainer) alignTo(g *Golden) (err error) {
	if err := t.params.Check(); err != nil {
		return err
	}
	if t.template, err = register.NewTemplate(g.Mean(), g.Width, g.Height); err != nil {
		return err
	}
	matches, kept := t.matchAll()
	t.resampleAll(matches, kept)
	return t.dropOdd(g)
}

// add sets more's mean and sums to those of g and the dies together (Chan, Golub
// and LeVeque's pairwise formula, 1983). Values that are off on few of the dies
// are left out.
func (g *Golden) add(stack [][]uint16, more *Golden) {
	slope := g.Gradient()
	fitted := model{g.Model.Noise, g.Model.Wander}
	values := make([]uint16, len(stack))
	for n, mean := range g.mean {
		for k, die := range stack {
			values[k] = die[n]
		}
		limit := outlierSigmas * max(math.Sqrt(fitted.variance(slope[n])), float64(g.sigma[n]))
		others, scatter, added := agreeing(values, float64(mean), limit)
		count := float64(g.sums.count[n])
		away := others - float64(mean)
		more.mean[n] = uint16(math.Round(float64(mean) + away*added/(count+added)))
		more.sums.scatter[n] = g.sums.scatter[n] + float32(scatter+away*away*count*added/(count+added))
		more.sums.count[n] = g.sums.count[n] + uint16(added)
	}
}

// agreeing is as trimmed, but for dies that join others: one alone that is off
// has a defect.
func agreeing(values []uint16, middle, limit float64) (mean, scatter, n float64) {
	off := 0
	for _, v := range values {
		if math.Abs(float64(v)-middle) > limit {
			off++
		}
	}
	switch {
	case off == len(values) && off < minAgreeing:
		return middle, 0, 0
	case off >= minAgreeing && float64(off) > outlierShare*float64(len(values)):
		return within(values, middle, math.Inf(1))
	}
	return within(values, middle, limit)
}

// refit works the model and σ out anew from the sums.
func (g *Golden) refit(t *trainer) {
	added := float64(len(t.stack))
	g.Model.Kept += (t.noise - g.Model.Kept) * added / float64(g.Dies)
	slope := g.Gradient()
	fitted := fitModel(slope, func(n int) float64 {
		freedom := max(1, int(g.sums.count[n])-1)
		return float64(g.sums.scatter[n]) / float64(freedom) / medianOfVariance(freedom)
	})
	g.Model.Noise, g.Model.Wander = fitted.noise, fitted.wander
	g.setSigma(slope)
}

// Replace writes the golden over the one at path, which is kept beside it as
// path.bak. At every moment a whole golden is at path; the new one is read back
// before Replace returns.
func (g *Golden) Replace(path string) (backup string, err error) {
	backup = path + ".bak"
	old, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	err = durable.WriteFile(backup, 0o644, func(w io.Writer) error {
		_, err := w.Write(old)
		return err
	})
	if err != nil {
		return "", err
	}
	if err := g.Write(path); err != nil {
		return backup, err
	}
	written, err := Read(path)
	if err != nil {
		return backup, fmt.Errorf("%w; the golden before is %s", err, backup)
	}
	if written.Hash() != g.Hash() {
		return backup, fmt.Errorf("%s: reads back otherwise than written; the golden before is %s", path, backup)
	}
	return backup, nil
}
