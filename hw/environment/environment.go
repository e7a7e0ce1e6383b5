// Package environment reads temperature and humidity where the optics stand: the
// pixel's size on the wafer, and the camera's dark level, follow them.
package environment

import (
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/bmxx80"
)

// Sensor measures the surroundings.
type Sensor interface {
	// Sense measures once; it takes some milliseconds.
	Sense(e *physic.Env) error
	Halt() error
	String() string
}

// NewBME280 takes Bosch's BME280 at 0x76 or 0x77: temperature, humidity and
// pressure, by periph's driver.
func NewBME280(bus i2c.Bus, address uint16) (Sensor, error) {
	s, err := bmxx80.NewI2C(bus, address, &bmxx80.DefaultOpts)
	if err != nil {
		return nil, fmt.Errorf("environment: BME280 at %#x: %w", address, err)
	}
	return s, nil
}

// SHT3x is Sensirion's SHT30, SHT31 or SHT35 at 0x44 or 0x45: temperature and
// humidity, each with a checksum (data sheet, version 7, sections 4.3 and 4.12).
type SHT3x struct {
	dev  i2c.Dev
	wait func(time.Duration)
}

// ErrChecksum means that a measurement was damaged on the bus.
var ErrChecksum = errors.New("wrong checksum; check the bus for noise")

// measuring is how long a measurement of high repeatability takes at most.
const measuring = 16 * time.Millisecond

// NewSHT3x takes the sensor. wait sleeps; nil takes time.Sleep.
func NewSHT3x(bus i2c.Bus, address uint16, wait func(time.Duration)) *SHT3x {
	if wait == nil {
		wait = time.Sleep
	}
	return &SHT3x{i2c.Dev{Bus: bus, Addr: address}, wait}
}

// String implements conn.Resource.
func (s *SHT3x) String() string { return fmt.Sprintf("SHT3x at %#x", s.dev.Addr) }

// Halt implements conn.Resource: single measurements leave nothing running.
func (s *SHT3x) Halt() error { return nil }

// Sense implements Sensor.
func (s *SHT3x) Sense(e *physic.Env) error {
	if err := s.dev.Tx([]byte{0x24, 0x00}, nil); err != nil { // single shot, high repeatability, no clock stretching
		return fmt.Errorf("environment: %s: %w", s, err)
	}
	s.wait(measuring)
	var b [6]byte
	if err := s.dev.Tx(nil, b[:]); err != nil {
		return fmt.Errorf("environment: %s: %w", s, err)
	}
	temperature, okT := word(b[:3])
	humidity, okH := word(b[3:])
	if !okT || !okH {
		return fmt.Errorf("environment: %s: %w", s, ErrChecksum)
	}
	// −45 °C + 175 K · S/(2¹⁶−1), and 100 % · S/(2¹⁶−1).
	e.Temperature = physic.ZeroCelsius - 45*physic.Kelvin + 175*physic.Kelvin*physic.Temperature(temperature)/0xffff
	e.Humidity = physic.RelativeHumidity(int64(100*physic.PercentRH) * int64(humidity) / 0xffff)
	e.Pressure = 0
	return nil
}

// word reads two bytes and their checksum: CRC-8, polynomial 0x31, from 0xff.
func word(b []byte) (uint16, bool) {
	crc := byte(0xff)
	for _, x := range b[:2] {
		crc ^= x
		for range 8 {
			if crc&0x80 != 0 {
				crc = crc<<1 ^ 0x31
			} else {
				crc <<= 1
			}
		}
	}
	return uint16(b[0])<<8 | uint16(b[1]), crc == b[2]
}
