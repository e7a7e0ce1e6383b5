// Package trigger turns the edges of the FIELD-TRIGGER line into numbered
// pulses, one for each position of the stage.
package trigger

import (
	"context"
	"time"
)

// Pulse is one field trigger.
type Pulse struct {
	Time     time.Duration // when the rising edge happened, on the lines' and frames' common clock
	Sequence uint64        // numbers the pulses since start, from 1, missed ones too
	Missed   uint64        // pulses lost between the one before and this, by the line's own count
}

// Source gives pulses in the order in which they happened.
type Source interface {
	// Next waits for a pulse. It returns the context's error when that ends
	// first, and line.ErrClosed when the line is gone.
	Next(ctx context.Context) (Pulse, error)
}
