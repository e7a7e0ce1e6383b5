package station_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"kensa/firmware/station"
)

func TestOnlyATurningCycleAnswers(t *testing.T) {
	held, goOn := make(chan struct{}), make(chan struct{})
	first := true
	b := newBench(t, 1, blind{}, watcher{field: func(station.Field) {
		if first { // wedges the cycle itself
			first = false
			close(held)
			<-goOn
		}
	}})
	soon := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(t.Context(), 50*time.Millisecond)
	}
	ctx, cancel := soon()
	if _, err := b.Look(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("before it runs: %v", err)
	}
	cancel()
	ended := make(chan struct{})
	go func() { b.run(t.Context(), t); close(ended) }()
	<-held
	ctx, cancel = soon()
	if _, err := b.Look(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wedged: %v", err)
	}
	cancel()
	close(goOn)
	if state, err := b.Look(t.Context()); !errors.Is(err, station.ErrStopped) && (err != nil || !state.Camera) {
		t.Errorf("turning: camera %v, %v; want an answer", state.Camera, err)
	}
	<-ended
	if _, err := b.Look(t.Context()); !errors.Is(err, station.ErrStopped) {
		t.Errorf("stopped: %v", err)
	}
}
