package v4l2

import (
	"fmt"
	"math"
	"strings"
	"unsafe"
)

// Mode is how a camera is asked to give frames.
type Mode struct {
	Input  int     // which of the camera's inputs; -1 leaves the chosen one
	Format string  // pixel format, such as GREY; empty takes the first of the usable ones that fits
	Width  int     // pixels; 0 with Height 0 leaves the size as it is
	Height int     //
	Rate   float64 // frames a second; 0 leaves it to the camera
}

// Chosen is what camera and program agreed on.
type Chosen struct {
	Format string  `json:"format"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
	Rate   float64 `json:"rate"` // frames a second; 0 where the driver does not say
}

// configure sets the mode, and refuses what the driver makes of it when that is
// not what was asked for.
func (d *Device) configure(m Mode) (shape, Chosen, error) {
	if err := d.chooseInput(m.Input); err != nil {
		return shape{}, Chosen{}, err
	}
	got, err := d.chooseFormat(m)
	if err != nil {
		return shape{}, Chosen{}, err
	}
	s, err := newShape(got)
	if err != nil {
		return s, Chosen{}, fmt.Errorf("camera %s: %w", d.path, err)
	}
	rate, err := d.chooseRate(m, s)
	return s, Chosen{s.format.String(), s.width, s.height, rate}, err
}

func (d *Device) chooseInput(number int) error {
	if number < 0 {
		return nil
	}
	n := int32(number)
	if err := d.sys.ioctl(d.fd, setInput, unsafe.Pointer(&n)); err != nil {
		inputs, listing := d.Inputs()
		if listing != nil {
			return listing
		}
		return explained(d.path, fmt.Sprintf("input %d; it has %d, from 0", number, len(inputs)), err)
	}
	return nil
}

// chooseFormat tries the wanted formats in turn. Drivers do not refuse a format
// or a size that they lack, but set another.
func (d *Device) chooseFormat(m Mode) (pixelFormat, error) {
	wanted, err := candidates(m.Format)
	if err != nil {
		return pixelFormat{}, fmt.Errorf("camera %s: %w", d.path, err)
	}
	f := format{kind: typeVideoCapture}
	if err := d.call("read the format", getFormat, unsafe.Pointer(&f)); err != nil {
		return pixelFormat{}, err
	}
	width, height := f.pix.width, f.pix.height
	if m.Width != 0 || m.Height != 0 {
		width, height = uint32(m.Width), uint32(m.Height)
	}
	for _, fourCC := range wanted {
		f := format{kind: typeVideoCapture, pix: pixelFormat{width: width, height: height, format: uint32(fourCC), field: fieldNone}}
		if err := d.call("set the format", setFormat, unsafe.Pointer(&f)); err != nil {
			return pixelFormat{}, err
		}
		if f.pix.format == uint32(fourCC) && f.pix.width == width && f.pix.height == height {
			return f.pix, nil
		}
	}
	return pixelFormat{}, d.notOffered(m.Format, int(width), int(height))
}

// candidates are the formats to try.
func candidates(name string) ([]FourCC, error) {
	var all []FourCC
	for _, l := range layouts {
		all = append(all, l.format)
	}
	if name == "" {
		return all, nil
	}
	f, err := parseFourCC(name)
	if err != nil {
		return nil, err
	}
	if layoutOf(f) == nil {
		return nil, fmt.Errorf("format %v: not supported; want one of %s", f, strings.Trim(fmt.Sprint(all), "[]"))
	}
	return []FourCC{f}, nil
}

// notOffered tells what the camera has instead.
func (d *Device) notOffered(format string, width, height int) error {
	if format == "" {
		format = "grey"
	}
	offers, err := d.Offers()
	if err != nil {
		return err
	}
	has := usable(offers)
	if has == "" {
		return fmt.Errorf("camera %s: offers no format with grey values; `kensa camera show` lists what it has", d.path)
	}
	return fmt.Errorf("camera %s: no %s %d×%d; it offers %s", d.path, format, width, height, has)
}

// usable lists what can be used; formats that come in the same sizes together.
func usable(offers []Offer) string {
	var sizes []string // as first seen
	formats := map[string][]string{}
	for _, o := range offers {
		if !o.Usable {
			continue
		}
		var all []string
		for _, s := range o.Sizes {
			all = append(all, s.String())
		}
		text := strings.Join(all, ", ")
		if formats[text] == nil {
			sizes = append(sizes, text)
		}
		formats[text] = append(formats[text], o.Format)
	}
	var has []string
	for _, text := range sizes {
		has = append(has, strings.Join(formats[text], " ")+": "+text)
	}
	return strings.Join(has, "; ")
}

// chooseRate asks for a frame rate and returns the one that the driver set.
func (d *Device) chooseRate(m Mode, s shape) (float64, error) {
	p := streamParameters{kind: typeVideoCapture}
	if m.Rate > 0 {
		p.timePerFrame = fraction{1_000_000, uint32(math.Round(m.Rate * 1_000_000))}
		if err := d.sys.ioctl(d.fd, setParameters, unsafe.Pointer(&p)); err != nil {
			return 0, explained(d.path, "set the frame rate", err)
		}
	} else if d.sys.ioctl(d.fd, getParameters, unsafe.Pointer(&p)) != nil {
		return 0, nil // the driver does not tell
	}
	got := p.timePerFrame.rate()
	if m.Rate > 0 && math.Abs(got-m.Rate) > 0.01*m.Rate {
		rates, err := d.rates(Size{Width: s.width, Height: s.height, format: s.format})
		if err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("camera %s: %g frames/s: not at %v; the driver set %.4g", d.path, m.Rate, Size{Width: s.width, Height: s.height, Rates: rates}, got)
	}
	return got, nil
}
