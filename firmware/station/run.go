package station

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"

	"kensa/firmware/alarm"
	"kensa/hw/camera"
	"kensa/hw/line"
)

// Run works until the context ends, then closes the wafer on the chuck, as
// incomplete, commits it, and takes READY and BUSY down. It returns nil after
// an orderly stop, and an error when a line or a reader failed for good or the
// last wafer could not be stored.
func (s *Station) Run(ctx context.Context) error {
	defer close(s.stopped)
	readers, cancel := context.WithCancelCause(ctx)
	var reading sync.WaitGroup
	reading.Go(func() { s.readEdges(readers, cancel) })
	reading.Go(func() { s.readPulses(readers, cancel) })
	reading.Go(func() { s.readFrames(readers) })
	s.startWorkers()
	s.enter(Standby, "")
	s.loop(readers)
	cause := context.Cause(readers)
	cancel(nil)
	s.drain(&reading)
	err := s.stop()
	if ctx.Err() == nil && cause != nil {
		return errors.Join(cause, err)
	}
	return err
}

// loop handles one event at a time until the context ends.
func (s *Station) loop(ctx context.Context) {
	for {
		s.updateReady()
		select {
		case <-ctx.Done():
			return
		case e := <-s.edges:
			s.edge(ctx, e)
		case p := <-s.pulses:
			s.pulse(p)
		case f := <-s.frames:
			s.frame(f)
		case err := <-s.cameras:
			s.cameraChanged(err)
		case r := <-s.results:
			s.inspected(r)
		case f := <-s.control:
			f()
		case <-s.frameTimer.C:
			s.pairing.Expire()
			s.take(nil)
		case <-s.settleTimer.C:
			s.settled()
		case <-s.commitTimer.C:
			s.tryCommit(ctx)
		}
		s.closeWhenDone(ctx)
	}
}

// drain lets the readers end. What they still hand over counts no more: one has
// ended before the other, so that a pulse may come without its frame.
func (s *Station) drain(reading *sync.WaitGroup) {
	ended := make(chan struct{})
	go func() { reading.Wait(); close(ended) }()
	for {
		select {
		case <-ended:
			return
		case <-s.edges:
		case <-s.pulses:
		case f := <-s.frames:
			f.Release()
		case <-s.cameras:
		case r := <-s.results:
			s.inspected(r)
		}
	}
}

// stop lets the workers finish and stores the wafer on the chuck.
func (s *Station) stop() error {
	close(s.work)
	for s.inFlight > 0 {
		s.inspected(<-s.results)
	}
	s.working.Wait()
	var err error
	if s.wafer != nil {
		if !s.wafer.closed {
			s.wafer.stopped = true
			s.pairing.Cease()
			s.take(s.pairing.Finish())
			s.closeWafer()
		}
		// The context that ended the work must not end the commit too.
		last, cancel := context.WithTimeout(context.Background(), s.config.FrameTimeout)
		defer cancel()
		if err = s.commit(last); err != nil {
			err = fmt.Errorf("station: wafer %s is lost: %w", s.wafer.record.Material.Substrate, err)
		}
	}
	s.pairing.Reset(0, 0)
	s.early.release()
	s.state.Ready, s.state.Busy = false, false
	s.set(s.Lines.Ready, gpio.Low)
	s.set(s.Lines.Busy, gpio.Low)
	s.enter(NonScheduled, "stopped")
	return err
}

func (s *Station) readEdges(ctx context.Context, fail context.CancelCauseFunc) {
	for {
		e, err := s.Lines.WaferPresent.Next(ctx)
		if err != nil {
			failed(ctx, fail, "WAFER-PRESENT", err)
			return
		}
		if !send(ctx, s.edges, e) {
			return
		}
	}
}

func (s *Station) readPulses(ctx context.Context, fail context.CancelCauseFunc) {
	for {
		p, err := s.Pulses.Next(ctx)
		if err != nil {
			failed(ctx, fail, "FIELD-TRIGGER", err)
			return
		}
		if !send(ctx, s.pulses, p) {
			return
		}
	}
}

// failed ends the cycle: without its lines a station is blind.
func failed(ctx context.Context, fail context.CancelCauseFunc, name string, err error) {
	if ctx.Err() == nil && !errors.Is(err, line.ErrClosed) {
		fail(fmt.Errorf("station: line %s: %w", name, err))
	}
}

// readFrames keeps the camera running, and says so whenever that changes.
func (s *Station) readFrames(ctx context.Context) {
	const pause = 500 * time.Millisecond // between attempts to bring a camera back
	for ctx.Err() == nil {
		if err := s.Camera.Start(ctx); err != nil {
			if send(ctx, s.cameras, err) {
				sleep(ctx, pause)
			}
			continue
		}
		if !send(ctx, s.cameras, nil) {
			return
		}
		err := s.forwardFrames(ctx)
		if errors.Is(err, camera.ErrEnd) {
			return
		}
		send(ctx, s.cameras, err)
	}
}

func (s *Station) forwardFrames(ctx context.Context) error {
	for {
		f, err := s.Camera.Next(ctx)
		if err != nil {
			return err
		}
		if !send(ctx, s.frames, f) {
			f.Release()
			return ctx.Err()
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func send[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Station) cameraChanged(err error) {
	if answers := err == nil; answers != s.state.Camera {
		s.state.Camera, s.state.CameraSince = answers, time.Now()
	}
	if err != nil {
		s.Alarms.Raise(alarm.CameraGone, err.Error())
		s.enter(UnscheduledDown, "camera gone")
		return
	}
	s.Alarms.Clear(alarm.CameraGone.ID)
	s.enterWorking()
}
