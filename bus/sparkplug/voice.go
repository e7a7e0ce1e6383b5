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
	if err := v.link.Publish(ctx, session.Message{Topic: topic, Payload: p.Encode()}); err != nil {
		return err
	}
	v.seq++ // 255 is followed by 0
	v.sent.Add(1)
	return nil
}

func (v *voice) nodeBirth(ctx context.Context) error {
	now := time.Now()
	metrics := []payload.Metric{
		bdSeqMetric(v.link.bdSeq, now),
		{Name: rebirthName, Timestamp: now, Value: payload.Boolean(false)},
	}
	return v.say(ctx, v.config.nodeTopic("NBIRTH"), append(metrics, v.board.all(NodeScope, now)...))
}

// setDevice tells of the device's birth or death if that is news.
func (v *voice) setDevice(ctx context.Context, alive bool) error {
	if v.device == alive {
		return nil
	}
	kind, metrics := "DDEATH", []payload.Metric(nil)
	if alive {
		kind, metrics = "DBIRTH", v.board.all(DeviceScope, time.Now())
	}
	v.device = alive
	return v.say(ctx, v.config.deviceTopic(kind), metrics)
}

// changes tells what changed since it was last told.
func (v *voice) changes(ctx context.Context) error {
	if metrics := v.board.changes(NodeScope); len(metrics) > 0 {
		if err := v.say(ctx, v.config.nodeTopic("NDATA"), metrics); err != nil {
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
	return v.say(ctx, v.config.deviceTopic("DDATA"), metrics)
}

// event tells values of the device together, changed or not.
func (v *voice) event(ctx context.Context, e event) error {
	if !v.device {
		return nil
	}
	return v.say(ctx, v.config.deviceTopic("DDATA"), v.board.data(e.values, e.at))
}
