package record

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// Both planes' acknowledgements go together, and neither hinders the other.
func TestAcknowledgementsGoTogether(t *testing.T) {
	s := open(t)
	for n := range 30 {
		commit(t, s, sample(n, 3, 0, 0), both)
		wait := sync.WaitGroup{}
		for _, p := range []Plane{MES, Ledger} {
			wait.Go(func() {
				if removed, err := s.Acknowledge(ctx, p, s.Epoch(), uint64(n+1)); err != nil || removed != 1 {
					t.Errorf("%s %d: %d removed, %v", p, n+1, removed, err)
				}
			})
			wait.Go(func() {
				if removed, err := s.Acknowledge(ctx, p, s.Epoch(), uint64(n+2)); !errors.Is(err, ErrAhead) || removed != 0 {
					t.Errorf("%s %d: %d removed, %v; want ErrAhead", p, n+2, removed, err)
				}
			})
		}
		wait.Wait()
		for _, p := range []Plane{MES, Ledger} {
			if n, err := s.Numbering(ctx, p); err != nil || n.Waiting() != 0 {
				t.Errorf("%s: %+v, %v", p, n, err)
			}
		}
	}
}

// One that waits for another goes when its context ends, and is noted all the same.
func TestAcknowledgementEndsWithItsContext(t *testing.T) {
	s := open(t)
	commit(t, s, sample(1, 3, 0, 0), both)
	brief, cancel := context.WithCancel(ctx)
	defer time.AfterFunc(linger/4, cancel).Stop()
	if removed, err := s.Acknowledge(brief, Ledger, s.Epoch(), 1); err != nil || removed != 1 {
		t.Errorf("%d removed, %v", removed, err)
	}
	if _, err := s.Acknowledge(brief, MES, s.Epoch(), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("after it: %v", err)
	}
}
