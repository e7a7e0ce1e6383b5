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

// Set asks once for each change of target.
func (p *practice) Set(ctx context.Context, s bench.Setting) ([]string, error) {
	byHand, err := p.Bench.Set(ctx, s)
	if err == nil && s.Target != bench.Any && s.Target != p.target {
		p.target = s.Target
		byHand = append(byHand, s.Target.Lay())
	}
	return byHand, err
}
