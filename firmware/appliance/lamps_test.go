package appliance

import (
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"

	"kensa/firmware/alarm"
	"kensa/firmware/station"
	"kensa/hw/tower"
)

// TestTheTowerTellsWhatTheManualSays goes through docs/operator.md's table.
func TestTheTowerTellsWhatTheManualSays(t *testing.T) {
	pins := map[string]*gpiotest.Pin{}
	for _, name := range []string{"red", "amber", "green", "blue", "buzzer"} {
		pins[name] = &gpiotest.Pin{N: name}
	}
	// Its beat never comes: what flashes is lit.
	show := tower.New(tower.Pins{Red: pins["red"], Amber: pins["amber"], Green: pins["green"], Blue: pins["blue"], Buzzer: pins["buzzer"]},
		make(chan time.Time), func(err error) { t.Error(err) })
	defer show.Close()
	l := &lamps{tower: show}
	set := alarm.NewSet(time.Now)
	now := func(want map[string]bool) {
		t.Helper()
		for name, p := range pins {
			lit := gpio.Low
			for range 1000 {
				p.Lock()
				lit = p.L
				p.Unlock()
				if bool(lit) == want[name] {
					break
				}
				time.Sleep(time.Millisecond)
			}
			if bool(lit) != want[name] {
				t.Errorf("%s is %v", name, lit)
			}
		}
	}
	l.StateChanged(station.State{Equipment: station.Standby})
	now(nil)
	l.StateChanged(station.State{Equipment: station.Productive})
	now(map[string]bool{"green": true})
	l.alarm(set.Raise(alarm.LateFrame, ""))
	now(map[string]bool{"green": true, "amber": true})
	l.alarm(set.Raise(alarm.CameraGone, ""))
	now(map[string]bool{"green": true, "amber": true, "red": true, "buzzer": true})
	acknowledged, err := set.Acknowledge(alarm.CameraGone.ID, "Eva")
	if err != nil {
		t.Fatal(err)
	}
	l.alarm(acknowledged)
	now(map[string]bool{"green": true, "amber": true, "red": true})
	l.alarm(set.Raise(alarm.CameraGone, "again")) // counts, and is no new fault
	now(map[string]bool{"green": true, "amber": true, "red": true})
	cleared, _ := set.Clear(alarm.CameraGone.ID)
	l.alarm(cleared)
	now(map[string]bool{"green": true, "amber": true})
	l.alarm(set.Raise(alarm.CameraGone, ""))
	now(map[string]bool{"green": true, "amber": true, "red": true, "buzzer": true})
	l.StateChanged(station.State{Equipment: station.Standby, Paused: true})
	now(map[string]bool{"blue": true, "amber": true, "red": true, "buzzer": true})
}
