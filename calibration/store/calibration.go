// Package store keeps a station's calibrations: what was measured and accepted,
// by whom, when, at which temperature, with which software.
//
// There is one line of calibrations for each objective. Each lies in a folder of
// its own, numbered, and is never changed: accepting a result writes the next
// one, which carries the other procedures' sections on. `current` points to
// the one in use, so that replacing it and rolling back are one rename.
//
//	FOLDER/5x/0007/calibration.toml          figures, parameters, curves
//	FOLDER/5x/0007/flat-gain.map             a plane of values
//	FOLDER/5x/0007/calibration.toml.minisig  the signature, if it was signed
//	FOLDER/5x/current -> 0007
//
// The TOML file's first line carries the checksum of the rest; the rest carries
// those of the maps. A signature of the TOML file therefore covers everything.
package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"kensa/calibration"
	"kensa/hw/bench"
)

// Errors that the appliance acts on.
var (
	// ErrNone means that the objective was never calibrated.
	ErrNone = errors.New("no calibration")
	// ErrOtherStation means that the calibration is of another station, camera,
	// lens, light or frame size.
	ErrOtherStation = errors.New("calibration of another station")
	// ErrExpired means that its time is over.
	ErrExpired = errors.New("calibration expired")
	// ErrTampered means that a checksum or the signature does not fit.
	ErrTampered = errors.New("calibration was changed after it was written")
	// ErrUnsigned means that a signature was asked for and there is none.
	ErrUnsigned = errors.New("calibration not signed")
)

// version of the file's format.
const version = 1

// Calibration is what is known of a station with one objective.
type Calibration struct {
	Version int       `toml:"version" json:"version"`
	Number  int       `toml:"number" json:"number"`
	Expires time.Time `toml:"expires" json:"expires"`
	Station Station   `toml:"station" json:"station"`
	// Sections by procedure.
	Sections map[string]*Section `toml:"section" json:"sections"`

	// text is the file that it was read from.
	text []byte
}

// Hash names the calibration's file: the SHA-256 of the bytes that were read,
// hexadecimal; empty for one that was not read from a file.
func (c *Calibration) Hash() string {
	if c.text == nil {
		return ""
	}
	sum := sha256.Sum256(c.text)
	return hex.EncodeToString(sum[:])
}

// Name tells the calibration from all others: objective, number, and the
// beginning of its hash: "5x/0007 281cefdd7e832cf3".
func (c *Calibration) Name() string {
	return fmt.Sprintf("%s/%04d %.16s", c.Station.Objective, c.Number, c.Hash())
}

// Latest names the procedure that was accepted last, which made this number.
func (c *Calibration) Latest() (procedure string, s *Section) {
	for _, name := range slices.Sorted(maps.Keys(c.Sections)) {
		if next := c.Sections[name]; s == nil || next.At.After(s.At) {
			procedure, s = name, next
		}
	}
	return procedure, s
}

// Station says which hardware a calibration holds for. Serial numbers are empty
// where unknown.
type Station struct {
	Name      string `toml:"name" json:"name"`
	Objective string `toml:"objective" json:"objective"`
	Camera    string `toml:"camera" json:"camera"`
	Lens      string `toml:"lens" json:"lens"`
	Light     string `toml:"light" json:"light"`
	Width     int    `toml:"width" json:"width"`   // pixels
	Height    int    `toml:"height" json:"height"` // pixels
	Depth     int    `toml:"depth" json:"depth"`   // bits
}

// Of describes a bench's station.
func Of(s bench.Station) Station {
	return Station{s.Name, s.Objective, s.Camera, s.Lens, s.Light, s.Format.Width, s.Format.Height, s.Format.Depth}
}

// Section is one procedure's accepted result.
type Section struct {
	At       time.Time `toml:"at" json:"at"`
	By       string    `toml:"by" json:"by"`
	Software string    `toml:"software" json:"software"`
	// Temperature at the optics in °C, where a thermometer is.
	Temperature *float64 `toml:"temperature_c,omitempty" json:"temperature_c,omitempty"`
	calibration.Result
	// Files of the maps.
	Files []MapFile `toml:"map,omitempty" json:"maps,omitempty"`
}

// MapFile is where a map lies.
type MapFile struct {
	Name   string `toml:"name" json:"name"`
	Title  string `toml:"title" json:"title"`
	Unit   string `toml:"unit" json:"unit"`
	Width  int    `toml:"width" json:"width"`
	Height int    `toml:"height" json:"height"`
	File   string `toml:"file" json:"file"`
	SHA256 string `toml:"sha256" json:"sha256"`
}

// Scale is the section that measured the pixel's size, and its name: geometry, which has
// the distortion too, else scale; nil where neither did.
func (c *Calibration) Scale() (name string, _ *Section) {
	if c == nil {
		return "", nil
	}
	for _, name := range []string{"geometry", "scale"} {
		if s := c.Sections[name]; s != nil && s.Parameters["pixel_x_um"] > 0 && s.Parameters["pixel_y_um"] > 0 {
			return name, s
		}
	}
	return "", nil
}

// Parameter is a value that the appliance works with; false where it was not
// measured.
func (c *Calibration) Parameter(procedure, name string) (float64, bool) {
	s, ok := c.Sections[procedure]
	if !ok {
		return 0, false
	}
	v, ok := s.Parameters[name]
	return v, ok
}

// Map finds a procedure's map; nil where there is none.
func (c *Calibration) Map(procedure, name string) *calibration.Map {
	s, ok := c.Sections[procedure]
	if !ok {
		return nil
	}
	for i := range s.Maps {
		if s.Maps[i].Name == name {
			return &s.Maps[i]
		}
	}
	return nil
}

// With is the calibration that follows c when a procedure's new result is
// accepted: all other sections stay. c may be nil: the first.
func (c *Calibration) With(station Station, procedure string, s *Section, expires time.Time) *Calibration {
	next := &Calibration{Version: version, Expires: expires.UTC(), Station: station, Sections: map[string]*Section{}}
	if c != nil {
		for name, old := range c.Sections {
			next.Sections[name] = old
		}
	}
	next.Sections[procedure] = s
	return next
}

// Fits says why a calibration cannot be used on a station at a time: it is of
// another, or has expired. Nil means that it can. Of the frame what now does not
// know, 0, is not looked at.
func (c *Calibration) Fits(now Station, at time.Time) error {
	for _, d := range []struct {
		what     string
		was, now any
	}{
		{"station", c.Station.Name, now.Name},
		{"objective", c.Station.Objective, now.Objective},
		{"camera", c.Station.Camera, now.Camera},
		{"lens", c.Station.Lens, now.Lens},
		{"light", c.Station.Light, now.Light},
		{"frame width", c.Station.Width, now.Width},
		{"frame height", c.Station.Height, now.Height},
		{"frame depth", c.Station.Depth, now.Depth},
	} {
		if d.was != d.now && d.now != 0 {
			return fmt.Errorf("%w: number %d is for %s %v; here is %v", ErrOtherStation, c.Number, d.what, d.was, d.now)
		}
	}
	if at.After(c.Expires) {
		return fmt.Errorf("%w: number %d on %s", ErrExpired, c.Number, c.Expires.Format(time.DateOnly))
	}
	return nil
}

// check refuses what a file must not say.
func (c *Calibration) check() error {
	switch {
	case c.Version != version:
		return fmt.Errorf("version %d; this program reads %d", c.Version, version)
	case c.Number < 1:
		return fmt.Errorf("number %d; want 1 or more", c.Number)
	case c.Expires.IsZero():
		return errors.New("expires is missing")
	case c.Station.Name == "" || c.Station.Objective == "":
		return fmt.Errorf("station %q with objective %q; want both names", c.Station.Name, c.Station.Objective)
	case len(c.Sections) == 0:
		return errors.New("no section")
	}
	for name, s := range c.Sections {
		if !name_.MatchString(name) {
			return fmt.Errorf("section %q; want lower-case letters, digits and hyphens", name)
		}
		if err := s.check(); err != nil {
			return fmt.Errorf("section %s: %w", name, err)
		}
	}
	return nil
}

func (s *Section) check() error {
	if s.At.IsZero() || s.By == "" {
		return fmt.Errorf("at %v by %q; want both", s.At, s.By)
	}
	for _, f := range s.Files {
		if err := f.check(); err != nil {
			return err
		}
	}
	return s.Result.Check()
}
