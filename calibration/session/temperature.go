package session

import (
	"context"

	"periph.io/x/conn/v3/physic"

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

// thermometer notes the temperature of each exposure on its way.
type thermometer struct {
	bench.Bench
	seen *temperatures
}

func (t *thermometer) Expose(ctx context.Context) (*bench.Exposure, error) {
	e, err := t.Bench.Expose(ctx)
	if err == nil && e.Temperature != 0 {
		t.seen.Sum += float64(e.Temperature-physic.ZeroCelsius) / float64(physic.Celsius)
		t.seen.Count++
	}
	return e, err
}
