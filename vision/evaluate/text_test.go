package evaluate_test

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/evaluate"
)

func TestReadLabels(t *testing.T) {
	got, err := evaluate.ReadLabels(strings.NewReader("513 376 549 402 1\r\n\n 0 0 1 1 6\n"), "a.txt")
	want := []evaluate.Label{label(defect.Open, box(513, 376, 549, 402)), label(defect.PinHole, box(0, 0, 1, 1))}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	for text, want := range map[string]string{
		"1 2 3 4 1\n1 2 3 4":        "a.txt:2: 4 fields; want x1 y1 x2 y2 type",
		"1 2 3 4 5 6":               "a.txt:1: 6 fields",
		"1,2,3,4,1":                 "a.txt:1: 1 fields",
		"1 2 3 4 7":                 `a.txt:1: type "7"; want 1 to 6`,
		"1 2 3 4 01":                `a.txt:1: type "01"; want 1 to 6`,
		"1 2 x 4 1":                 `a.txt:1: x2 "x"; want a whole number`,
		"1.5 2 3 4 1":               `a.txt:1: x1 "1.5"; want a whole number`,
		"-1 2 3 4 1":                `a.txt:1: x1 "-1"; want a whole number of pixels, 0 to 1048576`,
		"1 2 9999999 4 1":           `a.txt:1: x2 "9999999"; want`,
		"5 2 5 4 1":                 "a.txt:1: box (5, 2) to (5, 4); want x1 < x2 and y1 < y2",
		"5 4 6 2 1":                 "a.txt:1: box (5, 4) to (6, 2)",
		strings.Repeat("1", 70_000): "a.txt:1: bufio.Scanner: token too long",
	} {
		if _, err := evaluate.ReadLabels(strings.NewReader(text), "a.txt"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.20q: %v; want %q", text, err, want)
		}
	}
}

func TestFindingsAreReadAsTheyWereWritten(t *testing.T) {
	findings := []evaluate.Finding{finding(defect.MouseBite, box(0, 1, 20, 30), 1.0/3), finding(defect.PinHole, box(5, 5, 6, 6), 1)}
	var text bytes.Buffer
	if err := evaluate.WriteFindings(&text, findings); err != nil {
		t.Fatal(err)
	}
	if want := "0,1,20,30,0.3333333333333333,mousebite\n5,5,6,6,1,pin-hole\n"; text.String() != want {
		t.Errorf("wrote %q; want %q", text.String(), want)
	}
	if got, err := evaluate.ReadFindings(&text, "b.txt"); err != nil || !slices.Equal(got, findings) {
		t.Errorf("read %v, %v; want %v", got, err, findings)
	}
	for text, want := range map[string]string{
		"1,2,3,4,0.5":           "b.txt:1: 5 fields; want x1,y1,x2,y2,confidence,class",
		"1,2,3,4,1.5,open":      `b.txt:1: confidence "1.5"; want a number from 0 to 1`,
		"1,2,3,4,NaN,open":      `b.txt:1: confidence "NaN"`,
		"1,2,3,4,0.5,hole":      `b.txt:1: class "hole"; want one of`,
		"\n\n1,2,3,x,0.5,open":  `b.txt:3: y2 "x"`,
		"1,2,3,4,0.5, open":     `b.txt:1: class " open"`,
		"1 2 3 4 0.5 mousebite": "b.txt:1: 1 fields",
	} {
		if _, err := evaluate.ReadFindings(strings.NewReader(text), "b.txt"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

func TestReadList(t *testing.T) {
	text := "00041007\n\n group00041/00041/00041008.jpg group00041/00041_not/00041008.txt\r\n00041009_temp.jpg 00041009_test.jpg\na/b_test.png\n"
	got, err := evaluate.ReadList(strings.NewReader(text), "list")
	if want := []string{"00041007", "00041008", "00041009", "b"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	for text, want := range map[string]string{
		"":             "list: names no pair",
		"\n \n":        "list: names no pair",
		"a\nx/a.jpg\n": `list:2: pair "a" is listed twice`,
		"x/_temp.jpg":  `list:1: "x/_temp.jpg"; want a pair's name`,
		"/":            `list:1: "/"; want a pair's name`,
		"..":           `list:1: ".."; want a pair's name`,
	} {
		if got, err := evaluate.ReadList(strings.NewReader(text), "list"); err == nil || err.Error() != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

// FuzzText: whatever the text, the parsers give an error that names the file or
// values that survive being written and read.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "1 2 3 4 5", "1,2,3,4,0.5,open", "group/a/b.jpg c/d.txt", "\x00", "1,2,3,4,1e-300,spur\n9,9,10,10,0,short"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		labels, err := evaluate.ReadLabels(strings.NewReader(text), "file")
		named(t, err)
		for _, l := range labels {
			if l.Box.Empty() || l.Class.Number() == 0 {
				t.Fatalf("label %+v", l)
			}
		}
		names, err := evaluate.ReadList(strings.NewReader(text), "file")
		named(t, err)
		for _, n := range names {
			if n == "" || strings.ContainsAny(n, "/\n") {
				t.Fatalf("name %q", n)
			}
		}
		findings, err := evaluate.ReadFindings(strings.NewReader(text), "file")
		named(t, err)
		if err != nil {
			return
		}
		var written bytes.Buffer
		if err := evaluate.WriteFindings(&written, findings); err != nil {
			t.Fatal(err)
		}
		again, err := evaluate.ReadFindings(&written, "file")
		if err != nil || !reflect.DeepEqual(again, findings) {
			t.Fatalf("%+v, %v; want %+v", again, err, findings)
		}
	})
}

func named(t *testing.T, err error) {
	if err != nil && !strings.HasPrefix(err.Error(), "file:") {
		t.Fatalf("%v; want an error that begins with the file's name", err)
	}
}
