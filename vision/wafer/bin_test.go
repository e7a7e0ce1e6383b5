package wafer

import (
	"image"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/defect"
	"kensa/vision/length"
)

// found is a defect of a class, so many pixels long, of a contrast.
func found(c defect.Class, pixels int, contrast float64) defect.Defect {
	return defect.Defect{Class: c, Box: image.Rect(0, 0, 2, pixels), Contrast: contrast}
}

func TestBinRules(t *testing.T) {
	rules := Rules{
		{Bin: 7, Name: "short", Classes: []defect.Class{defect.Short, defect.Copper}},
		{Bin: 8, Name: "large", MinSize: 10},
		{Bin: 9, Name: "dirty", Classes: []defect.Class{defect.Particle}, MinCount: 3},
		{Bin: 10, Name: "faint", MinContrast: 8},
		{Bin: 7, Name: "short", MinCount: 5}, // one bin from two rules
	}
	if err := rules.Check(); err != nil {
		t.Fatal(err)
	}
	particle := found(defect.Particle, 2, 5)
	for _, c := range []struct {
		name    string
		defects []defect.Defect
		want    Bin
	}{
		{"none", nil, Good},
		{"below every limit", []defect.Defect{found(defect.Spur, 19, 7.9)}, Good},
		{"of a class", []defect.Defect{found(defect.Spur, 2, 1), found(defect.Copper, 2, 1)}, 7},
		{"exactly the size, 20 pixels of 0.5 µm", []defect.Defect{found(defect.Spur, 20, 1)}, 8},
		{"the first rule that holds decides", []defect.Defect{found(defect.Spur, 99, 99), found(defect.Short, 2, 1)}, 7},
		{"two of three", []defect.Defect{particle, particle}, Good},
		{"three of three", []defect.Defect{particle, particle, particle}, 9},
		{"one of another class does not count", []defect.Defect{particle, particle, found(defect.Spur, 2, 1)}, Good},
		{"exactly the contrast", []defect.Defect{found(defect.Spur, 2, 8)}, 10},
		{"the last rule counts any", []defect.Defect{particle, particle, found(defect.Spur, 2, 1), found(defect.Spur, 2, 1), found(defect.Open, 2, 1)}, 7},
	} {
		if got := rules.Bin(c.defects, 0.5); got != c.want {
			t.Errorf("%s: bin %d; want %d", c.name, got, c.want)
		}
	}
	for bin, want := range map[Bin]string{NotInspected: "not inspected", Good: "good", 7: "short", 9: "dirty", 77: "bin 77"} {
		if got := rules.Name(bin); got != want {
			t.Errorf("bin %d is called %q; want %q", bin, got, want)
		}
	}
	if got := (Rules)(nil).Bin([]defect.Defect{particle}, 1); got != Good {
		t.Errorf("without rules: bin %d", got)
	}
}

func TestRulesCheckNamesTheRule(t *testing.T) {
	good := Rule{Bin: 2, Name: "any"}
	for _, c := range []struct {
		rule Rule
		want string
	}{
		{Rule{Bin: 0, Name: "x"}, "bin 2: bin: 0"},
		{Rule{Bin: 1, Name: "x"}, "bin 2: bin: 1"},
		{Rule{Bin: 256, Name: "x"}, "bin 2: bin: 256"},
		{Rule{Bin: 3}, "bin 2: name: empty"},
		{Rule{Bin: 2, Name: "other"}, `"any" and "other"`},
		{Rule{Bin: 3, Name: "x", MinSize: -1}, "min_size -1 µm"},
		{Rule{Bin: 3, Name: "x", MinSize: length.Length(math.NaN())}, "min_size NaN"},
		{Rule{Bin: 3, Name: "x", MinContrast: math.NaN()}, "min_contrast NaN"},
		{Rule{Bin: 3, Name: "x", MinCount: -1}, "min_count -1"},
	} {
		if err := (Rules{good, c.rule}).Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v; want %q", c.rule, err, c.want)
		}
	}
}

func TestRulesCheckClassesNamesTheClass(t *testing.T) {
	rules := Rules{{Bin: 2, Name: "any"}, {Bin: 3, Name: "x", Classes: []defect.Class{defect.Stain, "crack"}}}
	if err := rules.CheckClasses(defect.Classes); err == nil || !strings.Contains(err.Error(), `bin 2: classes: "crack" is no defect class`) {
		t.Errorf("error %v; want the class and its rule", err)
	}
	if err := rules.CheckClasses(append([]defect.Class{"crack"}, defect.Classes...)); err != nil {
		t.Errorf("a site's own class: %v", err)
	}
}

// TestAnotherDefectNeverMakesADieGood: adding findings can move a die to an
// earlier rule's bin only.
func TestAnotherDefectNeverMakesADieGood(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rules Rules
		for n := range rapid.IntRange(0, 4).Draw(t, "rules") {
			rules = append(rules, Rule{Bin: Bin(n + 2), Name: "x",
				Classes:     rapid.SliceOfN(rapid.SampledFrom(defect.Classes), 0, 3).Draw(t, "classes"),
				MinSize:     length.Length(rapid.IntRange(0, 20).Draw(t, "size")),
				MinContrast: rapid.Float64Range(0, 20).Draw(t, "contrast"),
				MinCount:    rapid.IntRange(0, 3).Draw(t, "count")})
		}
		place := func(b Bin) Bin { // good counts as the rule after the last
			if b == Good {
				return Bin(len(rules) + 2)
			}
			return b
		}
		var list []defect.Defect
		for range rapid.IntRange(0, 8).Draw(t, "defects") {
			before := rules.Bin(list, 1)
			list = append(list, found(rapid.SampledFrom(defect.Classes).Draw(t, "class"),
				rapid.IntRange(1, 30).Draw(t, "pixels"), rapid.Float64Range(0, 30).Draw(t, "sigma")))
			if after := rules.Bin(list, 1); place(after) > place(before) {
				t.Fatalf("bin %d became %d with one more defect", before, after)
			}
		}
	})
}
