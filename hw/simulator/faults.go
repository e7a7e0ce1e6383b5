package simulator

import (
	"fmt"
	"slices"
	"time"
)

// FaultKind is something that goes wrong between tool and appliance.
type FaultKind string

// Kinds of faults.
const (
	MissedPulse    FaultKind = "missed-pulse"    // the camera is triggered, the appliance's line shows nothing
	DoubledPulse   FaultKind = "doubled-pulse"   // the line bounces: two pulses, one exposure
	DroppedFrame   FaultKind = "dropped-frame"   // exposed and counted by the camera, never delivered
	LateFrame      FaultKind = "late-frame"      // exposed long after the pulse
	ExtraFrame     FaultKind = "extra-frame"     // a second exposure without a pulse, on the way to the next field
	TruncatedFrame FaultKind = "truncated-frame" // delivered without its last rows
	CameraGone     FaultKind = "camera-gone"     // the camera disappears until it is started again
)

// FaultKinds lists them all.
var FaultKinds = []FaultKind{MissedPulse, DoubledPulse, DroppedFrame, LateFrame, ExtraFrame, TruncatedFrame, CameraGone}

// Fault asks for one fault.
type Fault struct {
	Kind  FaultKind
	Wafer int // from 1 in the whole run
	Field int // from 0
}

// Faults say what goes wrong: given ones, and more at random.
type Faults struct {
	Given []Fault
	Rates map[FaultKind]float64 // probability for each field
	// Lateness of a late frame's exposure, beyond the usual latency; less than a
	// move without the readout.
	Lateness time.Duration
	// Gone is how many exposures are lost when the camera disappears.
	Gone int
}

func (f *Faults) check(t *Times) error {
	known := func(k FaultKind) error {
		if !slices.Contains(FaultKinds, k) {
			return fmt.Errorf("simulator: fault %q; known: %v", k, FaultKinds)
		}
		return nil
	}
	for _, g := range f.Given {
		if err := known(g.Kind); err != nil {
			return err
		}
	}
	for k, rate := range f.Rates {
		if err := known(k); err != nil {
			return err
		}
		if !within(rate, 1) {
			return fmt.Errorf("simulator: rate %v of fault %s; want 0 to 1", rate, k)
		}
	}
	if f.Lateness <= 0 || f.Lateness >= t.Move-t.Readout {
		return fmt.Errorf("simulator: lateness %v of late frames; want more than 0 and less than %v, a move without the readout",
			f.Lateness, t.Move-t.Readout)
	}
	if f.Gone < 1 {
		return fmt.Errorf("simulator: %d exposures lost when the camera disappears; want at least 1", f.Gone)
	}
	return nil
}

// fault is the fault of a field; at most one happens in each, given ones first.
func (s *Scene) fault(w *wafer, field int) FaultKind {
	f := &s.options.Faults
	for _, g := range f.Given {
		if g.Wafer == w.number && g.Field == field {
			return g.Kind
		}
	}
	random := stream(s.options.Seed, forFaults, w.lot, w.slot, field)
	for _, k := range FaultKinds {
		if random.Float64() < f.Rates[k] {
			return k
		}
	}
	return ""
}
