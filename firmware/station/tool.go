package station

import (
	"time"

	"periph.io/x/conn/v3/gpio"

	"kensa/firmware/alarm"
)

// updateReady sets READY by what the station can take now.
func (s *Station) updateReady() {
	room := s.inFlight+s.pairing.Waiting() < s.config.Queue-1
	wanted := s.wafer == nil && !s.state.Paused || s.wafer != nil && !s.wafer.leaving
	ready := room && wanted && s.state.Camera
	if ready == s.state.Ready {
		return
	}
	s.state.Ready = ready
	s.set(s.Lines.Ready, gpio.Level(ready))
	s.Observer.StateChanged(s.state)
}

// setBusy sets BUSY.
func (s *Station) setBusy(busy bool) {
	s.state.Busy = busy
	s.set(s.Lines.Busy, gpio.Level(busy))
	s.Observer.StateChanged(s.state)
}

// set drives a line, and tells when that fails: the tool then waits in vain.
func (s *Station) set(pin gpio.PinOut, level gpio.Level) {
	if err := pin.Out(level); err != nil {
		s.Alarms.Raise(alarm.LineFailed, err.Error())
		s.Log.Error("line not driven", "line", pin.Name(), "level", level, "error", err)
	}
}

// enter changes the equipment state, if it is another.
func (s *Station) enter(e Equipment, reason string) {
	if s.state.Equipment == e && s.state.Reason == reason {
		return
	}
	s.state.Equipment, s.state.Reason, s.state.Since = e, reason, time.Now()
	s.Observer.StateChanged(s.state)
}

// enterWorking enters the state that follows from what the station is doing.
func (s *Station) enterWorking() {
	switch {
	case !s.state.Camera:
		s.enter(UnscheduledDown, "camera gone")
	case s.wafer != nil && s.wafer.retrying:
		s.enter(UnscheduledDown, "wafer cannot be stored")
	case s.wafer != nil:
		s.enter(Productive, "")
	case s.state.Paused:
		s.enter(Standby, s.state.Holds.String())
	default:
		s.enter(Standby, "")
	}
}
