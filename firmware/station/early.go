package station

import (
	"slices"

	"kensa/firmware/alarm"
	"kensa/hw/camera"
	"kensa/hw/trigger"
)

// early keeps pulses and frames that came before the edge of WAFER-PRESENT:
// the three streams are read side by side, so their order on arrival is chance.
type early struct {
	pulses []trigger.Pulse
	frames []*camera.Frame
}

const (
	earlyPulses = 64
	earlyFrames = 4 // a camera has few buffers
)

func (e *early) release() {
	for _, f := range e.frames {
		f.Release()
	}
	*e = early{}
}

// replayEarly hands the wafer the events that overtook its arrival. Those from
// before it belong to no wafer.
func (s *Station) replayEarly() {
	waiting := s.early
	s.early = early{}
	for _, p := range waiting.pulses {
		if p.Time < s.wafer.arrived {
			s.Alarms.Raise(alarm.StrayPulse, "a pulse without a wafer")
			continue
		}
		s.pulse(p)
	}
	for _, f := range waiting.frames {
		if f.Time < s.wafer.arrived {
			s.stray(f, "a frame without a wafer")
			continue
		}
		s.frame(f)
	}
}

func (s *Station) pulse(p trigger.Pulse) {
	switch {
	case s.wafer != nil && !s.wafer.closed:
		s.Meter.came(p.Time)
		s.take(s.pairing.Pulse(p))
	case len(s.early.pulses) < earlyPulses:
		s.early.pulses = append(s.early.pulses, p)
	default:
		s.Alarms.Raise(alarm.StrayPulse, "more pulses than a wafer's start explains")
	}
}

func (s *Station) frame(f *camera.Frame) {
	switch {
	case s.wafer != nil && s.wafer.leaving && f.Time > s.wafer.gone+s.config.LatencyMax:
		s.stray(f, "a frame after the wafer had gone")
	case s.wafer != nil && !s.wafer.closed:
		s.take(s.pairing.Frame(f))
	default:
		if len(s.early.frames) == earlyFrames { // the oldest is the least likely to be the wafer's
			s.stray(s.early.frames[0], "a frame without a wafer")
			s.early.frames = slices.Delete(s.early.frames, 0, 1)
		}
		s.early.frames = append(s.early.frames, f)
	}
}

// stray gives back a frame of no wafer.
func (s *Station) stray(f *camera.Frame, what string) {
	f.Release()
	if !s.FreeCamera {
		s.Alarms.Raise(alarm.ExtraFrame, what)
	}
}
