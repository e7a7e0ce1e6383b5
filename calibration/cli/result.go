package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	"kensa/calibration"
)

// WriteResult prints a result's figures as a table, then its notes and verdict.
func WriteResult(to io.Writer, name string, r *calibration.Result) error {
	title, value, limits := 6, 5, 6
	for _, f := range r.Figures {
		title = max(title, utf8.RuneCountInString(f.Title))
		value = max(value, utf8.RuneCountInString(f.String()))
		limits = max(limits, utf8.RuneCountInString(f.Limits.String()))
	}
	p := &printer{to: to}
	p.line("\n  %s  %s  %s  verdict", pad(name, title), pad("value", value), pad("limits", limits))
	for _, f := range r.Figures {
		p.line("  %s  %s  %s  %s", pad(f.Title, title), pad(f.String(), value), pad(f.Limits.String(), limits), verdict(f.Verdict()))
	}
	for _, what := range slices.Sorted(maps.Keys(r.Of)) {
		p.line("  with %s %s", what, r.Of[what])
	}
	for _, n := range r.Notes {
		p.line("  note: %s", n)
	}
	p.line("  %s: %s", name, verdict(r.Verdict()))
	return p.err
}

// verdict has a second cue beside the word.
func verdict(v calibration.Verdict) string {
	switch v {
	case calibration.Pass:
		return "✓ pass"
	case calibration.Fail:
		return "✗ FAIL"
	default:
		return "–"
	}
}

// printer keeps the first error of many lines.
type printer struct {
	to  io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.to, format+"\n", args...)
	}
}
