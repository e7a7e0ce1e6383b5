package feed

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"kensa/hw/camera"
)

var _ camera.Camera = (*Camera)(nil)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func started(t *testing.T, buffers int) *Camera {
	t.Helper()
	c := New(buffers, 4)
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return c
}

// give delivers a frame whose first pixel is v.
func give(t *testing.T, c *Camera, v byte) {
	t.Helper()
	b, err := c.Buffer(over())
	if err != nil {
		t.Fatalf("buffer for %d: %v", v, err)
	}
	b[0] = v
	c.Deliver(camera.Frame{Pix: b}, b)
}

func take(t *testing.T, c *Camera) *camera.Frame {
	t.Helper()
	f, err := c.Next(over())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFramesComeInOrderAndNumbered(t *testing.T) {
	c := started(t, 3)
	for v := range byte(3) {
		give(t, c, v)
	}
	for v := range byte(3) {
		if f := take(t, c); f.Pix[0] != v || f.Sequence != uint64(v)+1 {
			t.Errorf("frame %d: pixel %d, sequence %d", v, f.Pix[0], f.Sequence)
		}
	}
}

func TestALentBufferIsNotUsedAgain(t *testing.T) {
	c := started(t, 1)
	give(t, c, 1)
	f := take(t, c)
	if _, err := c.Buffer(over()); !errors.Is(err, context.Canceled) {
		t.Fatalf("a second buffer: %v", err)
	}
	f.Release()
	f.Release() // does no harm
	give(t, c, 2)
	if _, err := c.Buffer(over()); err == nil {
		t.Fatal("releasing twice made two buffers of one")
	}
}

func TestReleaseAlsoReturnsTheMakersMemory(t *testing.T) {
	c := started(t, 1)
	b, err := c.Buffer(over())
	if err != nil {
		t.Fatal(err)
	}
	returned := 0
	c.Deliver(camera.Frame{Return: func() { returned++ }}, b)
	take(t, c).Release()
	if returned != 1 {
		t.Errorf("returned %d times", returned)
	}
}

func TestALostExposureIsAGap(t *testing.T) {
	c := started(t, 2)
	give(t, c, 1)
	c.Lose()
	give(t, c, 2)
	if a, b := take(t, c), take(t, c); a.Sequence != 1 || b.Sequence != 3 {
		t.Errorf("sequences %d, %d", a.Sequence, b.Sequence)
	}
}

func TestGoneUntilStartedAgain(t *testing.T) {
	c := New(2, 4)
	if _, err := c.Next(over()); !errors.Is(err, camera.ErrGone) {
		t.Errorf("before Start: %v", err)
	}
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	give(t, c, 1)
	c.Break()
	if _, err := c.Next(over()); !errors.Is(err, camera.ErrGone) {
		t.Errorf("after Break: %v", err)
	}
	give(t, c, 2) // is lost; its buffer comes back
	if err := c.AwaitStart(over()); !errors.Is(err, context.Canceled) {
		t.Errorf("AwaitStart while it is gone: %v", err)
	}
	if err := errors.Join(c.Start(context.Background()), c.AwaitStart(over())); err != nil {
		t.Fatal(err)
	}
	give(t, c, 3)
	if f := take(t, c); f.Pix[0] != 3 || f.Sequence != 1 {
		t.Errorf("after Start: pixel %d, sequence %d", f.Pix[0], f.Sequence)
	}
}

func TestBreakEndsAWaitingNext(t *testing.T) {
	c := started(t, 1)
	result := make(chan error)
	go func() {
		_, err := c.Next(context.Background())
		result <- err
	}()
	c.Break()
	if err := <-result; !errors.Is(err, camera.ErrGone) {
		t.Error(err)
	}
}

func TestEndComesAfterTheLastFrame(t *testing.T) {
	c := started(t, 1)
	give(t, c, 1)
	c.End()
	take(t, c)
	if _, err := c.Next(context.Background()); !errors.Is(err, camera.ErrEnd) {
		t.Error(err)
	}
}

func TestCloseEndsEveryWait(t *testing.T) {
	c := started(t, 1)
	give(t, c, 1)
	f := take(t, c)
	results := make(chan error)
	go func() {
		_, err := c.Next(context.Background())
		results <- err
	}()
	go func() {
		_, err := c.Buffer(context.Background())
		results <- err
	}()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-results; !errors.Is(err, camera.ErrGone) {
			t.Error(err)
		}
	}
	if f.Pix[0] != 1 {
		t.Error("a lent frame changed")
	}
	f.Release()
	if err := c.Start(context.Background()); !errors.Is(err, camera.ErrGone) {
		t.Errorf("Start after Close: %v", err)
	}
}

func TestAwaitTaken(t *testing.T) {
	c := started(t, 1)
	give(t, c, 1)
	if err := c.AwaitTaken(over()); !errors.Is(err, context.Canceled) {
		t.Fatalf("with a frame waiting: %v", err)
	}
	result := make(chan error)
	go func() { result <- c.AwaitTaken(context.Background()) }()
	take(t, c)
	if err := <-result; err != nil {
		t.Error(err)
	}
}
