// Package line carries discrete lines between the tool and the appliance:
// WAFER-PRESENT and FIELD-TRIGGER in, READY, BUSY, RESULT-OK and RESULT-NG out.
//
// Lines are periph pins (gpio.PinIn, gpio.PinOut). What periph's interface
// leaves out, and a trigger cannot do without, is added here: every edge comes
// as an Event with the time at which it happened and a sequence number, so that
// a lost edge shows as a gap.
package line

import (
	"context"
	"errors"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// ErrClosed is returned by Next after the line was closed.
var ErrClosed = errors.New("line: closed")

// BufferSize is how many edges an input keeps for a slow reader. When it is full
// the oldest edge is lost, as in the kernel's own buffer, and shows as a gap in
// Event.Sequence.
const BufferSize = 1024

// Event is one edge.
type Event struct {
	// Time is when the edge happened, on the clock that the camera's frames
	// are stamped with too (CLOCK_MONOTONIC on real hardware).
	Time time.Duration
	// Sequence numbers the edges of one line from 1, anew after each In; a gap is
	// a lost edge. Only edges of the kind that In asked for count.
	Sequence uint64
	// Level is the line's level after the edge.
	Level gpio.Level
}

// Input is a line that the tool drives.
type Input interface {
	gpio.PinIn
	// Next waits for the next edge, in order. It returns the context's error
	// when that ends first, and ErrClosed when the line was closed.
	Next(ctx context.Context) (Event, error)
}

// Output is a line that the appliance drives.
type Output = gpio.PinOut
