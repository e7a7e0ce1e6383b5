package v4l2

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Device is an open camera that need not be streaming: what it offers, and its
// controls. Programs may have a device open at the same time; only one streams.
type Device struct {
	sys  system
	path string
	fd   int
	info Info
}

// Info is what a camera says of itself.
type Info struct {
	Path   string `json:"path"`
	Driver string `json:"driver"`
	Card   string `json:"card"`
	Bus    string `json:"bus"`
}

// Open opens a camera. It refuses what is no camera with mapped buffers.
func Open(path string) (*Device, error) { return openDevice(kernel{}, path) }

func openDevice(sys system, path string) (*Device, error) {
	fd, err := sys.open(path)
	if err != nil {
		return nil, explained(path, "open", err)
	}
	d := &Device{sys: sys, path: path, fd: fd}
	if err := d.identify(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close closes the device.
func (d *Device) Close() error { return d.sys.close(d.fd) }

// Info returns what the camera says of itself.
func (d *Device) Info() Info { return d.info }

func (d *Device) identify() error {
	var c capability
	if err := d.call("identify", queryCapability, unsafe.Pointer(&c)); err != nil {
		return err
	}
	can := c.capabilities
	if can&capDeviceCaps != 0 {
		can = c.deviceCaps
	}
	d.info = Info{Path: d.path, Driver: text(c.driver[:]), Card: text(c.card[:]), Bus: text(c.busInfo[:])}
	switch {
	case can&capVideoCapture == 0 && can&capVideoCaptureMulti != 0:
		return fmt.Errorf("camera %s: %s: gives frames in several planes only; such drivers are not supported", d.path, d.info.Card)
	case can&capVideoCapture == 0:
		return fmt.Errorf("camera %s: %s: takes no pictures", d.path, d.info.Card)
	case can&capStreaming == 0:
		return fmt.Errorf("camera %s: %s: has no mapped buffers; such drivers are not supported", d.path, d.info.Card)
	}
	return nil
}

// call makes a request of the driver.
func (d *Device) call(doing string, request uintptr, argument unsafe.Pointer) error {
	if err := d.sys.ioctl(d.fd, request, argument); err != nil {
		return explained(d.path, doing, err)
	}
	return nil
}

// each calls f for index 0, 1, …, which makes the request for that index and
// takes its answer, until the driver has no more.
func (d *Device) each(doing string, f func(index uint32) error) error {
	for index := range uint32(1000) { // so that a driver at fault does not hold us
		err := f(index)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) {
			return nil
		}
		if err != nil {
			return explained(d.path, doing, err)
		}
	}
	return nil
}

// Input is one of a camera's inputs, such as the sockets of a frame grabber.
type Input struct {
	Number int    `json:"number"`
	Name   string `json:"name"`
	Chosen bool   `json:"chosen"`
}

// Inputs lists the camera's inputs.
func (d *Device) Inputs() ([]Input, error) {
	var chosen int32
	if err := d.sys.ioctl(d.fd, getInput, unsafe.Pointer(&chosen)); err != nil {
		chosen = -1 // a driver without inputs to choose from
	}
	var all []Input
	err := d.each("list inputs", func(index uint32) error {
		i := input{index: index}
		if err := d.sys.ioctl(d.fd, enumInputs, unsafe.Pointer(&i)); err != nil {
			return err
		}
		all = append(all, Input{int(index), text(i.name[:]), int32(index) == chosen})
		return nil
	})
	return all, err
}

// Offer is a pixel format of a camera and the sizes in which it comes.
type Offer struct {
	Format string `json:"format"`
	Usable bool   `json:"usable"` // has grey values that Kensa reads
	Sizes  []Size `json:"sizes"`
}

// Size is a frame size, or a range of them, in pixels.
type Size struct {
	Width     int       `json:"width"`
	Height    int       `json:"height"`
	MaxWidth  int       `json:"max_width,omitempty"` // of a range, else 0
	MaxHeight int       `json:"max_height,omitempty"`
	Rates     []float64 `json:"rates,omitempty"` // frames a second; of a range of sizes: of the largest
	format    FourCC
}

// String gives the size and its rates.
func (s Size) String() string {
	text := fmt.Sprintf("%d×%d", s.Width, s.Height)
	if s.MaxWidth != 0 {
		text += fmt.Sprintf(" to %d×%d", s.MaxWidth, s.MaxHeight)
	}
	if len(s.Rates) > 0 {
		var rates []string
		for _, r := range s.Rates {
			rates = append(rates, fmt.Sprintf("%.4g", r))
		}
		text += " at " + strings.Join(rates, ", ") + "/s"
	}
	return text
}

// Offers lists the formats, sizes and rates of the chosen input.
func (d *Device) Offers() ([]Offer, error) {
	var all []Offer
	err := d.each("list formats", func(index uint32) error {
		f := formatDescription{index: index, kind: typeVideoCapture}
		if err := d.sys.ioctl(d.fd, enumFormats, unsafe.Pointer(&f)); err != nil {
			return err
		}
		sizes, err := d.sizes(FourCC(f.pixelFormat))
		all = append(all, Offer{FourCC(f.pixelFormat).String(), layoutOf(FourCC(f.pixelFormat)) != nil, sizes})
		return err
	})
	return all, err
}

func (d *Device) sizes(format FourCC) ([]Size, error) {
	var all []Size
	err := d.each("list sizes", func(index uint32) error {
		f := frameSize{index: index, format: uint32(format)}
		if err := d.sys.ioctl(d.fd, enumSizes, unsafe.Pointer(&f)); err != nil {
			return err
		}
		s := Size{Width: int(f.size[0]), Height: int(f.size[1]), format: format}
		if f.kind != discrete {
			s = Size{int(f.size[0]), int(f.size[3]), int(f.size[1]), int(f.size[4]), nil, format}
		}
		if index > 0 && f.kind != discrete {
			return unix.EINVAL // a range has no second
		}
		all = append(all, s)
		return nil
	})
	for n := range all {
		if err != nil {
			return nil, err
		}
		all[n].Rates, err = d.rates(all[n])
	}
	return all, err
}

// rates lists the frame rates at a size.
func (d *Device) rates(s Size) ([]float64, error) {
	var all []float64
	err := d.each("list rates", func(index uint32) error {
		f := frameInterval{index: index, format: uint32(s.format), width: uint32(max(s.Width, s.MaxWidth)), height: uint32(max(s.Height, s.MaxHeight))}
		if err := d.sys.ioctl(d.fd, enumIntervals, unsafe.Pointer(&f)); err != nil {
			return err
		}
		if f.kind != discrete && index > 0 {
			return unix.EINVAL
		}
		all = append(all, f.times[0].rate())
		if f.kind != discrete {
			all = append(all, f.times[1].rate())
		}
		return nil
	})
	return all, err
}

// rate is the frequency that a time per frame gives; 0 where it is not known.
func (f fraction) rate() float64 {
	if f.numerator == 0 {
		return 0
	}
	return float64(f.denominator) / float64(f.numerator)
}
