package simulator

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kensa/hw/handshake"
	"kensa/hw/simulator/die"
	"kensa/hw/simulator/flaw"
	"kensa/hw/simulator/optics"
)

// Options say what the tool makes. Defaults gives a sound set to start from;
// a zero here means zero.
type Options struct {
	// Seed decides everything that is random. Equal options with equal seeds give
	// equal bytes, at any pace; between processor architectures, which round
	// floating point differently, a pixel may differ by a grey level.
	Seed uint64
	// Layout of the dies, one of die.Layouts.
	Layout  string
	Program Program
	// Depth of the camera's grey values: 8, 10, 12 or 16 bits.
	Depth int

	// Lots to process; 0 means lots without end.
	Lots int
	// WafersPerLot is 1 to 25, a carrier's slots.
	WafersPerLot int
	// Wafers ends the run after so many, whatever the lots; 0 means no limit.
	Wafers int
	// LotPrefix begins the lots' names; a number of four digits follows.
	LotPrefix string

	Pace    handshake.Pace
	Times   Times
	Buffers int           // frames that may be lent at a time
	Timeout time.Duration // for each answer of the appliance; 0 waits without end

	Stage      Stage
	Variation  Variation
	Sensor     optics.Sensor // its Depth is taken from Depth above
	Drift      Drift
	Defects    Defects
	Excursions []Excursion
	Faults     Faults
}

// Times are how long the tool's motions take on its own clock.
type Times struct {
	Exchange time.Duration // unload a wafer, load and align the next
	Move     time.Duration // from field to field, settling included
	Latency  time.Duration // from pulse to start of exposure
	Jitter   time.Duration // of the latency, one standard deviation; at most 4 of them occur
	Readout  time.Duration // from start of exposure to delivery
}

// Stage is how well the stage finds its positions. All offsets together stay
// within 3 pixels.
type Stage struct {
	Jitter      float64 // of a wafer on the chuck, one standard deviation, pixels
	FieldJitter float64 // of each stop besides, one standard deviation, pixels
	Angle       float64 // of a wafer on the chuck, one standard deviation, radians
}

// maxShift bounds how far a field lies from where it should, in pixels.
const maxShift = 3

// Variation is how dies and wafers of one product differ though all are good.
// Each value is one standard deviation.
type Variation struct {
	WaferWidth float64 // where a wafer's conductor edges lie, pixels
	DieWidth   float64 // where a die's do besides, pixels
	DieGain    float64 // a die's brightness, relative
	Gradient   float64 // brightness from the wafer's middle to its edge, relative
}

// Drift is how the lamp ages.
type Drift struct {
	PerWafer, PerField float64 // part of the light that is lost
}

// Excursion is a time of bad wafers.
type Excursion struct {
	Lot       int       // from 1
	Factor    float64   // on the number of defects
	Signature Signature // of those that come in addition; empty means Random
}

// Defects say what is injected.
type Defects struct {
	PerDie float64 // mean number, 0 for none
	Spread float64 // of the mean from wafer to wafer, relative standard deviation
	Sizes  flaw.Sizes
	Mix    map[flaw.Class]float64 // how likely each class is, relative to the others
	// SignatureRate is the part of the wafers with a spatial signature, and
	// SignatureShare how many defects it adds, by die of the wafer.
	SignatureRate, SignatureShare float64
	// Signature is put on every wafer; empty leaves the choice to the seed.
	Signature Signature
}

// Defaults are the options of a true tool with a healthy process.
func Defaults(p Program) Options {
	return Options{
		Seed: 1, Layout: die.Layouts[0], Program: p, Depth: 8,
		Lots: 1, WafersPerLot: 25, LotPrefix: "SIM",
		Pace: 1, Buffers: 8, Timeout: time.Minute,
		Times: Times{Exchange: 6 * time.Second, Move: 250 * time.Millisecond, Latency: 1200 * time.Microsecond,
			Jitter: 20 * time.Microsecond, Readout: 12 * time.Millisecond},
		Stage:     Stage{Jitter: 0.7, FieldJitter: 0.3},
		Variation: Variation{WaferWidth: 0.045, DieWidth: 0.03, DieGain: 0.01, Gradient: 0.015},
		Sensor:    optics.Sensor{ReadNoise: 1.5, ShotNoise: 0.033, Vignetting: 0.08, Tilt: 0.04},
		Defects: Defects{PerDie: 0.09, Spread: 0.35, Sizes: flaw.Sizes{Min: 3, Max: 12},
			Mix: map[flaw.Class]float64{flaw.Open: 1, flaw.Short: 1, flaw.MouseBite: 1, flaw.Spur: 1, flaw.Copper: 1,
				flaw.PinHole: 0.8, flaw.Particle: 2, flaw.Scratch: 0.5, flaw.Stain: 0.4},
			SignatureRate: 0.25, SignatureShare: 0.08},
		Faults: Faults{Lateness: 100 * time.Millisecond, Gone: 2},
	}
}

func (o *Options) check() error {
	switch {
	case o.Lots < 0 || o.Wafers < 0:
		return fmt.Errorf("simulator: %d lots, %d wafers; want 0 (no limit) or more", o.Lots, o.Wafers)
	case o.WafersPerLot < 1 || o.WafersPerLot > 25:
		return fmt.Errorf("simulator: %d wafers a lot; a carrier holds 1 to 25", o.WafersPerLot)
	case o.Buffers < 2:
		return fmt.Errorf("simulator: %d buffers; want at least 2: one lent, one exposed", o.Buffers)
	case !o.Pace.Known():
		return fmt.Errorf("simulator: pace %v; want more than 0, at most %v, or unlimited", float64(o.Pace), float64(handshake.Fastest))
	case o.Times.Move < 20*time.Millisecond || o.Times.Latency < 5*o.Times.Jitter || o.Times.Readout > o.Times.Move/2:
		return errors.New("simulator: times; want a move of at least 20 ms, a latency of at least 5 jitters, a readout of at most half a move")
	case !within(o.Stage.Jitter, 2) || !within(o.Stage.FieldJitter, 2) || !within(o.Stage.Angle, optics.MaxAngle/2):
		return fmt.Errorf("simulator: stage %+v; want 0 to 2 pixels, 0 to %v radians", o.Stage, optics.MaxAngle/2)
	case !within(o.Drift.PerWafer, 0.5) || !within(o.Drift.PerField, 0.5):
		return fmt.Errorf("simulator: light drift %+v; want 0 to 0.5", o.Drift)
	}
	for _, e := range o.Excursions {
		if !(e.Factor >= 1 && e.Factor <= 100) || e.Lot < 1 || e.Signature != "" && !slices.Contains(Signatures, e.Signature) {
			return fmt.Errorf("simulator: excursion %+v; want a lot from 1, a factor of 1 to 100, a signature of %v", e, Signatures)
		}
	}
	return errors.Join(o.Defects.check(), o.Faults.check(&o.Times))
}

func (d *Defects) check() error {
	if !within(d.PerDie, 20) || !within(d.Spread, 3) || !within(d.SignatureRate, 1) || !within(d.SignatureShare, 20) {
		return fmt.Errorf("simulator: defects per die %v, spread %v, signature rate %v, share %v; want 0–20, 0–3, 0–1, 0–20",
			d.PerDie, d.Spread, d.SignatureRate, d.SignatureShare)
	}
	if !(d.Sizes.Min >= 1.5 && d.Sizes.Min <= d.Sizes.Max && d.Sizes.Max <= 40) {
		return fmt.Errorf("simulator: defect sizes %v to %v pixels; want 1.5 to 40", d.Sizes.Min, d.Sizes.Max)
	}
	total := 0.0
	for c, w := range d.Mix {
		if !slices.Contains(flaw.Classes, c) || !within(w, 1e6) {
			return fmt.Errorf("simulator: class %q with weight %v; known: %v, weights from 0", c, w, flaw.Classes)
		}
		total += w
	}
	if total <= 0 && d.PerDie > 0 {
		return errors.New("simulator: defects wanted, but no class has a weight")
	}
	if d.Signature != "" && !slices.Contains(Signatures, d.Signature) {
		return fmt.Errorf("simulator: signature %q; known: %v", d.Signature, Signatures)
	}
	return nil
}

func within(v, limit float64) bool { return v >= 0 && v <= limit }
