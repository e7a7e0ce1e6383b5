package line

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// Spec says which line of which chip something is wired to, and how. Its text
// form is "CHIP/LINE" and then, in any order and each at most once:
//
//	active-low                 the line is asserted when its voltage is low
//	pull-up, pull-down, float  the chip's own resistor; without one of these it stays as it is
//	open-drain, open-source    an output drives in one direction only
//	debounce=1ms               an input must be steady for so long; whole microseconds, to 1 s
//
// CHIP is the chip's label or its device's name, LINE the line's name or its
// number on the chip: "pinctrl-bcm2711/FIELD-TRIGGER active-low pull-up". The
// empty text is the zero Spec, a line that is not wired.
type Spec struct {
	Chip, Line string
	ActiveLow  bool
	Pull       gpio.Pull // PullNoChange where nothing is said
	Drive      Drive
	Debounce   time.Duration
}

// Drive is in which directions an output drives its line.
type Drive int

// Drives.
const (
	PushPull Drive = iota
	OpenDrain
	OpenSource
)

// maxDebounce is far beyond any contact's bounce.
const maxDebounce = time.Second

// Wired reports whether the line is there at all.
func (s Spec) Wired() bool { return s.Chip != "" }

// ParseSpec reads the text form.
func ParseSpec(text string) (Spec, error) {
	s := Spec{Pull: gpio.PullNoChange}
	words := strings.Fields(text)
	if len(words) == 0 {
		return s, nil
	}
	var ok bool
	if s.Chip, s.Line, ok = strings.Cut(words[0], "/"); !ok || s.Chip == "" || s.Line == "" {
		return Spec{}, fmt.Errorf("%q; want CHIP/LINE, such as gpiochip0/FIELD-TRIGGER", words[0])
	}
	for _, word := range words[1:] {
		if err := s.option(word); err != nil {
			return Spec{}, fmt.Errorf("%q: %w", text, err)
		}
	}
	return s, nil
}

// option takes one word behind the line's name.
func (s *Spec) option(word string) error {
	pulls := map[string]gpio.Pull{"pull-up": gpio.PullUp, "pull-down": gpio.PullDown, "float": gpio.Float}
	drives := map[string]Drive{"open-drain": OpenDrain, "open-source": OpenSource}
	pull, isPull := pulls[word]
	drive, isDrive := drives[word]
	value, isDebounce := strings.CutPrefix(word, "debounce=")
	twice := false
	switch {
	case word == "active-low":
		twice, s.ActiveLow = s.ActiveLow, true
	case isPull:
		twice, s.Pull = s.Pull != gpio.PullNoChange, pull
	case isDrive:
		twice, s.Drive = s.Drive != PushPull, drive
	case isDebounce:
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 || d > maxDebounce || d%time.Microsecond != 0 {
			return fmt.Errorf("debounce %q; want whole microseconds up to %v, such as 1ms", value, maxDebounce)
		}
		twice, s.Debounce = s.Debounce != 0, d
	default:
		return fmt.Errorf("%q; want active-low, pull-up, pull-down, float, open-drain, open-source or debounce=TIME", word)
	}
	if twice {
		return fmt.Errorf("%q contradicts or repeats an earlier word", word)
	}
	return nil
}

// String is the text form.
func (s Spec) String() string {
	if !s.Wired() {
		return ""
	}
	words := []string{s.Chip + "/" + s.Line}
	if s.ActiveLow {
		words = append(words, "active-low")
	}
	switch s.Pull {
	case gpio.PullUp:
		words = append(words, "pull-up")
	case gpio.PullDown:
		words = append(words, "pull-down")
	case gpio.Float:
		words = append(words, "float")
	}
	switch s.Drive {
	case OpenDrain:
		words = append(words, "open-drain")
	case OpenSource:
		words = append(words, "open-source")
	}
	if s.Debounce != 0 {
		words = append(words, "debounce="+s.Debounce.String())
	}
	return strings.Join(words, " ")
}

// MarshalText implements encoding.TextMarshaler.
func (s Spec) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Spec) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSpec(string(text))
	return err
}

// CheckInput reports what an input cannot have.
func (s Spec) CheckInput() error {
	if s.Drive != PushPull {
		return errors.New("open-drain and open-source are for outputs")
	}
	return nil
}

// CheckOutput reports what an output cannot have.
func (s Spec) CheckOutput() error {
	if s.Debounce != 0 {
		return errors.New("debounce is for inputs")
	}
	return nil
}
