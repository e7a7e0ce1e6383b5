package sparkplug

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"kensa/bus/session"
	"kensa/bus/sparkplug/payload"
)

// voice sends one connection's messages and numbers them.
type voice struct {
	config Config
	board  *board
	sent   atomic.Uint64 // messages of all connections
	// onBirth is called with each NBIRTH before it goes out.
	onBirth func([]byte)

	link   link
	seq    uint8 // of the next message
	device bool  // born
}

func (v *voice) begin(l link) { v.link, v.seq, v.device = l, 0, false }

// say publishes with QoS 0, not retained, and with the metrics in the order of
// their times, as Sparkplug demands. The sequence number counts only what was
// handed over.
func (v *voice) say(ctx context.Context, topic string, metrics []payload.Metric) error {
	slices.SortStableFunc(metrics, func(a, b payload.Metric) int { return a.Timestamp.Compare(b.Timestamp) })
	p := payload.Payload{Timestamp: time.Now(), Metrics: metrics, Seq: new(v.seq)}
	encoded := p.Encode()
	if topic == v.config.nodeTopic("NBIRTH") {
		v.onBirth(encoded)
	}
	if _, err := v.link.Send(ctx, session.Message{Topic: topic, Payload: encoded}); err != nil {
		return err
	}
	v.seq++ // 255 is followed by 0
	v.sent.Add(1)
	return nil
}

// tell publishes data: metrics that a birth has declared.
func (v *voice) tell(ctx context.Context, topic string, metrics []payload.Metric) error {
	for i := range metrics {
		m := &metrics[i]
		if v.config.Aliases || v.config.Terse {
			m.Name = ""
		} else {
			m.Alias = nil
		}
		if !v.config.DataTypes || v.config.Terse {
			m.Value = m.Value.Untyped()
		}
	}
	return v.say(ctx, topic, metrics)
}

// declare publishes a birth.
func (v *voice) declare(ctx context.Context, topic string, metrics []payload.Metric) error {
	for i := range metrics {
		if !v.config.Aliases && !v.config.Terse {
			metrics[i].Alias = nil
		}
	}
	return v.say(ctx, topic, metrics)
}

func (v *voice) nodeBirth(ctx context.Context) error {
	now := time.Now()
	metrics := []payload.Metric{
		bdSeqMetric(v.link.bdSeq, now),
		{Name: rebirthName, Timestamp: now, Value: payload.Boolean(false)},
	}
	return v.declare(ctx, v.config.nodeTopic("NBIRTH"), append(metrics, v.board.all(NodeScope, now)...))
}

// setDevice tells of the device's birth or death if that is news.
func (v *voice) setDevice(ctx context.Context, alive bool) error {
	if v.device == alive {
		return nil
	}
	v.device = alive
	if alive {
		return v.declare(ctx, v.config.deviceTopic("DBIRTH"), v.board.all(DeviceScope, time.Now()))
	}
	return v.say(ctx, v.config.deviceTopic("DDEATH"), nil)
}

// changes tells what changed since it was last told.
func (v *voice) changes(ctx context.Context) error {
	if metrics := v.board.changes(NodeScope); len(metrics) > 0 {
		if err := v.tell(ctx, v.config.nodeTopic("NDATA"), metrics); err != nil {
			return err
		}
	}
	if !v.device {
		return nil
	}
	metrics := v.board.changes(DeviceScope)
	if len(metrics) == 0 {
		return nil
	}
	return v.tell(ctx, v.config.deviceTopic("DDATA"), metrics)
}

// event tells values of the device together, changed or not.
func (v *voice) event(ctx context.Context, e event) error {
	if !v.device {
		return nil
	}
	metrics := v.board.data(e.values, e.at)
	for i := range metrics {
		metrics[i].Historical = e.historical
	}
	return v.tell(ctx, v.config.deviceTopic("DDATA"), metrics)
}
