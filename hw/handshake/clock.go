package handshake

import (
	"context"
	"math"
	"time"
)

// Pace is how fast a tool in this process runs: 1 (and the zero value) is the
// true tool's pace, 10 ten times that.
type Pace float64

// Unlimited waits for nothing but the appliance's lines. Fastest is the fastest of
// the others: at more, the clock's 64 bits would be used up within weeks, and
// what a number too large becomes differs from CPU to CPU.
const (
	Unlimited Pace = math.MaxFloat64
	Fastest   Pace = 1000
)

// Known tells whether a pace can be kept.
func (p Pace) Known() bool { return p >= 0 && p <= Fastest || p == Unlimited }

// Clock is the tool's own time. It counts what the tool's motions take, from 0,
// and stamps edges and frames with it, so that stamps are the same at any pace.
// It is used from one goroutine.
type Clock struct {
	pace  Pace
	start time.Time
	now   time.Duration
}

// NewClock starts a clock.
func NewClock(p Pace) *Clock {
	if p == 0 {
		p = 1
	}
	return &Clock{pace: p, start: time.Now()}
}

// Now is the tool's time.
func (c *Clock) Now() time.Duration { return c.now }

// Advance lets d pass on the tool's clock, and as much of it in the world as the
// pace asks for.
func (c *Clock) Advance(ctx context.Context, d time.Duration) error {
	c.now += d
	if c.pace == Unlimited {
		return ctx.Err()
	}
	rest := time.Until(c.start.Add(time.Duration(float64(c.now) / float64(c.pace))))
	if rest <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// CatchUp brings the clock forward by the time that the tool was held up by the
// appliance. At unlimited pace it does nothing, so that stamps do not depend on
// the machine.
func (c *Clock) CatchUp() {
	if c.pace == Unlimited {
		return
	}
	if passed := time.Duration(float64(time.Since(c.start)) * float64(c.pace)); passed > c.now {
		c.now = passed
	}
}
