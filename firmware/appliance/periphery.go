package appliance

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"periph.io/x/conn/v3/gpio"

	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/firmware/station"
	"kensa/hw/i2c"
	"kensa/hw/light"
	"kensa/hw/line"
	"kensa/hw/tower"
)

// openPeriphery takes what stands round the camera: light, tower, sensor.
func (a *Appliance) openPeriphery(context.Context) error {
	for _, open := range []func() error{a.openLight, a.openTower, a.openEnvironment} {
		if err := open(); err != nil {
			return err
		}
	}
	return nil
}

// openLight sets the light, and has it dark at the end.
func (a *Appliance) openLight() error {
	c := a.config.Light
	lamp, err := openLamp(c, a.onClose)
	if err != nil {
		return fmt.Errorf("[light]: %w", err)
	}
	if lamp == nil {
		return nil
	}
	a.onClose(lamp.Off)
	return lamp.Set(gpio.Duty(c.Level / 100 * float64(gpio.DutyMax)))
}

// openLamp takes the configured light; nil where there is none. What it opens it
// gives to onClose.
func openLamp(c config.Light, onClose func(func() error)) (light.Lamp, error) {
	switch c.Kind {
	case "pwm":
		chip, number, _ := strings.Cut(c.Channel, "/")
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("light.channel: %q; want CHIP/NUMBER, such as pwmchip0/0", c.Channel)
		}
		channel, err := light.OpenChannel(light.PWMFolder, chip, n)
		if err != nil {
			return nil, err
		}
		f, err := c.PWMFrequency()
		return light.PWM{Pin: channel, Frequency: f}, err
	case "mcp4725":
		fullScale, limit, err := c.Currents()
		if err != nil {
			return nil, err
		}
		bus, err := i2c.Open(c.Bus)
		if err != nil {
			return nil, err
		}
		onClose(bus.Close)
		return light.NewMCP4725(bus, c.Address, fullScale, limit)
	}
	return nil, nil
}

// openTower takes the signal tower's lines.
func (a *Appliance) openTower() error {
	c := a.config.Tower
	pins, opened, err := openWired([]line.Spec{c.Red, c.Amber, c.Green, c.Blue, c.Buzzer})
	if err != nil {
		return fmt.Errorf("[tower]: %w", err)
	}
	a.onClose(opened.Close)
	if len(opened.Pins()) == 0 {
		return nil
	}
	show := tower.New(tower.Pins{Red: pins[0], Amber: pins[1], Green: pins[2], Blue: pins[3], Buzzer: pins[4]}, nil, func(err error) {
		if err == nil {
			a.alarms.Clear(alarm.TowerFailed.ID)
			return
		}
		a.alarms.Raise(alarm.TowerFailed, err.Error())
	})
	a.onClose(show.Close)
	a.tower = &lamps{tower: show}
	return a.openSilence(show, c.Silence)
}

// openSilence lets a button silence the buzzer.
func (a *Appliance) openSilence(show *tower.Tower, button line.Spec) error {
	if !button.Wired() {
		return nil
	}
	inputs, err := line.OpenInputs(line.Options{}, button)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			e, err := inputs.Pins()[0].Next(context.Background()) // Close ends it
			if err != nil {
				return
			}
			if e.Level == gpio.High {
				show.Silence()
			}
		}
	}()
	a.onClose(func() error { err := inputs.Close(); <-ended; return err })
	return nil
}

// lamps turn states and alarms into what the tower shows.
type lamps struct {
	tower *tower.Tower

	mu     sync.Mutex
	state  station.State
	alarms map[alarm.ID]alarm.Alarm
	faults uint64 // raised so far
}

// StateChanged implements station.Observer.
func (l *lamps) StateChanged(s station.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = s
	l.show()
}

// WaferStarted implements station.Observer.
func (l *lamps) WaferStarted(*record.Wafer) {}

// FieldDone implements station.Observer.
func (l *lamps) FieldDone(*record.Wafer, station.Field) {}

// WaferClosed implements station.Observer.
func (l *lamps) WaferClosed(*record.Wafer) {}

// alarm follows an alarm's life.
func (l *lamps) alarm(a alarm.Alarm) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.alarms == nil {
		l.alarms = map[alarm.ID]alarm.Alarm{}
	}
	before, set := l.alarms[a.ID]
	if !a.Active() {
		delete(l.alarms, a.ID)
	} else {
		l.alarms[a.ID] = a
	}
	if a.Active() && a.Severity == alarm.Fault && (!set || !before.Set.Equal(a.Set)) {
		l.faults++
	}
	l.show()
}

// show is the table of the tower's colours; docs/operator.md has it in words.
func (l *lamps) show() {
	var s tower.State
	if l.state.Equipment == station.Productive {
		s.Green = tower.Steady
	}
	if l.state.Paused {
		s.Blue = tower.Steady
	}
	for _, a := range l.alarms {
		shine := tower.Flashing
		if a.AckBy != "" {
			shine = tower.Steady
		}
		switch a.Severity {
		case alarm.Fault:
			s.Red = max(s.Red, shine)
			if a.AckBy == "" {
				s.Fault = l.faults
			}
		case alarm.Warning:
			s.Amber = max(s.Amber, shine)
		}
	}
	l.tower.Show(s)
}
