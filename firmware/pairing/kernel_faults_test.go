package pairing

import (
	"time"

	"periph.io/x/conn/v3/gpio"

	"kensa/hw/line"
)

// injury is what goes wrong at a stop of the bench.
type injury int

const (
	unharmed  injury = iota
	withheld         // no pulse
	doubled          // two pulses in short order
	dropped          // the frame is lost on its way
	discarded        // the driver drops it
	damaged          // the driver marks it as damaged
	broken           // the stream fails and is started again
	straying         // an exposure without a pulse, on the way to the stop
	lingering        // two at once: the stage is held for a stop's time, and noise exposes there
	injuries
)

var injuryNames = [injuries]string{"none", "pulse withheld", "pulse doubled", "frame lost on its way", "buffer dropped by the driver",
	"buffer marked as damaged", "stream failed, started again", "exposure between stops", "exposure while the stage is held"}

// hurt is a fault and when it was to be seen.
type hurt struct {
	kind injury
	stop int
	at   time.Duration
}

// run is one wafer: when the pulse of each stop was due, when the camera, had it
// been one with a trigger, would have exposed, and the faults.
type run struct {
	due, exposed []time.Duration
	pulsed       []span
	faults       []hurt
}

// span is between when and when a stop's pulse left.
type span struct{ from, to time.Duration }

// load drives one wafer.
func (r *rig) load(rate float64) (d run) {
	r.chip.Drive("WAFER-PRESENT", gpio.High)
	last := line.Monotonic()
	for n := range perLoad {
		kind := unharmed
		if r.random.Float64() < rate {
			kind = 1 + injury(r.random.IntN(int(injuries)-1))
		}
		step := r.step
		if kind == lingering {
			step *= 2
		}
		at := r.nextExposure(last, step)
		if kind == straying || kind == lingering {
			d.exposed = append(d.exposed, at-r.step*period/2*map[injury]time.Duration{straying: 1, lingering: 2}[kind])
		}
		d.due, d.exposed = append(d.due, at-ahead), append(d.exposed, at)
		if kind != unharmed {
			d.faults = append(d.faults, hurt{kind, n, at})
		}
		d.pulsed = append(d.pulsed, r.stop(kind, at))
		last = at
	}
	line.WaitUntil(last + period/2)
	r.chip.Drive("WAFER-PRESENT", gpio.Low)
	return d
}

// stop does one stop of the stage.
func (r *rig) stop(kind injury, exposure time.Duration) (pulsed span) {
	starts := r.starts.Load()
	line.WaitUntil(exposure - 2*ahead)
	switch kind {
	case dropped:
		r.hide.Store(int64(exposure))
	case discarded:
		r.set("percentage_of_dropped_buffers", "100")
	case damaged:
		r.set("inject_v4l2_buf_flag_error", "press")
	case broken:
		r.set("inject_fatal_streaming_error", "press")
	}
	line.WaitUntil(exposure - ahead)
	if kind != withheld {
		pulsed.from = line.Monotonic()
		r.chip.Pulse("FIELD-TRIGGER")
		pulsed.to = line.Monotonic()
	}
	if kind == doubled {
		r.chip.Pulse("FIELD-TRIGGER")
	}
	// The next stop is looked for when this one's frame is on its way.
	line.WaitUntil(exposure + period/3)
	switch kind {
	case discarded:
		r.set("percentage_of_dropped_buffers", "0")
	case broken: // READY falls, and the tool waits
		for r.starts.Load() == starts && r.t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}
	return pulsed
}

func (r *rig) set(control, value string) {
	if err := r.controls.Set(control, value); err != nil {
		r.t.Error(err)
	}
}

// nextExposure is the first exposure so many periods after the last that can
// still be pulsed for.
func (r *rig) nextExposure(last time.Duration, steps time.Duration) time.Duration {
	latest := time.Duration(r.latest.Load())
	earliest := max(last+steps*period-period/8, line.Monotonic()+2*ahead+time.Millisecond)
	n := (earliest - latest + period - 1) / period
	return latest + max(n, 1)*period
}

// settle lets everything of a wafer arrive.
const settle = 4 * period
