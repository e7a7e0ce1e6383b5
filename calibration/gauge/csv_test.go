package gauge_test

import (
	"fmt"
	"strings"
	"testing"

	"kensa/calibration/gauge"
)

// table is the published study as a CSV.
func table() string {
	var b strings.Builder
	b.WriteString("part,operator,trial,thickness\n")
	for p, operators := range published() {
		for o, readings := range operators {
			for k, v := range readings {
				fmt.Fprintf(&b, "%d,%c,%d,%v\n", p+1, 'A'+o, k+1, v)
			}
		}
	}
	return b.String()
}

// TestPublishedTable comes out to the digit from a file, too.
func TestPublishedTable(t *testing.T) {
	names, studies, err := gauge.ReadCSV(strings.NewReader(table()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := gauge.Result(names, studies)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"thickness-grr": 18.97, "thickness-grr-range": 18.07, "thickness-ndc": 7} {
		f, ok := r.Figure(name)
		if !ok {
			t.Fatalf("no figure %s", name)
		}
		near(t, name, f.Value, want, 5e-3)
	}
	if !strings.Contains(r.Notes[0], "thickness: conditional") || !strings.Contains(r.Notes[0], "adds 3.60 %") {
		t.Errorf("%q", r.Notes)
	}
}

// TestBadTables are refused with line and column.
func TestBadTables(t *testing.T) {
	good := table()
	for want, text := range map[string]string{
		"line 1":                              "",
		"line 1: columns part,operator,value": strings.Replace(good, "operator,trial,thickness", "operator,value", 1),
		`line 2, column thickness: "x"; want a number`:              strings.Replace(good, "1,A,1,37", "1,A,1,x", 1),
		`column thickness: "NaN"`:                                   strings.Replace(good, "1,A,1,37", "1,A,1,NaN", 1),
		"line 2, column operator: empty":                            strings.Replace(good, "1,A,1,37", "1,,1,37", 1),
		"line 3: part 1, operator A, trial 1 was on line 2 already": strings.Replace(good, "1,A,2,38", "1,A,1,38", 1),
		"part 1, operator A: trial 1 is missing":                    strings.Replace(good, "1,A,1,37\n", "", 1),
		"wrong number of fields":                                    strings.Replace(good, "1,A,1,37", "1,A,1", 1),
		"at least 2 parts, 2 operators and 2 readings":              "part,operator,trial,x\n1,A,1,3\n",
		"no rows": "part,operator,trial,x\n",
	} {
		if _, _, err := gauge.ReadCSV(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

// FuzzReadCSV: whatever is read, reading returns, and what it takes can be judged
// or says why not.
func FuzzReadCSV(f *testing.F) {
	f.Add(table())
	f.Add("part,operator,trial,a\n1,A,1,1\n1,A,2,2\n1,B,1,3\n1,B,2,4\n2,A,1,1\n2,A,2,2\n2,B,1,3\n2,B,2,1e308\n")
	f.Fuzz(func(t *testing.T, text string) {
		names, studies, err := gauge.ReadCSV(strings.NewReader(text))
		if err != nil || len(text) > 1000 {
			return
		}
		if len(names) != len(studies) {
			t.Errorf("%d names of %d studies", len(names), len(studies))
		}
		for _, s := range studies {
			if err := s.Check(); err != nil {
				t.Error(err)
			}
		}
	})
}
