package report_test

import (
	"encoding/xml"
	"errors"
	"html"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"kensa/calibration"
	"kensa/calibration/report"
	"kensa/calibration/store"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func made(value float64) *store.Calibration {
	section := &store.Section{At: noon, By: `A. <script>alert(1)</script>`, Software: "kensa v1", Result: calibration.Result{
		Figures: []calibration.Figure{{Name: "prnu", Title: "photo-response <b>", Value: value, Uncertainty: 0.01, Unit: "%", Limits: calibration.AtMost(2)}},
		Curves: []calibration.Curve{
			{Name: "c", Title: `a "curve" <x>`, XTitle: "x <1>", YTitle: "y", X: []float64{1, 2, 3}, Y: []float64{1, 4, 9}, Fit: []float64{1, 4, 9}},
			{Name: "flat", Title: "level", XTitle: "x", YTitle: "y", X: []float64{0, 0}, Y: []float64{5, 5}, Fit: []float64{5, 5.000000000000001}, Low: []float64{5, 5}, High: []float64{5, 5}},
			{Name: "b", Title: "components", YTitle: "%", Labels: []string{"part <p>", "operator"}, Y: []float64{80, 20}},
		},
		Maps: []calibration.Map{{Name: "m", Title: "map", Unit: "1", Width: 3, Height: 2, Values: []float32{1, 2, 3, 4, 5, 6}}},
	}}
	return (*store.Calibration)(nil).With(store.Station{Name: "kensa-1", Objective: "5x", Width: 3, Height: 2, Depth: 12}, "flat", section, noon.AddDate(0, 6, 0))
}

func write(t *testing.T, r report.Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSelfContained: the file asks for nothing from anywhere, and what people
// wrote cannot become markup.
func TestSelfContained(t *testing.T) {
	text := write(t, report.Report{Calibration: made(1), Before: made(0.9), Made: noon, Software: "kensa v1", Signature: "signed by Eve"})
	if strings.Contains(text, "<script") || strings.Contains(text, "<x>") || strings.Contains(text, "<1>") || strings.Contains(text, "<p>aria") {
		t.Error("markup from a name or title")
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]{0,30})|url\(`).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[1], "data:image/png;base64,") {
			t.Errorf("asks for %q", m[0])
		}
	}
	text = html.UnescapeString(regexp.MustCompile(`base64,[^"]*`).ReplaceAllString(text, ""))
	for _, want := range []string{"holds until 2027-05-22", "1.000 ± 0.010 %", "≤ 2", "+7.07 differs", "signed by Eve", "part <p>", "Against number"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if strings.Contains(text, "NaN") || strings.Contains(text, "ZgotmplZ") || strings.Contains(text, "Inf") || strings.Contains(text, "%!") {
		t.Error("a number that is none")
	}
}

// TestPlotsAreXML: each drawing is well-formed.
func TestPlotsAreXML(t *testing.T) {
	text := write(t, report.Report{Calibration: made(3), Made: noon.AddDate(1, 0, 0)})
	drawings := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(text, -1)
	if len(drawings) != 4 {
		t.Fatalf("%d drawings; want 4", len(drawings))
	}
	for _, d := range drawings {
		decoder := xml.NewDecoder(strings.NewReader(d))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v\n%s", err, d)
			}
		}
	}
	for _, want := range []string{"expired on 2027-05-22", "✗ fail", "not signed"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q", want)
		}
	}
}
