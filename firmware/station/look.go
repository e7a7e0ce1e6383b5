package station

import "context"

// Look has the work cycle itself say how it is: an answer proves that it turns.
// ErrStopped means that it has ended.
func (s *Station) Look(ctx context.Context) (State, error) {
	state := make(chan State, 1)
	select {
	case s.control <- func() { state <- s.state }:
		return <-state, nil
	case <-s.stopped:
		return State{}, ErrStopped
	case <-ctx.Done():
		return State{}, ctx.Err()
	}
}
