package session

import (
	"context"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/calibration"
	"kensa/hw/bench"
)

// temperatures sums what the exposures of a session were taken at.
type temperatures struct {
	Sum   float64 // °C
	Count int
}

func (t *temperatures) mean() (celsius float64, known bool) {
	if t.Count == 0 {
		return 0, false
	}
	return t.Sum / float64(t.Count), true
}

// attended is the bench during a step, with the person beside it: what the bench
// cannot set by itself they are asked for at once, and told of long waits. It notes
// each exposure's temperature on its way.
type attended struct {
	bench.Bench
	person Person
	step   calibration.Step
	seen   *temperatures
}

// Set asks for what is left to do by hand.
func (a *attended) Set(ctx context.Context, s bench.Setting) ([]string, error) {
	byHand, err := a.Bench.Set(ctx, s)
	if err != nil || len(byHand) == 0 {
		return nil, err
	}
	return nil, a.person.Ask(ctx, a.step, byHand)
}

// Expose notes the temperature.
func (a *attended) Expose(ctx context.Context) (*bench.Exposure, error) {
	e, err := a.Bench.Expose(ctx)
	if err == nil && e.Temperature != 0 {
		a.seen.Sum += float64(e.Temperature-physic.ZeroCelsius) / float64(physic.Celsius)
		a.seen.Count++
	}
	return e, err
}

// Sleep tells how long is left, every second and less often where that is long.
func (a *attended) Sleep(ctx context.Context, d time.Duration) error {
	const short = 3 * time.Second
	if d < short {
		return a.Bench.Sleep(ctx, d)
	}
	pause := min(max(time.Second, d/100).Round(time.Second), 10*time.Second)
	for left := d; left > 0; left -= pause {
		a.person.Wait(left)
		if err := a.Bench.Sleep(ctx, min(left, pause)); err != nil {
			return err
		}
	}
	return nil
}
