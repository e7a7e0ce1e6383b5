package light

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"periph.io/x/conn/v3/physic"
)

// Limits are what a strobed LED bears, from its data sheet.
type Limits struct {
	Current physic.ElectricCurrent   // while the strobe is on
	Voltage physic.ElectricPotential // forward voltage at that current
	Pulse   time.Duration            // longest pulse at that current
	Energy  physic.Energy            // most in one pulse
	Duty    float64                  // most of the time that it may be on, 0 to 1
}

// Power is what the LED takes while it is on.
func (l Limits) Power() physic.Power {
	// nA × nV are 10⁻¹⁸ W; done in micro-units so that kilowatts do not overflow.
	return physic.Power(int64(l.Current/physic.MicroAmpere) * int64(l.Voltage/physic.MicroVolt) / 1000)
}

// EnergyOf is the energy of a pulse.
func (l Limits) EnergyOf(width time.Duration) physic.Energy {
	return physic.Energy(float64(l.Power()) * width.Seconds())
}

// Check reports a pulse width that the LED does not bear, and limits that make
// no sense.
func (l Limits) Check(width time.Duration) error {
	switch {
	case l.Current <= 0 || l.Voltage <= 0:
		return fmt.Errorf("current %v at %v; want more than 0", l.Current, l.Voltage)
	case l.Duty <= 0 || l.Duty > 1:
		return fmt.Errorf("duty %v; want more than 0, to 1", l.Duty)
	case width <= 0:
		return fmt.Errorf("width %v; want more than 0", width)
	case width > l.Pulse:
		return fmt.Errorf("width %v; the longest pulse at %v is %v", width, l.Current, l.Pulse)
	case l.EnergyOf(width) > l.Energy:
		return fmt.Errorf("width %v; a pulse of %v at %v would be %v, the limit is %v", width, l.Current, l.Voltage, l.EnergyOf(width), l.Energy)
	}
	return nil
}

// ErrTooHot means that a pulse would come before the LED has cooled.
var ErrTooHot = errors.New("light: strobe refused")

// Guard keeps a strobe within its limits, pulse for pulse. It may be used from
// any goroutine.
type Guard struct {
	limits Limits

	mu    sync.Mutex
	ready time.Duration // from when on the next pulse is allowed
	any   bool
}

// NewGuard watches over a strobe.
func NewGuard(l Limits) *Guard { return &Guard{limits: l} }

// Allow reports whether the lamp bears a pulse of the width that begins at a
// time, and counts it if so: the next may come when the pause that the duty
// wants is over.
func (g *Guard) Allow(at, width time.Duration) error {
	if err := g.limits.Check(width); err != nil {
		return fmt.Errorf("%w: %w", ErrTooHot, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.any && at < g.ready {
		return fmt.Errorf("%w: %v too soon for a duty of %.3g %%", ErrTooHot, g.ready-at, 100*g.limits.Duty)
	}
	g.any, g.ready = true, g.cooled(at, width)
	return nil
}

// cooled is when the lamp may be on again after a pulse.
func (g *Guard) cooled(at, width time.Duration) time.Duration {
	return at + time.Duration(float64(width)/g.limits.Duty)
}

// Shone tells how long the lamp was on from a time on, as seen by who switched it: the
// next pulse is allowed accordingly later. It reports a pulse that was beyond the
// limits.
func (g *Guard) Shone(at, width time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ready = max(g.ready, g.cooled(at, width))
	return g.limits.Check(width)
}
