package update

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// Slot is a place for a program.
type Slot string

// The slots.
const (
	Package Slot = "package" // what the Debian package brought
	A       Slot = "a"
	B       Slot = "b"
)

// Choice is which program counts. It is the whole state of an installation, in
// one file.
type Choice struct {
	Current  Slot   `json:"current"`
	Previous Slot   `json:"previous,omitempty"` // what was current before; empty: none
	Trial    *Trial `json:"trial,omitempty"`
	// Package is the package's version when the choice was made: when dpkg has
	// brought another one since, that is what the administrator wants.
	Package string `json:"package"`
	// Floor is the newest version that was ever confirmed.
	Floor string `json:"floor,omitempty"`
	Last  *Event `json:"last,omitempty"`
}

// Trial is a version that has to prove itself.
type Trial struct {
	Slot    Slot   `json:"slot"`
	Version string `json:"version"`
	Started bool   `json:"started"` // its one attempt has begun
}

// What happened to a version.
const (
	Confirmed      = "confirmed"
	WentBack       = "went back"  // by itself
	TakenBack      = "taken back" // by a person
	PackageChanged = "package changed"
	ChoiceDamaged  = "choice damaged"
	Unusable       = "unusable"
)

// Event is the last thing that happened.
type Event struct {
	What    string    `json:"what"`
	Version string    `json:"version,omitempty"` // that it happened to
	Reason  string    `json:"reason,omitempty"`
	Time    time.Time `json:"time"`
}

// Bad reports whether somebody should look after what happened.
func (e Event) Bad() bool { return e.What == WentBack || e.What == ChoiceDamaged || e.What == Unusable }

// maxChoice is far above any choice, in bytes.
const maxChoice = 64 << 10

func (s *Store) choicePath() string { return filepath.Join(s.Slots, choiceName) }

// load reads the choice. Where there is none, or it cannot be read, the package
// counts: it is always there.
func (s *Store) load() (Choice, error) {
	fresh := Choice{Current: Package, Package: s.packageVersion()}
	text, err := readLimited(s.choicePath(), maxChoice)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, nil
	}
	if err != nil {
		return fresh, err
	}
	c, err := parseChoice(text)
	if err != nil {
		fresh.Last = s.event(ChoiceDamaged, "", err.Error())
		return fresh, nil
	}
	return c, nil
}

func parseChoice(text []byte) (Choice, error) {
	var c Choice
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return c, fmt.Errorf("%s: %w", choiceName, err)
	}
	if !c.Current.known() || c.Previous != "" && !c.Previous.known() || c.Trial != nil && (!c.Trial.Slot.known() || c.Trial.Slot == Package) {
		return c, fmt.Errorf("%s: unknown slot", choiceName)
	}
	return c, nil
}

func (s Slot) known() bool { return s == Package || s == A || s == B }

func (s *Store) save(c Choice) error {
	text, err := c.text()
	if err != nil {
		return err
	}
	return s.disk.Replace(s.choicePath(), text)
}

func (c Choice) text() ([]byte, error) {
	text, err := json.MarshalIndent(c, "", "  ")
	return append(text, '\n'), err
}

func (s *Store) event(what, version, reason string) *Event {
	return &Event{What: what, Version: version, Reason: reason, Time: s.Now().UTC().Truncate(time.Second)}
}

// free is the slot that may be overwritten: neither what counts nor, if that
// can be helped, what counted before.
func (c Choice) free() Slot {
	switch {
	case c.Current == A:
		return B
	case c.Current == B:
		return A
	case c.Previous == A:
		return B
	}
	return A
}
