package v4l2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Control is one of a camera's settings, such as exposure_time_absolute.
type Control struct {
	// Name is the driver's in small letters, words joined by underscores.
	Name string `json:"name"`
	// Kind is integer, boolean, menu, bitmask or button.
	Kind    string   `json:"kind"`
	Value   string   `json:"value,omitempty"`
	Minimum int64    `json:"minimum"`
	Maximum int64    `json:"maximum"`
	Step    int64    `json:"step"`
	Default int64    `json:"default"`
	Items   []string `json:"items,omitempty"` // of a menu, as `VALUE NAME`
	// ReadOnly, and Inactive: another control, such as an automatic, rules it.
	ReadOnly bool `json:"read_only,omitempty"`
	Inactive bool `json:"inactive,omitempty"`

	id, kind, flags uint32
	menu            []item
}

type item struct {
	value int64
	name  string
}

// Range tells in words what values the control takes.
func (c Control) Range() string {
	switch c.kind {
	case kindBoolean:
		return "false or true"
	case kindMenu, kindIntegerMenu:
		return "one of " + strings.Join(c.Items, ", ")
	case kindButton:
		return "press"
	case kindBitmask:
		return fmt.Sprintf("0 to %d, bits of %#x", c.Maximum, c.Maximum)
	}
	text := fmt.Sprintf("%d to %d", c.Minimum, c.Maximum)
	if c.Step > 1 {
		text += fmt.Sprintf(" in steps of %d", c.Step)
	}
	return text
}

var kinds = map[uint32]string{
	kindInteger: "integer", kindInteger64: "integer", kindBoolean: "boolean", kindMenu: "menu",
	kindIntegerMenu: "menu", kindBitmask: "bitmask", kindButton: "button",
}

// Controls lists the camera's controls with their values. Those that are more
// than a number are left out.
func (d *Device) Controls() ([]Control, error) {
	var all []Control
	err := d.eachControl(func(q queryControl) (bool, error) {
		c, err := d.describe(q)
		all = append(all, c)
		return true, err
	})
	return all, err
}

// eachControl calls f for every control that is a number or a button, until f
// returns false.
func (d *Device) eachControl(f func(queryControl) (more bool, err error)) error {
	for id := uint32(0); ; {
		q := queryControl{id: id | nextControl}
		err := d.sys.ioctl(d.fd, queryControlCall, unsafe.Pointer(&q))
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) || err == nil && q.id <= id {
			return nil
		}
		if err != nil {
			return explained(d.path, "list controls", err)
		}
		id = q.id
		if kinds[q.kind] == "" || q.flags&(controlDisabled|controlPayload) != 0 {
			continue
		}
		if more, err := f(q); err != nil || !more {
			return err
		}
	}
}

// describe completes what the driver says of a control.
func (d *Device) describe(q queryControl) (Control, error) {
	c := Control{
		Name: controlName(text(q.name[:])), Kind: kinds[q.kind], Minimum: q.minimum, Maximum: q.maximum, Step: int64(q.step), Default: q.defaultValue,
		ReadOnly: q.flags&controlReadOnly != 0, Inactive: q.flags&controlInactive != 0, id: q.id, kind: q.kind, flags: q.flags,
	}
	if q.kind == kindBitmask { // unsigned
		c.Minimum, c.Maximum = 0, int64(uint32(q.maximum))
	}
	if q.kind == kindMenu || q.kind == kindIntegerMenu {
		d.readMenu(&c)
	}
	if q.kind == kindButton || q.flags&controlWriteOnly != 0 {
		return c, nil
	}
	value, err := d.get(c)
	c.Value = c.text(value)
	return c, err
}

// readMenu lists the items; a menu may have holes.
func (d *Device) readMenu(c *Control) {
	for index := c.Minimum; index <= c.Maximum && index < c.Minimum+1000; index++ {
		m := queryMenu{id: c.id, index: uint32(index)}
		if d.sys.ioctl(d.fd, queryMenuItem, unsafe.Pointer(&m)) != nil {
			continue
		}
		i := item{index, text(m.name[:])}
		if c.kind == kindIntegerMenu {
			i.name = strconv.FormatInt(int64(binary.NativeEndian.Uint64(m.name[:8])), 10)
		}
		c.menu = append(c.menu, i)
		c.Items = append(c.Items, fmt.Sprintf("%d %s", i.value, i.name))
	}
}

// controlName makes a word of a driver's name, as other tools do.
func controlName(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "_")
}

// text is a value as people write it.
func (c Control) text(value int64) string {
	if c.kind == kindBoolean {
		return strconv.FormatBool(value != 0)
	}
	for _, i := range c.menu {
		if i.value == value {
			return i.name
		}
	}
	return strconv.FormatInt(value, 10)
}

func (d *Device) get(c Control) (int64, error) {
	if c.kind == kindInteger64 {
		one := &extendedControl{id: c.id}
		err := d.call("read "+c.Name, getControls, unsafe.Pointer(&extendedControls{count: 1, controls: one}))
		return int64(binary.NativeEndian.Uint64(one.value[:])), err
	}
	one := control{id: c.id}
	err := d.call("read "+c.Name, getControl, unsafe.Pointer(&one))
	if c.kind == kindBitmask {
		return int64(uint32(one.value)), err
	}
	return int64(one.value), err
}

// Get reads a control by its name.
func (d *Device) Get(name string) (Control, error) {
	var found *Control
	var known []string
	err := d.eachControl(func(q queryControl) (bool, error) {
		known = append(known, controlName(text(q.name[:])))
		if known[len(known)-1] != name {
			return true, nil
		}
		c, err := d.describe(q)
		found = &c
		return false, err
	})
	if err != nil {
		return Control{}, err
	}
	if found == nil {
		return Control{}, fmt.Errorf("camera %s: no control %q; it has %s", d.path, name, strings.Join(known, " "))
	}
	return *found, nil
}

// Set sets a control by its name to what the camera's range allows, and checks
// that the driver took it: a number, true or false, a menu's item by its name or
// number, or press for a button.
func (d *Device) Set(name, value string) error {
	c, err := d.Get(name)
	if err != nil {
		return err
	}
	n, err := c.parse(value)
	if err != nil {
		return fmt.Errorf("camera %s: %s: %w", d.path, name, err)
	}
	switch {
	case c.ReadOnly:
		return fmt.Errorf("camera %s: %s: can only be read", d.path, name)
	case c.Inactive:
		return fmt.Errorf("camera %s: %s: ruled by another control, such as an automatic; set that first", d.path, name)
	case c.flags&controlGrabbed != 0:
		return fmt.Errorf("camera %s: %s: cannot be changed now, by %s", d.path, name, holders(d.path))
	}
	if err := d.put(c, n); err != nil || c.kind == kindButton || c.flags&controlWriteOnly != 0 {
		return err
	}
	got, err := d.get(c)
	if err == nil && got != n {
		err = fmt.Errorf("camera %s: %s: the driver made %s of %s", d.path, name, c.text(got), value)
	}
	return err
}

func (d *Device) put(c Control, n int64) error {
	if c.kind == kindInteger64 {
		one := &extendedControl{id: c.id}
		binary.NativeEndian.PutUint64(one.value[:], uint64(n))
		return d.call("set "+c.Name, setControls, unsafe.Pointer(&extendedControls{count: 1, controls: one}))
	}
	return d.call("set "+c.Name, setControl, unsafe.Pointer(&control{id: c.id, value: int32(n)}))
}

// parse reads a value and checks it against the control's range.
func (c Control) parse(value string) (int64, error) {
	wrong := fmt.Errorf("%q; want %s", value, c.Range())
	switch c.kind {
	case kindButton:
		if value != "press" {
			return 0, wrong
		}
		return 0, nil
	case kindBoolean:
		if truth, err := strconv.ParseBool(value); err != nil {
			return 0, wrong
		} else if truth {
			return 1, nil
		}
		return 0, nil
	case kindMenu, kindIntegerMenu:
		at := slices.IndexFunc(c.menu, func(i item) bool { return strings.EqualFold(i.name, value) })
		if at < 0 {
			at = slices.IndexFunc(c.menu, func(i item) bool { return strconv.FormatInt(i.value, 10) == value })
		}
		if at < 0 {
			return 0, wrong
		}
		return c.menu[at].value, nil
	}
	n, err := strconv.ParseInt(value, 0, 64)
	if err != nil || !c.takes(n) {
		return 0, wrong
	}
	return n, nil
}

// takes reports whether a number is in the range and on a step.
func (c Control) takes(n int64) bool {
	if n < c.Minimum || n > c.Maximum {
		return false
	}
	if c.kind == kindBitmask {
		return n&^c.Maximum == 0
	}
	return c.Step <= 1 || uint64(n-c.Minimum)%uint64(c.Step) == 0
}
