// Package report writes a calibration as one HTML file for people: it needs
// nothing else, is laid out for A4, and prints as it looks.
package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"kensa/calibration"
	"kensa/calibration/store"
)

//go:embed report.html
var files embed.FS

// Report is what one file tells.
type Report struct {
	Calibration *store.Calibration
	// Before, where not nil, is compared with.
	Before *store.Calibration
	// Signature is the signed comment, empty where there is none; Verified says whose
	// key was found right, or why none was.
	Signature, Verified string
	Made                time.Time
	Software            string
}

// Write writes the file.
func (r Report) Write(to io.Writer) error {
	t, err := template.New("report.html").Funcs(template.FuncMap{
		"verdict": verdict, "date": func(t time.Time) string { return t.Format("2006-01-02 15:04 MST") },
		"day": func(t time.Time) string { return t.Format(time.DateOnly) }, "known": known, "share": share,
		"curve": curve, "heat": heat, "score": score, "celsius": celsius,
	}).ParseFS(files, "report.html")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return t.Execute(to, r)
}

// Procedures of the calibration, in the order of their names.
func (r Report) Procedures() []string { return slices.Sorted(maps.Keys(r.Calibration.Sections)) }

// Section by procedure.
func (r Report) Section(procedure string) *store.Section { return r.Calibration.Sections[procedure] }

// Verdict of the whole: fail if a section fails.
func (r Report) Verdict() calibration.Verdict {
	for _, s := range r.Calibration.Sections {
		if s.Result.Verdict() == calibration.Fail {
			return calibration.Fail
		}
	}
	return calibration.Pass
}

// Changes against the calibration before.
func (r Report) Changes() []store.Change {
	if r.Before == nil {
		return nil
	}
	return store.Changes(r.Before, r.Calibration)
}

// Expired at the time of the report.
func (r Report) Expired() bool { return r.Made.After(r.Calibration.Expires) }

func verdict(v calibration.Verdict) string {
	switch v {
	case calibration.Pass:
		return "✓ pass"
	case calibration.Fail:
		return "✗ fail"
	}
	return "–"
}

func known(serial string) string {
	if serial == "" {
		return "unknown"
	}
	return serial
}

func celsius(v *float64) string {
	if v == nil {
		return "unknown"
	}
	return fmt.Sprintf("%.1f °C", *v)
}

// share draws where a value lies between its limits: the band is the middle half
// of the scale. A figure without limits has none.
func share(f calibration.Figure) template.HTML {
	low, high := 0.0, 0.0
	switch l := f.Limits; {
	case l.None():
		return ""
	case l.Low == nil:
		low, high = *l.High-max(math.Abs(*l.High), 1e-9), *l.High
	case l.High == nil:
		low, high = *l.Low, *l.Low+max(math.Abs(*l.Low), 1e-9)
	default:
		low, high = *l.Low, *l.High
	}
	place := func(v float64) float64 { return max(1, min(99, 100*(0.25+0.5*(v-low)/(high-low)))) }
	from, to := place(f.Value-f.Uncertainty), place(f.Value+f.Uncertainty)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="share" viewBox="0 0 100 10" width="100" height="10" role="img" aria-label="value against its limits">`+
		`<rect class="scale" x="0" y="4" width="100" height="2"/><rect class="band" x="25" y="2" width="50" height="6"/>`+
		`<rect class="spread" x="%.1f" y="4" width="%.1f" height="2"/><circle class="at %s" cx="%.1f" cy="5" r="3"/></svg>`,
		from, max(0.5, to-from), f.Verdict(), place(f.Value))
	return template.HTML(b.String()) // numbers and fixed text only
}

func score(c store.Change) string {
	v, ok := c.Score()
	switch {
	case !ok && c.Before != nil && c.After != nil && c.Before.Value == c.After.Value:
		return "same"
	case !ok:
		return ""
	case math.Abs(v) > 1:
		return fmt.Sprintf("%+.2f differs", v)
	}
	return fmt.Sprintf("%+.2f", v)
}
