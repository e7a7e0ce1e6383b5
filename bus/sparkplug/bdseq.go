package sparkplug

import (
	"context"
	"fmt"
	"time"

	"kensa/bus/session"
	"kensa/bus/sparkplug/payload"
)

// Metrics that belong to the node itself.
const (
	bdSeqName   = "bdSeq"
	rebirthName = "Node Control/Rebirth"
)

// BdSeqStore keeps the number that ties a death to its birth. It must survive a
// restart: a host would take the late death of the last connection for that of
// the present one.
type BdSeqStore interface {
	// LoadBdSeq is the number last saved; found is false where there is none.
	LoadBdSeq(context.Context) (n uint8, found bool, err error)
	// SaveBdSeq returns nil when the number is durable.
	SaveBdSeq(context.Context, uint8) error
}

// will makes the last will of the next connection. Its bdSeq is saved before the
// CONNECT, so that no two connections can have the same.
func (n *Node) will(ctx context.Context) (*session.Message, error) {
	if n.isClosed() {
		return nil, errClosed
	}
	last, found, err := n.numbers.LoadBdSeq(ctx)
	if err != nil {
		return nil, fmt.Errorf("load bdSeq: %w", err)
	}
	next := last + 1 // 255 is followed by 0
	if !found {
		next = 0
	}
	if err := n.numbers.SaveBdSeq(ctx, next); err != nil {
		return nil, fmt.Errorf("save bdSeq: %w", err)
	}
	n.mu.Lock()
	n.bdSeq = next
	n.mu.Unlock()
	m := n.death(next)
	return &m, nil
}

// death is the NDEATH of a connection, as the broker sends it when the
// connection dies and as the node does when it ends it.
func (n *Node) death(bdSeq uint8) session.Message {
	now := time.Now()
	p := payload.Payload{Timestamp: now, Metrics: []payload.Metric{bdSeqMetric(bdSeq, now)}}
	return session.Message{Topic: n.config.nodeTopic("NDEATH"), QoS: 1, Payload: p.Encode()}
}

func bdSeqMetric(bdSeq uint8, at time.Time) payload.Metric {
	return payload.Metric{Name: bdSeqName, Timestamp: at, Value: payload.Int64(int64(bdSeq))}
}
