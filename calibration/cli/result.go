package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"kensa/calibration"
)

// WriteResult prints a result's figures as a table, then its notes and verdict. What is
// wider than the terminal, in cells, goes on lines of its own instead of wrapping anyhow;
// 0 is one of any width.
func WriteResult(to io.Writer, name string, r *calibration.Result, width int) error {
	p := &printer{to: to, width: width}
	p.figures(name, r.Figures)
	for _, what := range slices.Sorted(maps.Keys(r.Of)) {
		p.line("  with %s %s", what, r.Of[what])
	}
	for _, n := range r.Notes {
		p.folded("  note: ", n)
	}
	p.line("  %s: %s", name, verdict(r.Verdict()))
	return p.err
}

func (p *printer) figures(name string, all []calibration.Figure) {
	title, value, limits := 6, 5, 6
	for _, f := range all {
		title = max(title, utf8.RuneCountInString(f.Title))
		value = max(value, utf8.RuneCountInString(f.String()))
		limits = max(limits, utf8.RuneCountInString(f.Limits.String()))
	}
	if p.width > 0 && len("  ")*4+title+value+limits+len("verdict") > p.width {
		p.listed(all)
		return
	}
	p.line("\n  %s  %s  %s  verdict", pad(name, title), pad("value", value), pad("limits", limits))
	for _, f := range all {
		p.line("  %s  %s  %s  %s", pad(f.Title, title), pad(f.String(), value), pad(f.Limits.String(), limits), verdict(f.Verdict()))
	}
}

// listed is the table for a narrow terminal.
func (p *printer) listed(all []calibration.Figure) {
	p.line("")
	for _, f := range all {
		p.folded("  ", f.Title)
		text := f.String()
		if !f.Limits.None() {
			text += fmt.Sprintf("  (%s)  %s", f.Limits, verdict(f.Verdict()))
		}
		p.folded("      ", text)
	}
}

// folded prints a text in lines of whole words, below each other after a head.
func (p *printer) folded(head, text string) {
	line := head
	used := utf8.RuneCountInString(head)
	at := used
	for n, word := range strings.Split(text, " ") {
		long := utf8.RuneCountInString(word)
		switch {
		case n == 0:
		case p.width > 0 && at+1+long >= p.width:
			p.line("%s", line)
			line, at = strings.Repeat(" ", used), used
		default:
			line, at = line+" ", at+1
		}
		line, at = line+word, at+long
	}
	p.line("%s", line)
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
	to    io.Writer
	width int // of the terminal, cells; 0: any
	err   error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.to, format+"\n", args...)
	}
}
