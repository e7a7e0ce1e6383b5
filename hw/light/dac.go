package light

import (
	"fmt"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
)

// MCP4725 is a Lamp whose current an LED driver takes from Microchip's 12-bit DAC
// (data sheet DS22039D). The current at full scale follows from the driver's
// sense resistor.
type MCP4725 struct {
	dev       i2c.Dev
	fullScale physic.ElectricCurrent
	limit     physic.ElectricCurrent
}

// Bits of the DAC.
const (
	dacFull  = 1<<12 - 1
	dacStore = 0x60 // command: write the DAC and what it powers up with
	dacReady = 0x80 // of the status byte: the store is done
)

// NewMCP4725 takes the DAC at an address, usually 0x60. fullScale is the current
// at the DAC's full output, limit the most that the LED may carry continuously.
//
// The part comes from its maker with half of full scale as the level after power
// up. Where it is not 0, it is made 0: the light stays dark until it is set.
func NewMCP4725(bus i2c.Bus, address uint16, fullScale, limit physic.ElectricCurrent) (*MCP4725, error) {
	if fullScale <= 0 || limit <= 0 || limit > fullScale {
		return nil, fmt.Errorf("light: limit %v of a full scale of %v; want more than 0 and no more than full scale", limit, fullScale)
	}
	d := &MCP4725{dev: i2c.Dev{Bus: bus, Addr: address}, fullScale: fullScale, limit: limit}
	state, err := d.read()
	if err != nil {
		return nil, err
	}
	if state.stored != 0 {
		if err := d.dev.Tx([]byte{dacStore, 0, 0}, nil); err != nil {
			return nil, d.wrap(err)
		}
	}
	return d, nil
}

// dacState is what the DAC says of itself.
type dacState struct {
	ready       bool
	now, stored int
}

func (d *MCP4725) read() (dacState, error) {
	var b [5]byte
	if err := d.dev.Tx(nil, b[:]); err != nil {
		return dacState{}, d.wrap(err)
	}
	return dacState{
		ready: b[0]&dacReady != 0, now: int(b[1])<<4 | int(b[2])>>4, stored: int(b[3]&0x0f)<<8 | int(b[4]),
	}, nil
}

// Set implements Lamp: the level is a part of the limit.
func (d *MCP4725) Set(level gpio.Duty) error {
	if !level.Valid() {
		return fmt.Errorf("%s: level %v; want 0 to 100%%", d, level)
	}
	return d.SetCurrent(physic.ElectricCurrent(int64(d.limit) * int64(level) / int64(gpio.DutyMax)))
}

// SetCurrent sets the LED's current, and reads back that the DAC has taken it.
func (d *MCP4725) SetCurrent(i physic.ElectricCurrent) error {
	if i < 0 || i > d.limit {
		return fmt.Errorf("%s: %v; limit is %v", d, i, d.limit)
	}
	code := int(int64(i) * dacFull / int64(d.fullScale))
	if err := d.dev.Tx([]byte{byte(code >> 8), byte(code)}, nil); err != nil {
		return d.wrap(err)
	}
	state, err := d.read()
	if err == nil && state.now != code {
		return fmt.Errorf("%s: has %d of %d after %d was set; check the bus for noise", d, state.now, dacFull, code)
	}
	return err
}

// Off implements Lamp.
func (d *MCP4725) Off() error { return d.SetCurrent(0) }

// String names the lamp.
func (d *MCP4725) String() string { return fmt.Sprintf("light: MCP4725 at %#x", d.dev.Addr) }

func (d *MCP4725) wrap(err error) error { return fmt.Errorf("%s: %w", d, err) }
