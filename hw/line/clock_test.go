package line

import (
	"testing"
	"time"
)

// TestNoWaitEndsEarly, whether it was long, short, or over before.
func TestNoWaitEndsEarly(t *testing.T) {
	for name, wait := range map[string]func(time.Duration){"told": WaitUntil, "held": HoldUntil} {
		for _, d := range []time.Duration{-time.Second, 0, 50 * time.Microsecond, 3 * time.Millisecond} {
			at := Monotonic() + d
			if wait(at); Monotonic() < at {
				t.Errorf("%s: a wait of %v was over too soon", name, d)
			}
		}
	}
}
