package freerun

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kensa/hw/camera"
	"kensa/hw/handshake/handshaketest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source exposes a frame each time that it is asked, 10 ms after the one before,
// until it has given so many; it goes once, after the frame numbered gone.
type source struct {
	frames, gone int
	given        int
	released     int
	starts       int
	clock        time.Duration
}

func (s *source) Start(context.Context) error { s.starts++; return nil }
func (s *source) Close() error                { return nil }

func (s *source) Next(ctx context.Context) (*camera.Frame, error) {
	if s.given == s.gone {
		s.gone = -1
		return nil, camera.ErrGone
	}
	if s.given == s.frames {
		return nil, camera.ErrEnd
	}
	s.given++
	s.clock += 10 * time.Millisecond
	f := &camera.Frame{Format: camera.Format{Width: 1, Height: 1, Stride: 1, Depth: 8}, Pix: []byte{byte(s.given)}, Time: s.clock}
	f.Return = func() { s.released++; f.Pix[0] = 0 }
	return f, ctx.Err()
}

func play(t *testing.T, s *source, fields int) []handshaketest.Wafer {
	t.Helper()
	tool, err := New(s, fields, "try")
	if err != nil {
		t.Fatal(err)
	}
	tool.now = func() time.Duration { return 0 }
	a := handshaketest.Appliance{Tool: tool}
	done := make(chan error)
	go func() { done <- a.Run(context.Background()) }()
	if err := tool.Run(context.Background()); err != nil {
		t.Error(err)
	}
	if err := tool.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	return a.Wafers
}

func TestSoManyFramesAreAWafer(t *testing.T) {
	s := &source{frames: 9, gone: -1}
	wafers := play(t, s, 3)
	if len(wafers) != 3 || len(wafers[0].Frames) != 3 || len(wafers[1].Frames) != 3 || len(wafers[2].Frames) != 3 {
		t.Fatalf("%+v", wafers)
	}
	n := byte(0)
	for number, w := range wafers {
		if w.Material.Lot != "try" || w.Material.Slot != number+1 {
			t.Errorf("material %+v", w.Material)
		}
		for k, f := range w.Frames {
			n++
			if f.Hash != sha256.Sum256([]byte{n}) {
				t.Errorf("frame %d is not the camera's", n)
			}
			if p := w.Pulses[k]; f.Time-p.Time != Latency || p.Time <= w.Arrived || p.Time >= w.Left {
				t.Errorf("frame %d at %v, pulse at %v, wafer from %v to %v", n, f.Time, p.Time, w.Arrived, w.Left)
			}
		}
	}
	if s.released != s.given {
		t.Errorf("%d of %d frames came back", s.released, s.given)
	}
}

func TestACameraThatGoesIsStartedAgain(t *testing.T) {
	s := &source{frames: 6, gone: 2}
	wafers := play(t, s, 6)
	if len(wafers) != 1 || len(wafers[0].Frames) != 6 || wafers[0].Restarts != 1 || s.starts != 2 {
		t.Errorf("%+v, %d starts", wafers, s.starts)
	}
}

func TestStaleFramesBelongToNoWafer(t *testing.T) {
	s := &source{frames: 20, gone: -1}
	tool, err := New(s, 1, "try")
	if err != nil {
		t.Fatal(err)
	}
	tool.now = func() time.Duration { return 95 * time.Millisecond }
	f, err := tool.fresh(context.Background())
	if err != nil || f.Time != 100*time.Millisecond || s.released != 9 {
		t.Errorf("%+v, %v, %d released", f, err, s.released)
	}
}

func TestRunEndsWithTheContext(t *testing.T) {
	tool, err := New(&source{}, 1, "try")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := tool.Run(ctx); err == nil {
		t.Error("ran without an end")
	}
	if _, err := New(&source{}, 0, ""); err == nil {
		t.Error("a wafer of no fields")
	}
}
