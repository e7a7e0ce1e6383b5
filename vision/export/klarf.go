package export

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"kensa/vision/defect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// ErrNoGeometry means that a sequence's dies have no size, so that they have no
// place in a KLARF file.
var ErrNoGeometry = errors.New("klarf: the wafer's dies have no size; export it as CSV")

const klarfTime = "01-02-2006 15:04:05"

// klarfColumns are the columns of DefectList. CLUSTERNUMBER is always 0: some
// readers fail without it.
var klarfColumns = []string{"DEFECTID", "XREL", "YREL", "XINDEX", "YINDEX", "XSIZE", "YSIZE", "DEFECTAREA", "DSIZE",
	"CLASSNUMBER", "TEST", "CLUSTERNUMBER", "IMAGECOUNT"}

// WriteKLARF writes a wafer as a KLARF 1.2 file. written is the file's own time.
//
// A reader gets a defect's place on the wafer as
//
//	x = XINDEX × DiePitch + XREL − SampleCenterLocation
//
// where XREL counts from the lower left corner of the die's inspected part.
// Hence SampleCenterLocation is the wafer's centre seen from that corner of die
// (0, 0). SampleTestPlan lists the dies that were inspected. The fields of a
// sequence lie in a row, as if on a wafer just large enough.
//
// The file is ASCII. What a name cannot hold there (quotes, semicolons, line
// ends, letters beyond ASCII) is written as %XX, its UTF-8 bytes in hexadecimal.
func WriteKLARF(to io.Writer, w Wafer, written time.Time) error {
	g, err := geometryOf(w)
	if err != nil {
		return err
	}
	k := &klarfWriter{out: bufio.NewWriter(to)}
	k.header(w, g, written)
	numbers := w.numbers()
	k.classes(numbers)
	k.testPlan(w)
	k.defects(w, numbers)
	k.summary(w)
	k.line("EndOfFile;")
	if err := k.out.Flush(); err != nil {
		return fmt.Errorf("klarf: %w", err)
	}
	return nil
}

// geometry is what KLARF says of the wafer as a whole.
type geometry struct {
	diameter         length.Length
	mark             wafer.Orientation
	pitchX, pitchY   length.Length
	centerX, centerY length.Length
}

func geometryOf(w Wafer) (geometry, error) {
	l := w.Layout
	g := geometry{diameter: l.Diameter, mark: l.Notch, pitchX: l.PitchX, pitchY: l.PitchY,
		centerX: l.DieWidth/2 - l.OffsetX, centerY: l.DieHeight/2 - l.OffsetY}
	if l.Kind == wafer.Sequence {
		last := 0
		for _, d := range w.Dies {
			last = max(last, d.Index.Column)
		}
		g.mark = wafer.Down
		g.centerX, g.centerY = l.PitchX*length.Length(last+1)/2, l.PitchY/2
		g.diameter = length.Length(2 * math.Hypot(float64(g.centerX), float64(g.centerY)))
	}
	for _, v := range []length.Length{g.pitchX, g.pitchY, g.diameter} {
		if !(v > 0 && finite(v)) {
			return g, ErrNoGeometry
		}
	}
	for _, d := range w.Defects {
		if !finite(d.X, d.Y, d.SizeX, d.SizeY) {
			return g, fmt.Errorf("klarf: defect %d: at (%v, %v), size %v × %v; want finite numbers", d.Number, d.X, d.Y, d.SizeX, d.SizeY)
		}
	}
	return g, nil
}

func finite(values ...length.Length) bool {
	for _, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return false
		}
	}
	return true
}

// klarfWriter leaves errors to bufio.Writer, which keeps the first.
type klarfWriter struct{ out *bufio.Writer }

func (k *klarfWriter) line(format string, args ...any) {
	fmt.Fprintf(k.out, format+"\n", args...)
}

func (k *klarfWriter) header(w Wafer, g geometry, written time.Time) {
	k.line("FileVersion 1 2;")
	k.line("FileTimestamp %s;", written.Format(klarfTime))
	k.line("InspectionStationID %s %s %s;", quote(w.Station.Vendor), quote(w.Station.Model), quote(w.Station.ID))
	k.line("SampleType WAFER;")
	k.line("ResultTimestamp %s;", w.Finished.Format(klarfTime))
	k.line("LotID %s;", quote(w.Lot))
	k.line("SampleSize 1 %.0f;", math.Ceil(float64(g.diameter/length.Millimetre)))
	k.line("DeviceID %s;", quote(or(w.Device, w.Recipe)))
	// KLARF wants the time of the setup's last change. The record has none; the
	// wafer's start stands for it, for the setup was not changed after that.
	k.line("SetupID %s %s;", quote(strings.TrimSpace(w.Recipe+" "+w.Version)), w.Started.Format(klarfTime))
	k.line("StepID %s;", quote(w.Step))
	k.line("SampleOrientationMarkType NOTCH;")
	k.line("OrientationMarkLocation %s;", strings.ToUpper(string(g.mark)))
	k.line("DiePitch %.10e %.10e;", float64(g.pitchX), float64(g.pitchY))
	k.line("DieOrigin %.10e %.10e;", 0.0, 0.0)
	k.line("WaferID %s;", quote(or(w.Substrate, fmt.Sprintf("%02d", w.Slot))))
	k.line("Slot %d;", w.Slot)
	k.line("SampleCenterLocation %.10e %.10e;", float64(g.centerX), float64(g.centerY))
}

func or(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

// siteClass is the number of the first of a site's own classes. They are numbered
// in the order of their names, file by file: the file's ClassLookup says which is
// which.
const siteClass = 100

// numbers are the class numbers of the known classes, and of the wafer's own.
func (w Wafer) numbers() map[defect.Class]int {
	all := map[defect.Class]int{}
	for n, c := range defect.Classes {
		all[c] = n
	}
	var own []defect.Class
	for _, d := range w.Defects {
		if _, known := all[d.Class]; !known {
			all[d.Class] = -1
			own = append(own, d.Class)
		}
	}
	slices.Sort(own)
	for n, c := range own {
		all[c] = siteClass + n
	}
	return all
}

func (k *klarfWriter) classes(numbers map[defect.Class]int) {
	k.line("ClassLookup %d", len(numbers))
	order := slices.SortedFunc(maps.Keys(numbers), func(a, b defect.Class) int { return numbers[a] - numbers[b] })
	for n, c := range order {
		k.line(" %d %s%s", numbers[c], quote(string(c)), end(n == len(order)-1))
	}
}

// end is what closes a list, after its last row or, where it has none, after
// its name.
func end(last bool) string {
	if last {
		return ";"
	}
	return ""
}

func (k *klarfWriter) testPlan(w Wafer) {
	var inspected []wafer.DieIndex
	for _, d := range w.Dies {
		if d.Bin != wafer.NotInspected {
			inspected = append(inspected, d.Index)
		}
	}
	k.line("InspectionTest 1;")
	k.line("SampleTestPlan %d%s", len(inspected), end(len(inspected) == 0))
	for n, i := range inspected {
		k.line(" %d %d%s", i.Column, i.Row, end(n == len(inspected)-1))
	}
	const squareCentimetre = 1e8 // µm²
	k.line("AreaPerTest %.10e;", w.Summary.Area*squareCentimetre)
}

func (k *klarfWriter) defects(w Wafer, numbers map[defect.Class]int) {
	k.line("DefectRecordSpec %d %s;", len(klarfColumns), strings.Join(klarfColumns, " "))
	k.line("DefectList%s", end(len(w.Defects) == 0))
	for n, d := range w.Defects {
		k.line(" %d %.3f %.3f %d %d %.3f %.3f %.3f %.3f %d 1 0 0%s", d.Number, float64(d.X), float64(d.Y), d.Die.Column, d.Die.Row,
			float64(d.SizeX), float64(d.SizeY), w.area(d), float64(max(d.SizeX, d.SizeY)), numbers[d.Class], end(n == len(w.Defects)-1))
	}
}

func (k *klarfWriter) summary(w Wafer) {
	density := float64(w.Summary.Density())
	if math.IsNaN(density) {
		density = 0 // KLARF has no word for none
	}
	k.line("SummarySpec 5 TESTNO NDEFECT DEFDENSITY NDIE NDEFDIE;")
	k.line("SummaryList")
	k.line(" 1 %d %.10e %d %d;", len(w.Defects), density, w.Summary.Inspected, len(w.defectsOn()))
}

// quote writes a name as one of KLARF's strings. Readers that go line by line
// cut at quotes and semicolons, wherever these are.
func quote(name string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(name) {
		if c < ' ' || c > '~' || c == '"' || c == ';' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
