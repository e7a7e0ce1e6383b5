package simulator

import (
	"fmt"
	"math"
	"math/rand/v2"

	"kensa/hw/handler"
	"kensa/hw/simulator/flaw"
	"kensa/hw/simulator/optics"
)

// wafer is one wafer as it was made: everything about it follows from the seed,
// its lot and its slot.
type wafer struct {
	number    int // from 1 in the whole run
	lot, slot int
	material  handler.Material
	signature Signature // empty where there is none
	shiftX    float64   // on the chuck, pixels
	shiftY    float64
	angle     float64
	bias      float64    // line width, 0 to 256
	gradient  [3]float64 // brightness along x, along y, and with the radius squared
	lamp      float64    // at the first field
	flaws     map[Index][]*drawn
}

// drawn is a flaw with its picture, which is made when first needed.
type drawn struct {
	*flaw.Flaw
	patch *optics.Pair
}

// biasPerPixel turns an edge's offset in pixels into the optics' line width.
const biasPerPixel = 128 / flaw.Bias

func (s *Scene) newWafer(number, lot, slot int) *wafer {
	o := &s.options
	random := stream(o.Seed, forWafer, lot, slot)
	w := &wafer{number: number, lot: lot, slot: slot}
	name := fmt.Sprintf("%s%04d", o.LotPrefix, lot)
	w.material = handler.Material{Carrier: "F" + name, Lot: name, Slot: slot, Substrate: fmt.Sprintf("%s-%02d", name, slot)}
	w.shiftX, w.shiftY = normal(random, o.Stage.Jitter, 4), normal(random, o.Stage.Jitter, 4)
	w.angle = normal(random, o.Stage.Angle, 2)
	w.bias = 128 + biasPerPixel*normal(random, o.Variation.WaferWidth, 2)
	for i := range w.gradient {
		w.gradient[i] = normal(random, o.Variation.Gradient, 2)
	}
	w.lamp = math.Pow(1-o.Drift.PerWafer, float64(number-1))
	w.flaws = map[Index][]*drawn{}
	return w
}

// look is how a die of the wafer differs from others, flaws aside.
type look struct {
	bias, gain       int32
	wanderX, wanderY int
}

func (s *Scene) look(w *wafer, i Index) look {
	v := &s.options.Variation
	random := stream(s.options.Seed, forDie, w.lot, w.slot, i.Column, i.Row)
	bias := w.bias + biasPerPixel*normal(random, v.DieWidth, 3)
	x, y := s.grid.center(i)
	x, y = x/s.options.Program.Radius, y/s.options.Program.Radius
	gain := 1 + normal(random, v.DieGain, 3) + w.gradient[0]*x + w.gradient[1]*y + w.gradient[2]*(x*x+y*y)
	return look{
		bias:    int32(max(optics.MinBias, min(optics.MaxBias, math.Round(bias)))),
		gain:    int32(math.Round(4096 * max(0.5, min(1.5, gain)))),
		wanderX: random.IntN(256), wanderY: random.IntN(256),
	}
}

// shift is how far a field lies from where it should, and how it is turned.
func (s *Scene) shift(w *wafer, field int) Shift {
	random := stream(s.options.Seed, forStop, w.lot, w.slot, field)
	j := s.options.Stage.FieldJitter
	return Shift{bounded(w.shiftX + normal(random, j, 4)), bounded(w.shiftY + normal(random, j, 4)), w.angle}
}

func bounded(shift float64) float64 { return max(-maxShift, min(maxShift, shift)) }

// spoil puts flaws on a wafer.
func (s *Scene) spoil(w *wafer) error {
	d := &s.options.Defects
	if d.PerDie == 0 {
		return nil
	}
	random := stream(s.options.Seed, forFlaws, w.lot, w.slot)
	dies := float64(len(s.grid.listed))
	mean := d.PerDie * max(0.2, 1+normal(random, d.Spread, 2))
	everyday := poisson(random, mean*dies)
	extra := 0
	w.signature = d.Signature
	if random.Float64() < d.SignatureRate && w.signature == "" {
		w.signature = Signatures[1+random.IntN(len(Signatures)-1)]
	}
	if w.signature != "" {
		extra = poisson(random, d.SignatureShare*dies)
	}
	for _, e := range s.options.Excursions {
		if e.Lot == w.lot {
			w.signature = e.Signature
			extra += poisson(random, (e.Factor-1)*mean*dies)
		}
	}
	if err := s.strew(w, random, Random, everyday); err != nil {
		return err
	}
	if w.signature == Line {
		const dies = 15 // that one scratch crosses, about
		for range max(1, extra/dies) {
			s.scratch(w, random)
		}
	}
	return s.strew(w, random, w.signature, extra)
}

// strew places n flaws with a signature's density.
func (s *Scene) strew(w *wafer, random *rand.Rand, signature Signature, n int) error {
	if signature == Line { // the scratches themselves are the signature
		return nil
	}
	spot := signature.spot(random)
	for range n {
		// A place without a whole die is drawn again; a signature that has hardly
		// any on this product loses flaws rather than time.
		for range 50 {
			x, y := spot(random)
			i := s.grid.at(x*s.options.Program.Radius, y*s.options.Program.Radius)
			if !s.grid.listed[i] {
				continue
			}
			if err := s.place(w, random, i); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// place puts a flaw on a die. A die that has no more room for the class drawn
// gets another class.
func (s *Scene) place(w *wafer, random *rand.Rand, i Index) error {
	var others []*flaw.Flaw
	for _, d := range w.flaws[i] {
		others = append(others, d.Flaw)
	}
	var last error
	for range 8 {
		f, err := s.placer.Place(random, s.class(random), s.options.Defects.Sizes, others)
		if err == nil {
			w.flaws[i] = append(w.flaws[i], &drawn{Flaw: f})
			return nil
		}
		last = err
	}
	if len(others) > 0 {
		return nil // the die is full
	}
	return last
}

// class draws a class by the mix.
func (s *Scene) class(random *rand.Rand) flaw.Class {
	total := 0.0
	for _, c := range flaw.Classes {
		total += s.options.Defects.Mix[c]
	}
	at := random.Float64() * total
	for _, c := range flaw.Classes {
		if at -= s.options.Defects.Mix[c]; at < 0 {
			return c
		}
	}
	return flaw.Particle
}

// scratch draws one line over the wafer and gives every die its part.
func (s *Scene) scratch(w *wafer, random *rand.Rand) {
	p := &s.options.Program
	line, kind := arc(random), random.Uint64()
	met := map[Index]bool{}
	for _, at := range line {
		i := s.grid.at(at[0]*p.Radius, at[1]*p.Radius)
		if met[i] || !s.grid.listed[i] || len(w.flaws[i]) > 0 {
			continue
		}
		met[i] = true
		cx, cy := s.grid.center(i)
		var points [][2]float64
		for _, q := range line {
			points = append(points, [2]float64{
				(q[0]*p.Radius-cx)/p.PixelSize + float64(s.grid.width)/2,
				(cy-q[1]*p.Radius)/p.PixelSize + float64(s.grid.height)/2})
		}
		if f := s.placer.Along(rand.New(rand.NewPCG(kind, 0)), points); f != nil {
			w.flaws[i] = append(w.flaws[i], &drawn{Flaw: f})
		}
	}
}

// at is the die whose cell a place on the wafer lies in.
func (g *grid) at(x, y float64) Index {
	return Index{int(math.Round((x - g.originX) / g.pitchX)), int(math.Round((y - g.originY) / g.pitchY))}
}
