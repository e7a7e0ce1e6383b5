package main

import (
	"context"

	"kensa/hw/bench"
)

// practice is a simulated bench whose targets a person must lay and turn, as at a real
// station: to learn a procedure before standing there.
type practice struct {
	bench.Bench
	before bench.Setting
}

// Set asks once for each change of target, of its piece, loading and turn.
func (p *practice) Set(ctx context.Context, s bench.Setting) ([]string, error) {
	byHand, err := p.Bench.Set(ctx, s)
	if err != nil {
		return nil, err
	}
	if s.Target == bench.Any {
		s.Target, s.Piece, s.Loading = p.before.Target, p.before.Piece, p.before.Loading
	}
	if laid := s.Laid(p.before); laid != "" {
		byHand = append(byHand, laid)
	}
	if s.Turn != p.before.Turn {
		byHand = append(byHand, s.Turned())
	}
	p.before = s
	return byHand, nil
}
