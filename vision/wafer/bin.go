package wafer

import (
	"fmt"
	"slices"

	"kensa/vision/defect"
	"kensa/vision/length"
)

// Bin is a die's verdict as a code: 0 is not inspected, 1 is good, the recipe's
// rules give the others.
type Bin int

// Bins with a fixed meaning.
const (
	NotInspected Bin = 0
	Good         Bin = 1
	maxBin       Bin = 255
)

// Rule gives a bin to a die that has defects of some kinds. Rules are tried in
// the recipe's order and the first that holds decides; a die that none holds
// for is good.
type Rule struct {
	// Bin is the code, 2 to 255.
	Bin Bin `toml:"bin"`
	// Name is what operators read, such as "short".
	Name string `toml:"name"`
	// Classes are the defect classes that count; empty means every class.
	Classes []defect.Class `toml:"classes"`
	// MinSize is the least length of the longer side of a defect's box.
	MinSize length.Length `toml:"min_size"`
	// MinContrast is the least contrast, in standard deviations.
	MinContrast float64 `toml:"min_contrast"`
	// MinCount is how many such defects a die must have; 0 means 1.
	MinCount int `toml:"min_count"`
}

// Rules are a recipe's bin rules in the order in which they are tried.
type Rules []Rule

// Check reports the first rule that makes no sense, by its place from 1.
func (r Rules) Check() error {
	seen := map[Bin]string{}
	for n, rule := range r {
		at := func(format string, args ...any) error {
			return fmt.Errorf("bin %d: %w", n+1, fmt.Errorf(format, args...))
		}
		if rule.Bin < 2 || rule.Bin > maxBin {
			return at("bin: %d; want 2 to %d (0 is not inspected, 1 is good)", rule.Bin, maxBin)
		}
		if rule.Name == "" {
			return at("name: empty; want a word for the operator")
		}
		if other, ok := seen[rule.Bin]; ok && other != rule.Name {
			return at("bin: %d is called %q and %q; want one name", rule.Bin, other, rule.Name)
		}
		seen[rule.Bin] = rule.Name
		if !(rule.MinSize >= 0 && rule.MinContrast >= 0) || rule.MinCount < 0 { // so that NaN fails too
			return at("min_size %v, min_contrast %v, min_count %d; want none below 0", rule.MinSize, rule.MinContrast, rule.MinCount)
		}
	}
	return nil
}

// CheckClasses reports the first class that is not among those known.
func (r Rules) CheckClasses(known []defect.Class) error {
	for n, rule := range r {
		for _, c := range rule.Classes {
			if !slices.Contains(known, c) {
				return fmt.Errorf("bin %d: classes: %q is no defect class; known: %v", n+1, c, known)
			}
		}
	}
	return nil
}

// Bin is the bin of an inspected die with these defects.
func (r Rules) Bin(defects []defect.Defect, pixel length.Length) Bin {
	for _, rule := range r {
		n := 0
		for _, d := range defects {
			if rule.counts(d, pixel) {
				n++
			}
		}
		if n >= max(rule.MinCount, 1) {
			return rule.Bin
		}
	}
	return Good
}

func (r Rule) counts(d defect.Defect, pixel length.Length) bool {
	size := length.Length(max(d.Box.Dx(), d.Box.Dy())) * pixel
	return (len(r.Classes) == 0 || slices.Contains(r.Classes, d.Class)) && size >= r.MinSize && d.Contrast >= r.MinContrast
}

// Name is what operators read for a bin.
func (r Rules) Name(b Bin) string {
	switch b {
	case NotInspected:
		return "not inspected"
	case Good:
		return "good"
	}
	for _, rule := range r {
		if rule.Bin == b {
			return rule.Name
		}
	}
	return fmt.Sprintf("bin %d", b)
}
