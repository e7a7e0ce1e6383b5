package session

import (
	"context"
	"sync"
	"time"
)

// Throttle spreads what connections send over time, so that all of them together
// send at most so many bytes a second. Where urgent and other bytes wait, three
// quarters are the urgent ones': the others are slow then, and not cut off.
type Throttle struct {
	rate int

	mu      sync.Mutex
	free    time.Time     // when all that was let go before is paid for
	classes [2]class      // the second is the urgent one
	changed chan struct{} // closed and replaced when somebody went
}

// class is what is equally urgent.
type class struct {
	waiting int
	used    float64 // bytes over weight; the class with the least goes first
}

var weights = [2]float64{1, 3}

// NewThrottle is for so many bytes a second; nil, which limits nothing, for 0.
func NewThrottle(rate int) *Throttle {
	if rate == 0 {
		return nil
	}
	return &Throttle{rate: rate, changed: make(chan struct{})}
}

// lasts is how long so many bytes take.
func (t *Throttle) lasts(bytes int) time.Duration {
	return time.Duration(bytes) * time.Second / time.Duration(t.rate)
}

// wait returns when so many bytes may go. An error is the end of the connection.
func (t *Throttle) wait(ctx context.Context, bytes int, urgent bool) error {
	if t == nil {
		return nil
	}
	own := 0
	if urgent {
		own = 1
	}
	entered := t.enter(own)
	defer t.leave(own)
	for {
		pause, changed, mine := t.take(own, bytes, entered)
		if mine {
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		timer.Stop()
	}
}

// enter joins a class. One that was idle has saved nothing up.
func (t *Throttle) enter(own int) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := &t.classes[own]; c.waiting == 0 {
		c.used = max(c.used, t.classes[1-own].used)
	}
	t.classes[own].waiting++
	return time.Now()
}

func (t *Throttle) leave(own int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.classes[own].waiting--
	close(t.changed)
	t.changed = make(chan struct{})
}

// take lets the bytes go if it is their turn, and else tells after what time, or
// upon what, to ask again.
func (t *Throttle) take(own, bytes int, entered time.Time) (pause time.Duration, changed chan struct{}, mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, other := time.Now(), &t.classes[1-own]
	if t.free.After(now) {
		return t.free.Sub(now), t.changed, false
	}
	if other.waiting > 0 && other.used < t.classes[own].used {
		return time.Hour, t.changed, false // until the other has gone
	}
	if t.free.Before(entered) {
		t.free = entered
	}
	t.free = t.free.Add(t.lasts(bytes)) // not from now: a timer that is late costs nothing
	t.classes[own].used += float64(bytes) / weights[own]
	return 0, nil, true
}
