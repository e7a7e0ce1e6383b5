package simulator

import (
	"context"
	"math/rand/v2"
	"time"

	"kensa/hw/camera"
)

// bounce is how long after a pulse a bouncing line gives it again.
const bounce = 2 * time.Millisecond

// expose moves to a field, triggers the camera and delivers its frame, or does
// what the field's fault says.
func (t *Tool) expose(ctx context.Context, s *shot) error {
	if err := t.move(ctx); err != nil {
		t.camera.GiveBack(s.pix)
		return err
	}
	at := t.clock.Now()
	t.due = at + t.options.Times.Move
	if t.lost == 0 && s.fault == CameraGone {
		t.camera.Break()
		t.lost = t.options.Faults.Gone
	}
	if t.lost > 0 {
		return t.miss(ctx, s, at)
	}
	t.note(s, s.fault)
	if err := t.pulse(s.fault, at); err != nil {
		return err
	}
	if err := t.clock.Advance(ctx, t.options.Times.Readout); err != nil {
		return err
	}
	t.deliver(s, at+t.latency(s))
	if s.extra == nil {
		return nil
	}
	if err := t.clock.Advance(ctx, t.options.Times.Move/2); err != nil {
		return err
	}
	t.camera.Deliver(t.frame(s.extra, at+t.options.Times.Move/2), s.extra)
	return nil
}

// move waits until the appliance has room and the stage has settled.
func (t *Tool) move(ctx context.Context) error {
	if err := t.tool.AwaitReady(ctx); err != nil {
		return err
	}
	t.clock.CatchUp()
	return t.clock.Advance(ctx, max(t.due-t.clock.Now(), 0))
}

// pulse gives the field's trigger.
func (t *Tool) pulse(fault FaultKind, at time.Duration) error {
	if fault == MissedPulse {
		return nil
	}
	if err := t.tool.Pulse(at); err != nil {
		return err
	}
	if fault == DoubledPulse {
		return t.tool.Pulse(at + bounce)
	}
	return nil
}

// miss is a field that the camera is not there for. After the last of them the
// tool waits until the appliance has started the camera again.
func (t *Tool) miss(ctx context.Context, s *shot, at time.Duration) error {
	t.camera.GiveBack(s.pix)
	if s.extra != nil {
		t.camera.GiveBack(s.extra)
	}
	t.note(s, CameraGone)
	t.lost--
	if err := t.tool.Pulse(at); err != nil || t.lost > 0 {
		return err
	}
	return t.tool.AwaitStart(ctx, t.camera)
}

// latency is the time from pulse to exposure.
func (t *Tool) latency(s *shot) time.Duration {
	random := stream(t.options.Seed, forTime, s.wafer.lot, s.wafer.slot, s.field.Number)
	d := t.options.Times.Latency + jitter(random, t.options.Times.Jitter)
	if s.fault == LateFrame {
		d += t.options.Faults.Lateness
	}
	return d
}

func jitter(random *rand.Rand, sigma time.Duration) time.Duration {
	return time.Duration(normal(random, float64(sigma), 4))
}

// deliver hands over the field's frame.
func (t *Tool) deliver(s *shot, at time.Duration) {
	if s.fault == DroppedFrame {
		t.camera.Lose()
		t.camera.GiveBack(s.pix)
		return
	}
	f := t.frame(s.pix, at)
	if s.fault == TruncatedFrame {
		f.Pix = f.Pix[:f.Stride*(f.Height*2/3)]
	}
	t.camera.Deliver(f, s.pix)
}

func (t *Tool) frame(pix []byte, at time.Duration) camera.Frame {
	return camera.Frame{Format: t.scene.format(), Pix: pix, Time: at}
}

// note records a field, and its fault if it has one, in the wafer's truth.
func (t *Tool) note(s *shot, fault FaultKind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	truth := t.truths[s.wafer.material.Substrate]
	truth.add(s.field, s.defects)
	if fault != "" {
		truth.Faults = append(truth.Faults, Injured{fault, s.field.Number})
	}
}
