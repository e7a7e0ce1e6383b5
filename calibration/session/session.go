// Package session leads a procedure from its first missing step to its result.
//
// What was observed is kept in a file after each step, so that a session that
// was interrupted, by a person or by the power, goes on where it was. The file
// is removed when the result was accepted or the session discarded; nothing
// else is written.
package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kensa/calibration"
	"kensa/hw/bench"
)

// Person is who stands at the station, as a session sees them.
type Person interface {
	// Ask shows what must be done by hand before the step, and waits until it is
	// done; in the midst of a step also for what the bench cannot set by itself. An
	// error ends the session, which can be resumed.
	Ask(ctx context.Context, step calibration.Step, what []string) error
	// Begin announces a step: the number-th of about of.
	Begin(step calibration.Step, number, of int)
	// Tell shows a live reading.
	Tell(r calibration.Reading)
	// Wait shows that nothing happens for so long yet.
	Wait(left time.Duration)
	// Wrong says why a step did not count, and waits until it may be tried again.
	// An error ends the session, which can be resumed.
	Wrong(ctx context.Context, step calibration.Step, why *calibration.Wrong) error
}

// Session is one run of a procedure, perhaps over several days.
type Session struct {
	Name      string
	Procedure calibration.Procedure
	Bench     bench.Bench
	Person    Person
	file      file
	steps     int
	temps     temperatures
}

// Open prepares a session of the named procedure, whose unfinished state, if any,
// lies in folder. options identifies the procedure's settings: a session can be
// resumed with the same only, and on the same station.
func Open(folder, name, options string, p calibration.Procedure, b bench.Bench, person Person) (*Session, error) {
	s := &Session{Name: name, Procedure: p, Bench: b, Person: person}
	s.file = file{folder: folder, head: head{Procedure: name, Options: options, Station: b.Station()}}
	saved, err := s.file.load(p.State())
	if err != nil {
		return nil, err
	}
	s.steps, s.temps = saved.Steps, saved.Temperatures
	return s, nil
}

// Resumed is how many steps were taken before.
func (s *Session) Resumed() int { return s.steps }

// Run takes all missing steps and returns the result. When it returns an error
// the steps taken are kept.
func (s *Session) Run(ctx context.Context) (*calibration.Result, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		step, of, missing := s.Procedure.Next()
		if !missing {
			break
		}
		if err := s.take(ctx, step, of); err != nil {
			return nil, err
		}
	}
	r, err := s.Procedure.Result()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return r, r.Check()
}

// take sets the bench, takes one step, and keeps what was observed.
func (s *Session) take(ctx context.Context, step calibration.Step, of int) error {
	byHand, err := s.Bench.Set(ctx, step.Set)
	if err != nil {
		return fmt.Errorf("%s, step %s: %w", s.Name, step.Name, err)
	}
	if step.Ask != "" {
		byHand = append(byHand, step.Ask)
	}
	if len(byHand) > 0 {
		if err := s.Person.Ask(ctx, step, byHand); err != nil {
			return err
		}
	}
	if err := s.try(ctx, step, of); err != nil {
		return err
	}
	s.steps++
	return s.file.save(saved{Steps: s.steps, Temperatures: s.temps}, s.Procedure.State())
}

// try repeats a step until what lies before the lens is right.
func (s *Session) try(ctx context.Context, step calibration.Step, of int) error {
	watched := &attended{Bench: s.Bench, person: s.Person, step: step, seen: &s.temps}
	for {
		s.Person.Begin(step, s.steps+1, max(of, s.steps+1))
		err := s.Procedure.Do(ctx, watched, step, s.Person.Tell)
		var wrong *calibration.Wrong
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.As(err, &wrong):
			return fmt.Errorf("%s, step %s: %w", s.Name, step.Name, err)
		}
		if err := s.Person.Wrong(ctx, step, wrong); err != nil {
			return err
		}
	}
}

// Temperature is the mean of those met at the optics, in °C; false without a
// thermometer.
func (s *Session) Temperature() (float64, bool) { return s.temps.mean() }

// Discard forgets what was observed: the result was accepted, or is not wanted.
func (s *Session) Discard() error { return s.file.remove() }

// Forget removes the unfinished session of a procedure, whatever it is of.
func Forget(folder, name string) error {
	f := file{folder: folder, head: head{Procedure: name}}
	return f.remove()
}
