package line

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
	"periph.io/x/conn/v3/gpio"
	"pgregory.net/rapid"
)

var (
	_ gpio.PinIO = (*Wire)(nil)
	_ Input      = (*Wire)(nil)
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// over is a context that has ended: it reads what is there and waits for nothing.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func drain(w *Wire) (events []Event) {
	for {
		e, err := w.Next(over())
		if err != nil {
			return events
		}
		events = append(events, e)
	}
}

func set(t testing.TB, w *Wire, l gpio.Level, at time.Duration) {
	t.Helper()
	if err := w.Set(l, at); err != nil {
		t.Fatal(err)
	}
}

func TestEdgesComeInOrderWithTimeAndNumber(t *testing.T) {
	w := NewWire("T", 0, nil)
	set(t, w, gpio.High, 5*time.Millisecond)
	set(t, w, gpio.High, 6*time.Millisecond) // no change, no edge
	set(t, w, gpio.Low, 7*time.Millisecond)
	got := drain(w)
	want := []Event{{5 * time.Millisecond, 1, gpio.High}, {7 * time.Millisecond, 2, gpio.Low}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestOnlyTheEdgesAskedForCount(t *testing.T) {
	for edge, want := range map[gpio.Edge]int{gpio.NoEdge: 0, gpio.RisingEdge: 3, gpio.FallingEdge: 2, gpio.BothEdges: 5} {
		w := NewWire("T", 0, nil)
		if err := w.In(gpio.Float, edge); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			set(t, w, i%2 == 0, time.Duration(i))
		}
		events := drain(w)
		if len(events) != want {
			t.Errorf("%v: %d edges, want %d", edge, len(events), want)
		}
		for i, e := range events {
			if e.Sequence != uint64(i+1) {
				t.Errorf("%v: edge %d has number %d", edge, i+1, e.Sequence)
			}
		}
	}
}

func TestAFullBufferLosesItsOldestEdges(t *testing.T) {
	w := NewWire("T", 0, nil)
	const lost = 7
	for i := range BufferSize + lost {
		set(t, w, i%2 == 0, time.Duration(i))
	}
	events := drain(w)
	if len(events) != BufferSize || events[0].Sequence != lost+1 || events[BufferSize-1].Sequence != BufferSize+lost {
		t.Fatalf("%d edges, from %d to %d", len(events), events[0].Sequence, events[len(events)-1].Sequence)
	}
}

func TestInForgetsEdgesAndNumbersAnew(t *testing.T) {
	w := NewWire("T", 0, nil)
	set(t, w, gpio.High, 1)
	if err := w.In(gpio.PullNoChange, gpio.BothEdges); err != nil {
		t.Fatal(err)
	}
	if w.Read() != gpio.High {
		t.Error("In changed the level of a driven wire")
	}
	set(t, w, gpio.Low, 2)
	if got := drain(w); len(got) != 1 || got[0].Sequence != 1 {
		t.Fatalf("got %v", got)
	}
}

func TestPullDecidesWhileNobodyDrives(t *testing.T) {
	w := NewWire("T", 0, nil)
	if err := w.In(gpio.PullUp, gpio.NoEdge); err != nil || w.Read() != gpio.High || w.Pull() != gpio.PullUp || w.Function() != "In/High" {
		t.Fatalf("pulled up: %v, level %v, pull %v, function %s", err, w.Read(), w.Pull(), w.Function())
	}
	if err := w.Out(gpio.Low); err != nil || w.Read() != gpio.Low || w.Function() != "Out/Low" {
		t.Fatalf("driven low: %v, level %v, function %s", err, w.Read(), w.Function())
	}
}

func TestWaitForEdge(t *testing.T) {
	w := NewWire("T", 0, nil)
	if w.WaitForEdge(0) {
		t.Error("an edge where there was none")
	}
	set(t, w, gpio.High, 1)
	if !w.WaitForEdge(-1) {
		t.Error("the edge before the call was not seen")
	}
	result := make(chan bool)
	go func() { result <- w.WaitForEdge(-1) }()
	set(t, w, gpio.Low, 2)
	if !<-result {
		t.Error("the edge during the call was not seen")
	}
}

func TestWaitForEdgeEndsWithInHaltAndClose(t *testing.T) {
	for name, end := range map[string]func(*Wire) error{
		"in":    func(w *Wire) error { return w.In(gpio.PullNoChange, gpio.RisingEdge) },
		"halt":  (*Wire).Halt,
		"close": (*Wire).Close,
	} {
		w := NewWire("T", 0, nil)
		result := make(chan bool)
		go func() { result <- w.WaitForEdge(-1) }()
		for done := false; !done; { // the call may come after the end that is to wake it
			if err := end(w); err != nil {
				t.Fatal(err)
			}
			select {
			case edge := <-result:
				done = true
				if edge {
					t.Errorf("%s: reported as an edge", name)
				}
			case <-time.After(time.Millisecond):
			}
		}
	}
}

func TestCloseLetsEdgesBeReadFirst(t *testing.T) {
	w := NewWire("T", 0, nil)
	set(t, w, gpio.High, 1)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if e, err := w.Next(context.Background()); err != nil || e.Sequence != 1 {
		t.Fatalf("%v, %v", e, err)
	}
	if _, err := w.Next(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("Next: %v", err)
	}
	if err := w.Set(gpio.Low, 2); !errors.Is(err, ErrClosed) {
		t.Errorf("Set: %v", err)
	}
	if err := w.In(gpio.Float, gpio.NoEdge); !errors.Is(err, ErrClosed) {
		t.Errorf("In: %v", err)
	}
	if err := w.Await(context.Background(), gpio.Low); !errors.Is(err, ErrClosed) {
		t.Errorf("Await: %v", err)
	}
}

func TestNextAndAwaitEndWithTheContext(t *testing.T) {
	w := NewWire("T", 0, nil)
	if _, err := w.Next(over()); !errors.Is(err, context.Canceled) {
		t.Errorf("Next: %v", err)
	}
	if err := w.Await(over(), gpio.High); !errors.Is(err, context.Canceled) {
		t.Errorf("Await: %v", err)
	}
	if err := w.Await(over(), gpio.Low); err != nil {
		t.Errorf("Await of the present level: %v", err)
	}
}

func TestWhatAWireCannotDoIsAnError(t *testing.T) {
	w := NewWire("T", 3, nil)
	if w.PWM(gpio.DutyHalf, 0) == nil || w.In(gpio.Float, gpio.Edge(9)) == nil {
		t.Error("no error")
	}
	if w.Number() != 3 || w.Name() != "T" || w.String() != "T" || w.DefaultPull() != gpio.Float {
		t.Error("identity")
	}
}

// TestNothingIsLostUnseen drives and reads at random and counts edges apart.
func TestNothingIsLostUnseen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := NewWire("T", 0, nil)
		level, edges, last, lost, read := gpio.Low, uint64(0), uint64(0), uint64(0), uint64(0)
		take := func() {
			for e, err := w.Next(over()); err == nil; e, err = w.Next(over()) {
				lost += e.Sequence - last - 1
				last = e.Sequence
				read++
			}
		}
		for range rapid.IntRange(0, 8).Draw(t, "rounds") {
			for i := range rapid.IntRange(0, 2*BufferSize).Draw(t, "sets") {
				l := gpio.Level(i%3 != 0)
				if err := w.Set(l, time.Duration(i)); err != nil {
					t.Fatal(err)
				}
				if l != level {
					edges++
				}
				level = l
			}
			take()
		}
		if read+lost != edges || w.Read() != level {
			t.Fatalf("%d read and %d told as lost of %d", read, lost, edges)
		}
	})
}

func TestOutStampsWithTheGivenClock(t *testing.T) {
	w := NewWire("T", 0, func() time.Duration { return 42 })
	if err := w.Out(gpio.High); err != nil {
		t.Fatal(err)
	}
	if e := drain(w); len(e) != 1 || e[0].Time != 42 {
		t.Fatalf("%v", e)
	}
	if a := Monotonic(); a <= 0 || Monotonic() < a {
		t.Error("CLOCK_MONOTONIC went backwards")
	}
}
