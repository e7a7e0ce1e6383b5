package trigger

import (
	"context"
	"fmt"

	"periph.io/x/conn/v3/gpio"

	"kensa/hw/line"
)

// Counter is the Source for a line that the tool drives: every rising edge is a
// pulse, and a gap in the line's numbering is told by the pulse after it.
type Counter struct {
	in   line.Input
	last uint64
}

// NewCounter sets the line up to report rising edges. Pulses before are
// forgotten.
func NewCounter(in line.Input) (*Counter, error) {
	if err := in.In(gpio.PullNoChange, gpio.RisingEdge); err != nil {
		return nil, fmt.Errorf("trigger: %s: %w", in.Name(), err)
	}
	return &Counter{in: in}, nil
}

// Next implements Source. It is used from one goroutine.
func (c *Counter) Next(ctx context.Context) (Pulse, error) {
	e, err := c.in.Next(ctx)
	if err != nil {
		return Pulse{}, err
	}
	p := Pulse{Time: e.Time, Sequence: e.Sequence, Missed: e.Sequence - c.last - 1}
	c.last = e.Sequence
	return p, nil
}
