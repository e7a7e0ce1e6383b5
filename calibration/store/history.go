package store

import (
	"errors"
	"io/fs"
	"slices"
	"time"
)

// Entry is one calibration in a history.
type Entry struct {
	Number int  `json:"number"`
	InUse  bool `json:"in_use"`
	// Procedure, At and By are of the section that made this number; Procedures are
	// all that it has.
	Procedure  string    `json:"procedure,omitempty"`
	At         time.Time `json:"at,omitzero"`
	By         string    `json:"by,omitempty"`
	Procedures []string  `json:"procedures,omitempty"`
	Expires    time.Time `json:"expires,omitzero"`
	// Signed is the signed comment of its signature, which was not verified.
	Signed string `json:"signed,omitempty"`
	// Damage says why it cannot be read.
	Damage string `json:"damage,omitempty"`
}

// Entries tell of each calibration of an objective, oldest first. One that is
// damaged is listed as such.
func (s Store) Entries(objective string) ([]Entry, error) {
	numbers, err := s.History(objective)
	if err != nil {
		return nil, err
	}
	line, err := s.line(objective)
	if err != nil {
		return nil, err
	}
	used, err := inUse(line)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var entries []Entry
	for _, n := range numbers {
		e := s.entry(objective, n)
		e.InUse = n == used
		entries = append(entries, e)
	}
	return entries, nil
}

func (s Store) entry(objective string, number int) Entry {
	c, err := s.Read(objective, number)
	if err != nil {
		return Entry{Number: number, Damage: err.Error()}
	}
	procedure, latest := c.Latest()
	e := Entry{Number: number, Procedure: procedure, At: latest.At, By: latest.By, Procedures: c.procedures(), Expires: c.Expires}
	switch signature, err := s.Signature(objective, number); {
	case err == nil:
		e.Signed = signature.TrustedComment
	case !errors.Is(err, ErrUnsigned):
		e.Damage = err.Error()
	}
	return e
}

func (c *Calibration) procedures() []string {
	var names []string
	for name := range c.Sections {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Before is the number before one in an objective's history; 0 if it is the
// first.
func (s Store) Before(objective string, number int) (int, error) {
	numbers, err := s.History(objective)
	if err != nil {
		return 0, err
	}
	before := 0
	for _, n := range numbers {
		if n < number {
			before = n
		}
	}
	return before, nil
}
