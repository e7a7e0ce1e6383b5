package main

import (
	"context"

	"periph.io/x/conn/v3/physic"

	"kensa/hw/bench"
)

// practice is a simulated bench whose targets a person must lay and turn, as at a real
// station: to learn a procedure before standing there.
type practice struct {
	bench.Bench
	target bench.Target
	turn   physic.Angle
}

// Set asks once for each change of target and of its turn.
func (p *practice) Set(ctx context.Context, s bench.Setting) ([]string, error) {
	byHand, err := p.Bench.Set(ctx, s)
	if err != nil {
		return nil, err
	}
	if s.Target != bench.Any && s.Target != p.target {
		p.target = s.Target
		byHand = append(byHand, s.Target.Lay())
	}
	if s.Turn != p.turn {
		p.turn = s.Turn
		byHand = append(byHand, s.Turned())
	}
	return byHand, nil
}
