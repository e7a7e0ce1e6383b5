package cli

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"kensa/calibration"
	"kensa/calibration/store"
)

// WriteCalibration prints a whole calibration: whose it is, how long it holds,
// and each section as its procedure showed it, on a terminal of a width in cells; 0: any.
func WriteCalibration(to io.Writer, c *store.Calibration, now time.Time, width int) error {
	p := &printer{to: to}
	s := c.Station
	p.line("calibration number %d of %s, objective %s (camera %s, lens %s, light %s; %d×%d, %d bits)",
		c.Number, s.Name, s.Objective, known(s.Camera), known(s.Lens), known(s.Light), s.Width, s.Height, s.Depth)
	p.line("  %s; sha256 %.16s…", Remaining(c.Expires, now), c.Hash())
	for _, name := range slices.Sorted(maps.Keys(c.Sections)) {
		section := c.Sections[name]
		p.line("\n%s, %s by %s%s, %s", name, section.At.Format("2006-01-02 15:04 MST"), section.By, at(section.Temperature), section.Software)
		if p.err == nil {
			p.err = WriteResult(to, name, &section.Result, width)
		}
		if plots := Plots(&section.Result); len(plots) > 0 {
			p.line("  plots: %s", strings.Join(plots, ", "))
		}
	}
	return p.err
}

func at(celsius *float64) string {
	if celsius == nil {
		return ""
	}
	return fmt.Sprintf(" at %.1f °C", *celsius)
}

// Remaining says how long a calibration still holds, or since when it does not.
func Remaining(expires, now time.Time) string {
	days := expires.Sub(now).Hours() / 24
	date := expires.Format(time.DateOnly)
	if days < 0 {
		return fmt.Sprintf("EXPIRED on %s, %.0f days ago", date, math.Ceil(-days))
	}
	return fmt.Sprintf("holds until %s, %.0f days more", date, math.Floor(days))
}

// Plots names a result's curves and maps.
func Plots(r *calibration.Result) []string {
	var names []string
	for _, c := range r.Curves {
		names = append(names, c.Name)
	}
	for _, m := range r.Maps {
		names = append(names, m.Name)
	}
	return names
}

// WriteHistory prints one calibration a line.
func WriteHistory(to io.Writer, entries []store.Entry) error {
	p := &printer{to: to}
	p.line("  number  accepted          what      by                    holds until  signed")
	for _, e := range entries {
		mark := " "
		if e.InUse {
			mark = "▶"
		}
		switch {
		case e.Damage != "" && e.Procedure == "":
			p.line("%s %6d  ✗ %s", mark, e.Number, e.Damage)
			continue
		case e.Damage != "":
			e.Signed = "✗ " + e.Damage
		case e.Signed == "":
			e.Signed = "no"
		}
		p.line("%s %6d  %s  %s  %s  %-11s  %s", mark, e.Number, e.At.Format("2006-01-02 15:04"), pad(e.Procedure, 8), pad(e.By, 20),
			e.Expires.Format(time.DateOnly), e.Signed)
	}
	return p.err
}

// WriteChanges prints figures side by side, with the change over the uncertainty
// of the difference: beyond ±1 it is marked.
func WriteChanges(to io.Writer, before, after int, all []store.Change) error {
	p := &printer{to: to}
	title, value := 6, 6
	for _, c := range all {
		title = max(title, utf8.RuneCountInString(label(c)))
		value = max(value, utf8.RuneCountInString(side(c.Before)), utf8.RuneCountInString(side(c.After)))
	}
	p.line("  %s  %s  %s  change / uncertainty", pad("figure", title), pad(fmt.Sprintf("number %d", before), value), pad(fmt.Sprintf("number %d", after), value))
	for _, c := range all {
		p.line("  %s  %s  %s  %s", pad(label(c), title), pad(side(c.Before), value), pad(side(c.After), value), score(c))
	}
	return p.err
}

func label(c store.Change) string {
	f := c.After
	if f == nil {
		f = c.Before
	}
	return c.Procedure + ": " + f.Title
}

func side(f *calibration.Figure) string {
	if f == nil {
		return "–"
	}
	return f.String()
}

func score(c store.Change) string {
	v, known := c.Score()
	switch {
	case !known && c.Before != nil && c.After != nil && c.Before.Value == c.After.Value && c.Before.Unit == c.After.Unit:
		return "same"
	case !known:
		return ""
	case math.Abs(v) > 1:
		return fmt.Sprintf("%+.2f  ! differs", v)
	default:
		return fmt.Sprintf("%+.2f", v)
	}
}
