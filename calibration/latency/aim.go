package latency

import (
	"context"
	"fmt"
	"math"
	"time"

	"kensa/calibration"
	"kensa/hw/bench"
)

// shot is a frame, with its stamp and its flash's beginning on the bench's clock, s.
type shot struct {
	Sight
	stamp, flash float64
}

// look takes a frame some time after the one before.
func look(ctx context.Context, b bench.Bench, wait float64, delay time.Duration) (shot, error) {
	if err := b.Sleep(ctx, duration(wait)); err != nil {
		return shot{}, err
	}
	e, err := b.Expose(ctx)
	if err != nil {
		return shot{}, err
	}
	defer e.Release()
	s := shot{stamp: e.Time.Seconds(), flash: (e.Pulse + delay).Seconds()}
	s.Sight = Sight{After: s.stamp - s.flash, Grey: e.Mean()}
	return s, nil
}

func told(done int, s Sight) calibration.Reading {
	return calibration.Reading{Done: done, Name: fmt.Sprintf("mean at %.2f ms", 1e3*s.After), Value: s.Grey, Unit: "DN"}
}

// golden part of the period after another puts flashes evenly over it, however many.
func golden(n int, period float64) float64 {
	_, part := math.Modf(float64(n) * 0.6180339887498949)
	return part * period
}

// aim waits such that frames' stamps come to lie around a time after the flash, s. It
// learns how much later than asked for the station flashes.
type aim struct {
	period, at, around, flash float64
	stamp, ready              float64 // of the last frame: its stamp, and when the next could be asked for; 0: not known
	lag                       float64 // mean from that and the wait to the flash
	seen                      int
}

// wait is that before frame n.
func (a *aim) wait(n int) float64 {
	const enough = 4
	if a.seen < enough || a.ready == 0 || 2*a.around > a.period {
		return golden(n, a.period)
	}
	wait := math.Mod(a.stamp-a.at-a.around*(2*golden(n, 1)-1)-a.ready-a.lag, a.period)
	if wait < 0 {
		wait += a.period
	}
	return wait
}

// saw learns from a frame.
func (a *aim) saw(s shot, wait float64) {
	if a.ready > 0 {
		a.seen++
		a.lag += (s.flash - a.ready - wait - a.lag) / float64(a.seen)
	}
	a.stamp, a.ready = s.stamp, max(s.stamp, s.flash+a.flash)
}
