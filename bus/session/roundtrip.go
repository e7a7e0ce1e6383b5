package session

import (
	"context"
	"fmt"
	"time"
)

// nobodysFilter is a filter that nobody subscribes to.
const nobodysFilter = "kensa/round-trip"

// RoundTrip returns nil when the broker has read everything that was published on
// this link before, QoS 0 included: it takes a connection's packets in order, and
// has answered one that was sent after them. The question is an UNSUBSCRIBE, which
// needs no permission and leaves nothing behind.
func (l *Link) RoundTrip(ctx context.Context) error {
	if err := l.Err(); err != nil {
		return err
	}
	token := l.client.Unsubscribe(nobodysFilter)
	timer := time.NewTimer(l.ack)
	defer timer.Stop()
	select {
	case <-token.Done():
		if err := token.Error(); err != nil {
			return fmt.Errorf("round trip: %w", err)
		}
		return l.Err() // paho ends its tokens without error when a connection ends
	case <-l.ctx.Done():
		return l.Err()
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		l.lose(fmt.Errorf("round trip: no answer within %v", l.ack))
		return l.Err()
	}
}
