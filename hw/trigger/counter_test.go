package trigger

import (
	"context"
	"errors"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"kensa/hw/line"
)

func pulse(t *testing.T, w *line.Wire, n int) {
	t.Helper()
	for i := range n {
		at := time.Duration(i) * time.Millisecond
		if err := errors.Join(w.Set(gpio.High, at), w.Set(gpio.Low, at+10*time.Microsecond)); err != nil {
			t.Fatal(err)
		}
	}
}

func counter(t *testing.T, w *line.Wire) *Counter {
	t.Helper()
	c, err := NewCounter(w)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRisingEdgesArePulses(t *testing.T) {
	w := line.NewWire("FIELD-TRIGGER", 1, nil)
	pulse(t, w, 2) // before the start
	c := counter(t, w)
	pulse(t, w, 3)
	for i := range 3 {
		p, err := c.Next(context.Background())
		want := Pulse{Time: time.Duration(i) * time.Millisecond, Sequence: uint64(i + 1)}
		if err != nil || p != want {
			t.Errorf("got %v, %v, want %v", p, err, want)
		}
	}
}

func TestAGapIsTold(t *testing.T) {
	w := line.NewWire("FIELD-TRIGGER", 1, nil)
	c := counter(t, w)
	pulse(t, w, line.BufferSize+9)
	first, err := c.Next(context.Background())
	if err != nil || first.Missed != 9 || first.Sequence != 10 {
		t.Fatalf("first: %+v, %v", first, err)
	}
	second, err := c.Next(context.Background())
	if err != nil || second.Missed != 0 || second.Sequence != 11 {
		t.Fatalf("second: %+v, %v", second, err)
	}
	// 1022 pulses wait to be read; of these and 1030 more the latest 1024 stay.
	pulse(t, w, 1030)
	third, err := c.Next(context.Background())
	if lost := uint64(1022 + 1030 - line.BufferSize); err != nil || third.Missed != lost || third.Sequence != 11+lost+1 {
		t.Fatalf("third: %+v, %v; want %d missed", third, err, lost)
	}
}

func TestAClosedLineEndsTheSource(t *testing.T) {
	w := line.NewWire("FIELD-TRIGGER", 1, nil)
	c := counter(t, w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(context.Background()); !errors.Is(err, line.ErrClosed) {
		t.Errorf("Next: %v", err)
	}
	if _, err := NewCounter(w); !errors.Is(err, line.ErrClosed) {
		t.Errorf("NewCounter: %v", err)
	}
}
