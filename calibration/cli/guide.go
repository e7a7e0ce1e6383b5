package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"kensa/calibration"
	"kensa/calibration/session"
	"kensa/calibration/store"
	"kensa/hw/bench"
)

// ErrFailed means that a figure is out of its limits.
var ErrFailed = errors.New("out of limits")

// ErrDeclined means that the person did not accept the result; nothing was
// written.
var ErrDeclined = errors.New("not accepted; nothing was written")

// Guide leads a person through a procedure and keeps what they accept.
type Guide struct {
	Terminal *Terminal
	Bench    bench.Bench
	Store    store.Store
	// Sessions is the folder for unfinished sessions.
	Sessions string
	// By is who calibrates; Software what with.
	By, Software string
	// Valid is how long an accepted section holds; a calibration holds as long as
	// its oldest one.
	Valid time.Duration
	Now   func() time.Time

	// Restart forgets an unfinished session.
	Restart bool
	// Yes accepts a result within its limits without asking.
	Yes bool
	// AcceptFailed lets a result out of limits be accepted.
	AcceptFailed bool
	// Accepted, where set, keeps what else was made, before the calibration is written.
	Accepted func() error
	// JSON, where set, gets the result as JSON.
	JSON io.Writer
}

// Run takes a procedure from where it stands to an accepted result. options
// identifies its settings.
func (g *Guide) Run(ctx context.Context, name, options string, p calibration.Procedure) error {
	s, err := g.open(name, options, p)
	if err != nil {
		return err
	}
	station := g.Bench.Station()
	g.Terminal.say("", fmt.Sprintf("%s at %s, objective %s (camera %s, lens %s, light %s)", name, station.Name, station.Objective,
		known(station.Camera), known(station.Lens), known(station.Light)))
	if n := s.Resumed(); n > 0 {
		g.Terminal.say("  ", fmt.Sprintf("going on after step %d of a session that was interrupted; --restart begins anew", n))
	}
	r, err := s.Run(ctx)
	g.Terminal.Finish()
	if err != nil {
		return err
	}
	return g.judge(ctx, s, name, r)
}

// open prepares the session, forgetting an unfinished one if asked to.
func (g *Guide) open(name, options string, p calibration.Procedure) (*session.Session, error) {
	if g.Restart {
		if err := session.Forget(g.Sessions, name); err != nil {
			return nil, err
		}
	}
	return session.Open(g.Sessions, name, options, p, g.Bench, g.Terminal)
}

// judge shows the result and writes it if it is accepted. The session is over
// either way; only an interruption leaves it to be resumed.
func (g *Guide) judge(ctx context.Context, s *session.Session, name string, r *calibration.Result) error {
	celsius, known := s.Temperature()
	err := g.Keep(ctx, name, r, temperature(celsius, known))
	if err == nil || errors.Is(err, ErrFailed) || errors.Is(err, ErrDeclined) {
		return errors.Join(err, s.Discard())
	}
	return err
}

func temperature(celsius float64, known bool) *float64 {
	if !known {
		return nil
	}
	return &celsius
}

// Keep shows a result and writes it if it is accepted. celsius is what it was
// measured at; nil where that is not known.
func (g *Guide) Keep(ctx context.Context, name string, r *calibration.Result, celsius *float64) error {
	if err := WriteResult(g.Terminal.out, name, r, g.Terminal.known()); err != nil {
		return err
	}
	if g.JSON != nil {
		encoder := json.NewEncoder(g.JSON)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	if r.Verdict() == calibration.Fail && !g.AcceptFailed {
		return fmt.Errorf("%s: %w; nothing was written", name, ErrFailed)
	}
	yes := g.Yes
	if !yes {
		var err error
		if yes, err = g.Terminal.Confirm(ctx, "  Accept and put in use?"); err != nil {
			return err
		}
	}
	if !yes {
		return fmt.Errorf("%s: %w", name, ErrDeclined)
	}
	return g.accept(name, r, celsius)
}

// accept writes the next calibration.
func (g *Guide) accept(name string, r *calibration.Result, celsius *float64) error {
	station := store.Of(g.Bench.Station())
	was, err := g.Store.Current(station.Objective)
	if err != nil && !errors.Is(err, store.ErrNone) {
		return err
	}
	if g.Accepted != nil {
		if err := g.Accepted(); err != nil {
			return err
		}
	}
	now := g.Now().UTC().Truncate(time.Second)
	section := &store.Section{At: now, By: g.By, Software: g.Software, Temperature: celsius, Result: *r}
	if was != nil && was.Station != station {
		g.printf("  the calibration in use, number %d, was of other hardware; its other sections are left behind\n", was.Number)
		was = nil
	}
	next := was.With(station, name, section, now.Add(g.Valid))
	for _, kept := range next.Sections {
		if end := kept.At.Add(g.Valid); end.Before(next.Expires) {
			next.Expires = end.UTC()
		}
	}
	if err := g.Store.Put(next); err != nil {
		return err
	}
	g.printf("  calibration number %d of objective %s is in use, until %s\n", next.Number, station.Objective, next.Expires.Format(time.DateOnly))
	return nil
}

func (g *Guide) printf(format string, args ...any) { fmt.Fprintf(g.Terminal.out, format, args...) }

// known is a serial number, or that there is none.
func known(serial string) string {
	if serial == "" {
		return "unknown"
	}
	return serial
}
