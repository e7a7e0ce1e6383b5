// Package light sets the illumination: its level, by PWM or by an LED driver's
// current, and the limits within which a strobe may be overdriven.
//
// A strobed LED bears more current than it is rated for, if the pulse is short,
// its energy within what the die can take up, and the pause long enough for the
// heat to go. Limits states these three in the data sheet's own terms.
package light

import (
	"fmt"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// Lamp is a light whose level can be set.
type Lamp interface {
	// Set gives the level as a part of the full one.
	Set(level gpio.Duty) error
	// Off makes it dark.
	Off() error
	String() string
}

// Dimmer is a PWM output: a periph pin that has one, or a Channel.
type Dimmer interface {
	PWM(duty gpio.Duty, f physic.Frequency) error
	Halt() error
	String() string
}

// PWM is a Lamp dimmed by pulse width. Its frequency must be far above the
// frame rate, or the pictures beat with it.
type PWM struct {
	Pin       Dimmer
	Frequency physic.Frequency
}

// Set implements Lamp.
func (p PWM) Set(level gpio.Duty) error {
	if !level.Valid() {
		return fmt.Errorf("light: %s: level %v; want 0 to 100%%", p.Pin, level)
	}
	if err := p.Pin.PWM(level, p.Frequency); err != nil {
		return fmt.Errorf("light: %s: %w", p.Pin, err)
	}
	return nil
}

// Off implements Lamp.
func (p PWM) Off() error {
	if err := p.Set(0); err != nil {
		return err
	}
	if err := p.Pin.Halt(); err != nil {
		return fmt.Errorf("light: %s: %w", p.Pin, err)
	}
	return nil
}

// String names the lamp.
func (p PWM) String() string { return p.Pin.String() }
