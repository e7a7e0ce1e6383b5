package golden

import (
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"

	"kensa/vision/frame"
	"kensa/vision/internal/plane"
	"kensa/vision/register"
)

// How many dies a golden is learnt from. Memory grows by two bytes per pixel
// and die.
const (
	MinDies = 5
	MaxDies = 500
)

// Sample is one known-good die for training.
type Sample struct {
	Name  string // what to call it in errors, such as its frame's file and die index
	Image frame.Image
	Rect  image.Rectangle // where the die is expected; all of one size
}

// Rejected is a die that training left out, and why.
type Rejected struct{ Name, Reason string }

// ErrTraining means that the dies given cannot make a golden.
var ErrTraining = errors.New("golden: cannot train")

// Train learns a golden die. The header's product, time and software are taken
// over; size and number of dies are filled in. Dies that do not match most
// others are left out and returned with the reason. The error is an
// ErrTraining that names the dies: fewer than MinDies are left, or more than
// a third were left out.
func Train(h Header, samples []Sample, p register.Params) (*Golden, []Rejected, error) {
	if err := checkSamples(samples, MinDies, ErrTraining); err != nil {
		return nil, nil, err
	}
	t := newTrainer(samples, p, max(MinDies, (2*len(samples)+2)/3), ErrTraining)
	if err := t.run(); err != nil {
		return nil, t.rejected, err
	}
	if err := t.dropOdd(spread(t.stack, t.noise, t.width, t.height)); err != nil {
		return nil, t.rejected, err
	}
	g := spread(t.stack, t.noise, t.width, t.height)
	g.Product, g.Trained, g.Software = h.Product, h.Trained, h.Software
	if err := g.finish(); err != nil {
		return nil, t.rejected, err
	}
	return g, t.rejected, nil
}

// finish checks what was learnt and seals it.
func (g *Golden) finish() error {
	if err := g.Header.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrTraining, err)
	}
	if wander := math.Sqrt(g.Model.Wander) / One; wander > maxWander {
		return fmt.Errorf("%w: edges wander by %.2f pixel from die to die; limit is %v (different products, or out of focus?)", ErrTraining, wander, maxWander)
	}
	return g.seal()
}

// maxWander is the standard deviation of edges' places, in pixels, above which
// dies are too different: limits that wide would hide every edge defect.
const maxWander = 0.5

// seal gives the golden the hash of its file.
func (g *Golden) seal() error {
	data, err := g.encode()
	if err != nil {
		return err
	}
	sealed, err := decode(data)
	if err != nil {
		return err
	}
	*g = *sealed
	return nil
}

// checkSamples wants at least so many dies of one size; what is wrong is an is.
func checkSamples(samples []Sample, least int, is error) error {
	if len(samples) < least || len(samples) > MaxDies {
		return fmt.Errorf("%w: %d dies; want %d to %d", is, len(samples), least, MaxDies)
	}
	for _, s := range samples {
		if err := s.Image.Check(); err != nil {
			return fmt.Errorf("%w: %s: %w", is, s.Name, err)
		}
		if s.Rect.Size() != samples[0].Rect.Size() {
			return fmt.Errorf("%w: %s: die of %v pixels; %s has %v", is, s.Name, s.Rect.Size(), samples[0].Name, samples[0].Rect.Size())
		}
		if !s.Rect.In(s.Image.Bounds()) {
			return fmt.Errorf("%w: %s: die at %v lies outside the frame of %d×%d", is, s.Name, s.Rect, s.Image.Width, s.Image.Height)
		}
	}
	return nil
}

// trainer holds the dies as far as they are aligned.
type trainer struct {
	samples       []Sample
	need          int   // how many of them must be alike
	is            error // what an error of too few or too different dies is
	params        register.Params
	width, height int
	template      *register.Template
	matcher       register.Matcher
	stack         [][]uint16 // aligned dies, steps of 1/One
	names         []string   // of the dies in stack
	noise         float64    // mean share of noise variance that resampling left in stack
	rejected      []Rejected
}

func newTrainer(samples []Sample, p register.Params, need int, is error) *trainer {
	return &trainer{samples: samples, need: need, is: is, params: p, width: samples[0].Rect.Dx(), height: samples[0].Rect.Dy()}
}

// run aligns the dies: against the first, then against their median.
func (t *trainer) run() error {
	if err := t.params.Check(); err != nil {
		return err
	}
	if err := t.seed(); err != nil {
		return err
	}
	for range 2 {
		if err := t.align(); err != nil {
			return err
		}
	}
	return nil
}

// maxSeeds is how many dies are tried as the first reference.
const maxSeeds = 10

// seed takes as reference the first die that more than half of all match.
func (t *trainer) seed() error {
	why := error(nil)
	for _, s := range t.samples[:min(len(t.samples), maxSeeds)] {
		var die plane.Plane
		die.Load(s.Image, s.Rect)
		template, err := register.NewTemplate(die.Pix, t.width, t.height)
		if err != nil {
			why = fmt.Errorf("%s: %w", s.Name, err)
			continue
		}
		t.template = template
		matched := 0
		for _, other := range t.samples {
			if _, err := t.match(other); err == nil {
				matched++
			} else if why == nil {
				why = fmt.Errorf("%s against %s: %w", other.Name, s.Name, err)
			}
		}
		if 2*matched > len(t.samples) {
			return nil
		}
	}
	return fmt.Errorf("%w: the dies are too different: none matches more than half of the others: %w", t.is, why)
}

func (t *trainer) match(s Sample) (register.Match, error) {
	m, err := t.matcher.Match(t.template, s.Image, s.Rect, t.params)
	if err != nil {
		return m, err
	}
	if !m.Inside(s.Image, s.Rect) {
		return m, fmt.Errorf("the die, shifted by (%.1f, %.1f) pixels, leaves the frame", m.DX, m.DY)
	}
	return m, nil
}

// align matches every die with the template, moves the matched dies to their
// common middle and makes their median the next template.
func (t *trainer) align() error {
	matches, kept := t.matchAll()
	if err := t.enough(len(kept)); err != nil {
		return err
	}
	var dx, dy float64
	for _, m := range matches {
		dx, dy = dx+m.DX/float64(len(kept)), dy+m.DY/float64(len(kept))
	}
	for n := range matches {
		matches[n].DX, matches[n].DY = matches[n].DX-dx, matches[n].DY-dy
	}
	t.resampleAll(matches, kept)
	var err error
	if t.template, err = register.NewTemplate(levels(medians(t.stack)), t.width, t.height); err != nil {
		return fmt.Errorf("%w: %w", t.is, err)
	}
	return nil
}

// matchAll matches every die with the template and says which match.
func (t *trainer) matchAll() (matches []register.Match, kept []Sample) {
	t.rejected = nil
	for _, s := range t.samples {
		m, err := t.match(s)
		if err != nil {
			t.rejected = append(t.rejected, Rejected{s.Name, err.Error()})
			continue
		}
		matches, kept = append(matches, m), append(kept, s)
	}
	return matches, kept
}

// resampleAll makes the stack of the dies at their matches.
func (t *trainer) resampleAll(matches []register.Match, kept []Sample) {
	t.stack, t.names, t.noise = nil, nil, 0
	var part plane.Plane
	for n, m := range matches {
		t.stack, t.names = append(t.stack, resample(kept[n], m, &part)), append(t.names, kept[n].Name)
		t.noise += noiseKept(m.DX) * noiseKept(m.DY) / float64(len(kept))
	}
}

// enough reports that too few dies are alike, and why the others are not.
func (t *trainer) enough(kept int) error {
	if kept >= t.need {
		return nil
	}
	var why []string
	for _, r := range t.rejected {
		why = append(why, r.Name+": "+r.Reason)
	}
	return fmt.Errorf("%w: %d of %d dies are alike; want %d; left out: %s",
		t.is, kept, len(t.samples), t.need, strings.Join(why, "; "))
}

// resample reads a die at its match as the inspection does, bilinearly, and
// brings its light to the template's.
func resample(s Sample, m register.Match, part *plane.Plane) []uint16 {
	fx, fy := math.Floor(m.DX), math.Floor(m.DY)
	u, v := float32(m.DX-fx), float32(m.DY-fy)
	from := s.Rect.Add(image.Pt(int(fx), int(fy)))
	from.Max = from.Max.Add(image.Pt(1, 1))
	part.Load(s.Image, from)
	width, height := s.Rect.Dx(), s.Rect.Dy()
	out := make([]uint16, 0, width*height)
	for y := range height {
		a, b := part.Row(y), part.Row(y+1)
		for x := range width {
			grey := (1-v)*((1-u)*a[x]+u*a[x+1]) + v*((1-u)*b[x]+u*b[x+1])
			value := m.Light.At(x, y, width, height)*float64(grey) + m.Light.Offset
			out = append(out, uint16(max(0, min(math.MaxUint16, math.Round(One*value)))))
		}
	}
	return out
}

// noiseKept is the share of white noise, as variance, that is left after linear
// interpolation at a shift.
func noiseKept(shift float64) float64 {
	u := shift - math.Floor(shift)
	return (1-u)*(1-u) + u*u
}

// A die is odd when more than oddShare of its pixels are oddSigmas away from
// the others' middle: it has a large defect, or another step's layer.
const (
	oddShare  = 0.02
	oddSigmas = 6
)

// dropOdd leaves out dies that match in place but not in content.
func (t *trainer) dropOdd(expected *Golden) error {
	var stack [][]uint16
	for n, die := range t.stack {
		if share := expected.odd(die); share > oddShare {
			t.rejected = append(t.rejected, Rejected{t.names[n], fmt.Sprintf("%.1f %% of its pixels differ from the other dies; limit is %.0f %%", 100*share, 100*oddShare)})
			continue
		}
		stack = append(stack, die)
	}
	t.stack = stack
	slices.SortFunc(t.rejected, func(a, b Rejected) int { return strings.Compare(a.Name, b.Name) })
	return t.enough(len(stack))
}

// odd is the share of a die's pixels that are oddSigmas away from the mean.
func (g *Golden) odd(die []uint16) float64 {
	odd := 0
	for n, v := range die {
		if math.Abs(float64(v)-float64(g.mean[n])) > oddSigmas*max(float64(g.sigma[n]), One) {
			odd++
		}
	}
	return float64(odd) / float64(len(die))
}
