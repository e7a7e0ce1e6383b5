package handshake

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
	"periph.io/x/conn/v3/gpio"

	"kensa/hw/handler"
	"kensa/hw/line"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func out(t *testing.T, p gpio.PinOut, l gpio.Level) {
	t.Helper()
	if err := p.Out(l); err != nil {
		t.Fatal(err)
	}
}

// TestAResultIsNotReadBeforeItsTime lets the appliance be slow to raise BUSY:
// the result of the wafer before is still on the lines then.
func TestAResultIsNotReadBeforeItsTime(t *testing.T) {
	tool := NewTool(0)
	l := tool.Lines()
	out(t, l.ResultOK, gpio.High) // of the wafer before
	if err := tool.Present(handler.Material{Substrate: "W2"}, 1); err != nil {
		t.Fatal(err)
	}
	result := make(chan Result)
	go func() {
		r, err := tool.Remove(context.Background(), 2)
		if err != nil {
			t.Error(err)
		}
		result <- r
	}()
	for range 2 { // the appliance sees the wafer come and go before it is ready to answer
		if _, err := l.WaferPresent.Next(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	out(t, l.Busy, gpio.High)
	out(t, l.ResultOK, gpio.Low)
	out(t, l.ResultNG, gpio.High)
	out(t, l.Busy, gpio.Low)
	if r := <-result; r.OK || !r.NG || r.Material.Substrate != "W2" {
		t.Errorf("%+v", r)
	}
}

func TestEveryWaitIsBounded(t *testing.T) {
	tool := NewTool(time.Millisecond)
	if err := tool.AwaitReady(context.Background()); !errors.Is(err, ErrTimeout) {
		t.Errorf("READY: %v", err)
	}
	if err := tool.Present(handler.Material{}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := tool.Remove(context.Background(), 1); !errors.Is(err, ErrTimeout) {
		t.Errorf("BUSY: %v", err)
	}
}

func TestTheCallersDeadlineIsNotTheTools(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := NewTool(time.Hour).AwaitReady(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrTimeout) {
		t.Error(err)
	}
}

func TestMaterialIsKnownBeforeTheWaferIsThere(t *testing.T) {
	tool := NewTool(0)
	if _, err := tool.Material(context.Background()); err == nil {
		t.Error("a wafer before the first")
	}
	if err := tool.Present(handler.Material{Lot: "L", Slot: 3}, 7); err != nil {
		t.Fatal(err)
	}
	e, err := tool.Lines().WaferPresent.Next(context.Background())
	if err != nil || e.Time != 7 || e.Level != gpio.High {
		t.Errorf("%v, %v", e, err)
	}
	if m, err := tool.Material(context.Background()); err != nil || m.Slot != 3 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestCloseEndsBothSides(t *testing.T) {
	tool := NewTool(0)
	if err := tool.Close(); err != nil {
		t.Fatal(err)
	}
	if err := tool.AwaitReady(context.Background()); !errors.Is(err, line.ErrClosed) {
		t.Errorf("tool: %v", err)
	}
	if _, err := tool.Lines().FieldTrigger.Next(context.Background()); !errors.Is(err, line.ErrClosed) {
		t.Errorf("appliance: %v", err)
	}
}

func TestUnlimitedClockCountsAndDoesNotWait(t *testing.T) {
	c := NewClock(Unlimited)
	if err := c.Advance(context.Background(), 1000*time.Hour); err != nil {
		t.Fatal(err)
	}
	c.CatchUp()
	if c.Now() != 1000*time.Hour {
		t.Errorf("%v", c.Now())
	}
}

func TestPacedClockWaitsAndCatchesUp(t *testing.T) {
	c := NewClock(1000)
	began := time.Now()
	if err := c.Advance(context.Background(), time.Second); err != nil {
		t.Fatal(err)
	}
	if passed := time.Since(began); passed < 900*time.Microsecond {
		t.Errorf("a second at thousandfold pace took %v", passed)
	}
	c.CatchUp()
	if c.Now() < time.Second {
		t.Errorf("the clock went back to %v", c.Now())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := NewClock(0).Advance(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
