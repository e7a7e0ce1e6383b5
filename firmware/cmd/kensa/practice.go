package main

import (
	"context"

	"kensa/hw/bench"
)

// practice is a simulated bench whose targets a person must change, as at a real
// station: to learn a procedure before standing there.
type practice struct {
	bench.Bench
	target bench.Target
}

var sentences = map[bench.Target]string{
	bench.Cover:      "put the cap on the lens, or close the shutter",
	bench.Mirror:     "lay the mirror wafer under the lens",
	bench.Chessboard: "lay the chessboard plate under the lens",
	bench.Circles:    "lay the plate of dots under the lens",
	bench.Edge:       "lay the slanted edge under the lens",
	bench.Wafer:      "lay a wafer of the recipe's product under the lens",
	bench.Blinker:    "put the blinking light under the lens, on the trigger's strobe output",
}

// Set asks once for each change of target.
func (p *practice) Set(ctx context.Context, s bench.Setting) ([]string, error) {
	byHand, err := p.Bench.Set(ctx, s)
	if err == nil && s.Target != bench.Any && s.Target != p.target {
		p.target = s.Target
		byHand = append(byHand, sentences[s.Target])
	}
	return byHand, err
}
