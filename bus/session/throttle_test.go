package session

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Both classes always have something to send: they share the bytes three to one,
// and together keep the limit.
func TestThrottleShares(t *testing.T) {
	const rate, bytes = 200_000, 100
	throttle := NewThrottle(rate)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var sent [2]atomic.Int64
	var wait sync.WaitGroup
	began := time.Now()
	for n := range 4 { // two of each class
		wait.Go(func() {
			for throttle.wait(ctx, bytes, n%2 == 1) == nil {
				if sent[n%2].Add(bytes); sent[0].Load()+sent[1].Load() > 100_000 {
					cancel()
				}
			}
		})
	}
	wait.Wait()
	others, urgent := sent[0].Load(), sent[1].Load()
	if share := float64(urgent) / float64(urgent+others); share < .70 || share > .80 {
		t.Errorf("%d urgent bytes of %d; want three quarters", urgent, urgent+others)
	}
	// The last bytes may go when those before are paid for.
	if least := throttle.lasts(100_000 - bytes); time.Since(began) < least {
		t.Errorf("took %v; want at least %v", time.Since(began), least)
	}
}

// Whoever is alone has all of it, and saves nothing up for later.
func TestThrottleIsWorkConserving(t *testing.T) {
	throttle := NewThrottle(1_000_000_000)
	for range 1000 {
		if err := throttle.wait(t.Context(), 1000, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := throttle.wait(t.Context(), 1000, true); err != nil {
		t.Fatal(err)
	}
	if throttle.classes[1].used < throttle.classes[0].used {
		t.Errorf("an idle class has saved up: %+v", throttle.classes)
	}
}

func TestThrottleEndsWithItsConnection(t *testing.T) {
	throttle := NewThrottle(1)
	if err := throttle.wait(t.Context(), 1000, false); err != nil { // the first goes at once
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrLost)
	if err := throttle.wait(ctx, 1, true); !errors.Is(err, ErrLost) {
		t.Errorf("%v; want the connection's end", err)
	}
}
