package evaluate

import (
	"bufio"
	"fmt"
	"image"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"kensa/vision/defect"
)

// labelTypes are the classes of a label file by their number there.
var labelTypes = map[string]defect.Class{
	"1": defect.Open, "2": defect.Short, "3": defect.MouseBite, "4": defect.Spur, "5": defect.Copper, "6": defect.PinHole,
}

// maxCoordinate bounds a box, so that areas stay exact.
const maxCoordinate = 1 << 20

// ReadLabels reads one label a line: `x1 y1 x2 y2 type`, whole pixels, type 1
// open, 2 short, 3 mousebite, 4 spur, 5 copper, 6 pin-hole. Empty lines are left
// out. Errors name the file, as name, and the line.
func ReadLabels(r io.Reader, name string) (labels []Label, err error) {
	err = lines(r, name, func(line string) error {
		fields := strings.Fields(line)
		if len(fields) != 5 {
			return fmt.Errorf("%d fields; want x1 y1 x2 y2 type", len(fields))
		}
		box, err := parseBox(fields)
		if err != nil {
			return err
		}
		class, ok := labelTypes[fields[4]]
		if !ok {
			return fmt.Errorf("type %q; want 1 to 6", fields[4])
		}
		labels = append(labels, Label{box, class})
		return nil
	})
	return labels, err
}

// ReadFindings reads what WriteFindings writes.
func ReadFindings(r io.Reader, name string) (findings []Finding, err error) {
	err = lines(r, name, func(line string) error {
		fields := strings.Split(line, ",")
		if len(fields) != 6 {
			return fmt.Errorf("%d fields; want x1,y1,x2,y2,confidence,class", len(fields))
		}
		box, err := parseBox(fields)
		if err != nil {
			return err
		}
		confidence, err := strconv.ParseFloat(fields[4], 64)
		if err != nil || !(confidence >= 0 && confidence <= 1) {
			return fmt.Errorf("confidence %q; want a number from 0 to 1", fields[4])
		}
		class := defect.Class(fields[5])
		if !slices.Contains(defect.Classes, class) {
			return fmt.Errorf("class %q; want one of %v", fields[5], defect.Classes)
		}
		findings = append(findings, Finding{Label{box, class}, confidence})
		return nil
	})
	return findings, err
}

// WriteFindings writes one finding a line: `x1,y1,x2,y2,confidence,class`.
func WriteFindings(w io.Writer, findings []Finding) error {
	buffered := bufio.NewWriter(w)
	for _, f := range findings {
		fmt.Fprintf(buffered, "%d,%d,%d,%d,%s,%s\n", f.Box.Min.X, f.Box.Min.Y, f.Box.Max.X, f.Box.Max.Y,
			strconv.FormatFloat(f.Confidence, 'f', -1, 64), f.Class)
	}
	return buffered.Flush()
}

// parseBox reads the four corner coordinates that begin a line.
func parseBox(fields []string) (image.Rectangle, error) {
	var v [4]int
	for n, name := range []string{"x1", "y1", "x2", "y2"} {
		value, err := strconv.Atoi(fields[n])
		if err != nil || value < 0 || value > maxCoordinate {
			return image.Rectangle{}, fmt.Errorf("%s %q; want a whole number of pixels, 0 to %d", name, fields[n], maxCoordinate)
		}
		v[n] = value
	}
	if v[0] >= v[2] || v[1] >= v[3] {
		return image.Rectangle{}, fmt.Errorf("box (%d, %d) to (%d, %d); want x1 < x2 and y1 < y2", v[0], v[1], v[2], v[3])
	}
	return image.Rectangle{Min: image.Pt(v[0], v[1]), Max: image.Pt(v[2], v[3])}, nil
}

// ReadList reads the names of pairs, one a line: a bare name (00041007), or the
// path of its image or labels, of which the last part without its extension and
// without _temp or _test is the name. Where a line has several paths the first
// counts. Empty lines are left out. An error names a name that is there twice.
func ReadList(r io.Reader, file string) (names []string, err error) {
	seen := map[string]bool{}
	err = lines(r, file, func(line string) error {
		first := strings.Fields(line)[0]
		name := strings.TrimSuffix(path.Base(first), path.Ext(first))
		name = strings.TrimSuffix(strings.TrimSuffix(name, "_temp"), "_test")
		switch {
		case name == "" || name == "." || name == "/":
			return fmt.Errorf("%q; want a pair's name", line)
		case seen[name]:
			return fmt.Errorf("pair %q is listed twice", name)
		}
		seen[name] = true
		names = append(names, name)
		return nil
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s: names no pair", file)
	}
	return names, err
}

// lines calls use for every line that is not blank, trimmed, and adds file and line to its
// errors.
func lines(r io.Reader, file string, use func(string) error) error {
	scanner := bufio.NewScanner(r)
	n := 0
	for scanner.Scan() {
		n++
		line := strings.TrimSpace(scanner.Text())
		if line == "" {
			continue
		}
		if err := use(line); err != nil {
			return fmt.Errorf("%s:%d: %w", file, n, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("%s:%d: %w", file, n+1, err)
	}
	return nil
}
