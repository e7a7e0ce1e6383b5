package main

import (
	"context"
	"fmt"

	"kensa/hw/bench"
)

// practice is a simulated bench whose targets a person must change, as at a real
// station: to learn a procedure before standing there.
type practice struct {
	bench.Bench
	target         bench.Target
	piece, loading int
}

var sentences = map[bench.Target]string{
	bench.Cover:      "put the cap on the lens, or close the shutter",
	bench.Mirror:     "lay the mirror wafer under the lens",
	bench.Chessboard: "lay the chessboard plate under the lens",
	bench.Circles:    "lay the plate of dots under the lens",
	bench.Edge:       "lay the slanted edge under the lens",
	bench.Wafer:      "lay a wafer of the recipe's product under the lens",
	bench.Good:       "load a known-good wafer of the recipe's product",
	bench.Standard:   "load the standard-defect wafer",
	bench.Blinker:    "put the blinking light under the lens, on the trigger's strobe output",
}

// Set asks once for each change of target, of piece, and for each loading.
func (p *practice) Set(ctx context.Context, s bench.Setting) ([]string, error) {
	byHand, err := p.Bench.Set(ctx, s)
	if err != nil || s.Target == bench.Any {
		return byHand, err
	}
	switch {
	case s.Target != p.target || s.Piece != p.piece:
		ask := sentences[s.Target]
		if s.Piece > 0 {
			ask += fmt.Sprintf(": number %d", s.Piece)
		}
		byHand = append(byHand, ask)
	case s.Loading != p.loading:
		byHand = append(byHand, "unload the wafer and load it again")
	}
	p.target, p.piece, p.loading = s.Target, s.Piece, s.Loading
	return byHand, nil
}
