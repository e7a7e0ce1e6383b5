package session

import (
	"context"
	"time"
)

// pace spreads what is sent over time, so that it is at most rate bytes a second.
type pace struct {
	ctx  context.Context // the connection's
	rate int
	free time.Time // when all that was let go before is paid for
}

func newPace(ctx context.Context, rate int) *pace {
	if rate == 0 {
		return nil
	}
	return &pace{ctx: ctx, rate: rate}
}

// wait returns when so many bytes may go. Calls must not overlap. An error is
// the end of the connection.
func (p *pace) wait(bytes int) error {
	if p == nil {
		return nil
	}
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	timer := time.NewTimer(p.free.Sub(now))
	defer timer.Stop()
	p.free = p.free.Add(time.Duration(bytes) * time.Second / time.Duration(p.rate))
	select {
	case <-timer.C:
		return nil
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
}
