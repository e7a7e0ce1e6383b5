package export

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"kensa/vision/wafer"
)

// maxKLARF bounds a file in bytes; half a million defects fit.
const maxKLARF = 64 << 20

// KLARF is the content of a KLARF 1.2 file of one wafer. Lengths are µm, areas
// µm².
type KLARF struct {
	FileTime     time.Time // no zone; given as UTC
	Station      [3]string
	ResultTime   time.Time
	Lot          string
	Device       string
	Setup        string
	Step         string
	WaferID      string
	Slot         int
	Diameter     float64 // mm
	MarkLocation string
	Pitch        [2]float64
	Origin       [2]float64
	Center       [2]float64
	Classes      map[int]string
	TestPlan     []wafer.DieIndex
	Area         float64
	Columns      []string
	Defects      []KLARFDefect
	Summary      map[string]float64 // by column of SummarySpec; the last row's where there are several
}

// KLARFDefect is a row of DefectList.
type KLARFDefect struct {
	Die    wafer.DieIndex
	X, Y   float64            // from the die's lower left corner
	Values map[string]float64 // every column but IMAGELIST, by name
}

// OnWafer is the defect's place from the wafer's centre. DieOrigin does not
// enter: it is 0 in every file seen, and readers differ on what else would mean.
func (k *KLARF) OnWafer(d KLARFDefect) (x, y float64) {
	return float64(d.Die.Column)*k.Pitch[0] + d.X - k.Center[0], float64(d.Die.Row)*k.Pitch[1] + d.Y - k.Center[1]
}

// required are the records that every KLARF 1.2 file has.
var required = []string{"FileVersion", "InspectionStationID", "SampleType", "ResultTimestamp", "LotID", "SampleSize", "SetupID", "StepID",
	"SampleOrientationMarkType", "OrientationMarkLocation", "DiePitch", "DieOrigin", "WaferID", "Slot", "SampleCenterLocation",
	"InspectionTest", "AreaPerTest", "DefectRecordSpec", "DefectList", "SummarySpec", "SummaryList", "EndOfFile"}

// ReadKLARF reads a KLARF 1.2 file of one wafer. Records that it does not know
// are passed over. The error names the line.
func ReadKLARF(from io.Reader) (*KLARF, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxKLARF+1))
	if err != nil {
		return nil, fmt.Errorf("klarf: %w", err)
	}
	if len(text) > maxKLARF {
		return nil, fmt.Errorf("klarf: more than %d bytes", maxKLARF)
	}
	list, err := statements(string(text))
	if err != nil {
		return nil, fmt.Errorf("klarf: %w", err)
	}
	r := &klarfReader{seen: map[string]int{}}
	r.known = r.records()
	for _, s := range list {
		if err := r.take(s); err != nil {
			return nil, fmt.Errorf("klarf: line %d: %s: %w", s.line, s.text, err)
		}
	}
	for _, name := range required {
		if r.seen[name] == 0 {
			return nil, fmt.Errorf("klarf: no %s; every file must have one", name)
		}
	}
	return &r.KLARF, nil
}

type klarfReader struct {
	KLARF
	seen    map[string]int // the line of each record
	known   map[string]func([]token) error
	summary []string // columns of SummarySpec
}

// take reads a record. A word beyond those that a record has is an error only
// in lists, where it would shift what follows.
func (r *klarfReader) take(s statement) error {
	name := s.text
	if before, twice := r.seen[name]; twice && name != "InspectionTest" && name != "AreaPerTest" && name != "SampleTestPlan" {
		return fmt.Errorf("is there twice, first in line %d; files of several wafers are not read", before)
	}
	if r.seen["EndOfFile"] != 0 {
		return errors.New("comes after EndOfFile")
	}
	if len(r.seen) == 0 && name != "FileVersion" {
		return errors.New("comes first; a KLARF 1.2 file begins with FileVersion (1.8 is not read)")
	}
	r.seen[name] = s.line
	if read, known := r.known[name]; known {
		return read(s.words)
	}
	return nil
}

func (r *klarfReader) records() map[string]func([]token) error {
	return map[string]func([]token) error{
		"FileVersion":             version,
		"FileTimestamp":           timestamp(&r.FileTime),
		"InspectionStationID":     strs(&r.Station[0], &r.Station[1], &r.Station[2]),
		"ResultTimestamp":         timestamp(&r.ResultTime),
		"LotID":                   strs(&r.Lot),
		"SampleSize":              func(w []token) error { return r.sampleSize(w) },
		"DeviceID":                strs(&r.Device),
		"SetupID":                 strs(&r.Setup),
		"StepID":                  strs(&r.Step),
		"OrientationMarkLocation": strs(&r.MarkLocation),
		"DiePitch":                r.pitch,
		"DieOrigin":               numbers(&r.Origin[0], &r.Origin[1]),
		"WaferID":                 strs(&r.WaferID),
		"Slot":                    func(w []token) (err error) { r.Slot, err = integer(w, 0); return err },
		"SampleCenterLocation":    numbers(&r.Center[0], &r.Center[1]),
		"ClassLookup":             r.classLookup,
		"SampleTestPlan":          r.testPlan,
		"AreaPerTest":             r.addArea,
		"DefectRecordSpec":        columns(&r.Columns),
		"DefectList":              r.defectList,
		"SummarySpec":             columns(&r.summary),
		"SummaryList":             r.summaryList,
	}
}

func version(words []token) error {
	major, err := integer(words, 0)
	if err != nil {
		return err
	}
	if minor, err := integer(words, 1); err != nil || major != 1 || minor < 1 || minor > 2 {
		return fmt.Errorf("%s; this reader takes 1 1 and 1 2", join(words))
	}
	return nil
}

func join(words []token) string {
	var texts []string
	for _, w := range words[:min(len(words), 4)] {
		texts = append(texts, w.text)
	}
	return strings.Join(texts, " ")
}

// word returns the nth word, or the error that it is not there.
func word(words []token, n int) (token, error) {
	if n >= len(words) {
		return token{}, fmt.Errorf("%d words; want at least %d", len(words), n+1)
	}
	return words[n], nil
}

func integer(words []token, n int) (int, error) {
	w, err := word(words, n)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseInt(w.text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("line %d: %q is no whole number", w.line, w.text)
	}
	return int(v), nil
}

func number(words []token, n int) (float64, error) {
	w, err := word(words, n)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(w.text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("line %d: %q is no number", w.line, w.text)
	}
	return v, nil
}

func numbers(to ...*float64) func([]token) error {
	return func(words []token) (err error) {
		for n, v := range to {
			if *v, err = number(words, n); err != nil {
				return err
			}
		}
		return nil
	}
}

func strs(to ...*string) func([]token) error {
	return func(words []token) error {
		for n, v := range to {
			w, err := word(words, n)
			if err != nil {
				return err
			}
			*v = w.text
		}
		return nil
	}
}

func timestamp(to *time.Time) func([]token) error {
	return func(words []token) (err error) {
		if len(words) < 2 {
			return fmt.Errorf("%d words; want a date and a time", len(words))
		}
		text := words[0].text + " " + words[1].text
		if *to, err = time.Parse(klarfTime, text); err == nil {
			return nil
		}
		if *to, err = time.Parse("01-02-06 15:04:05", text); err != nil {
			return fmt.Errorf("%q; want month-day-year hours:minutes:seconds", text)
		}
		return nil
	}
}

func (r *klarfReader) pitch(words []token) error {
	if err := numbers(&r.Pitch[0], &r.Pitch[1])(words); err != nil {
		return err
	}
	if r.Pitch[0] <= 0 || r.Pitch[1] <= 0 {
		return fmt.Errorf("%v × %v µm; want more than 0", r.Pitch[0], r.Pitch[1])
	}
	return nil
}

// sampleSize reads "1 diameter" of a round wafer; other shapes are not read.
func (r *klarfReader) sampleSize(words []token) error {
	shape, err := integer(words, 0)
	if err != nil {
		return err
	}
	if shape != 1 {
		return fmt.Errorf("shape %d; this reader takes 1, round", shape)
	}
	r.Diameter, err = number(words, 1)
	return err
}

// addArea sums the areas of the tests.
func (r *klarfReader) addArea(words []token) error {
	area, err := number(words, 0)
	r.Area += area
	return err
}
