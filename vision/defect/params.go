package defect

import "fmt"

// Params says which blobs of pixels beyond the limits are defects.
type Params struct {
	// MinArea is the least number of pixels beyond the limits, 1 to 1000000.
	// Smaller findings are taken for noise. Raise it where good dies give false
	// alarms of a pixel or two; lower it to catch smaller defects.
	MinArea int `toml:"min_area"`
	// MergeDistance is how many good pixels, 0 to 100, may lie between two
	// findings that count as one defect. 0 joins only pixels that touch, be it
	// at a corner.
	MergeDistance int `toml:"merge_distance"`
	// MinContrast is the least deviation of a defect's strongest pixel from the
	// expected grey value, 0 to 1000 standard deviations of the good image there.
	MinContrast float64 `toml:"min_contrast"`
	// MaxDefects is how many defects a die may have, 1 to 100000, before it is
	// reported as not comparable: a die of thousands of defects is a wrong die,
	// or one out of focus.
	MaxDefects int `toml:"max_defects"`
}

// DefaultParams leave room below them: at golden.DefaultLimits good dies do not
// even give single pixels.
func DefaultParams() Params {
	return Params{MinArea: 3, MergeDistance: 2, MinContrast: 5, MaxDefects: 1000}
}

// runsPerDefect bounds the runs of one die by its defects: MaxDefects defects
// of this many rows each.
const runsPerDefect = 100

// MaxRuns is the number of runs beyond which a die is not comparable.
func (p Params) MaxRuns() int { return runsPerDefect * p.MaxDefects }

// Check reports the first value out of range, by its name in the recipe.
func (p Params) Check() error {
	switch {
	case p.MinArea < 1 || p.MinArea > 1_000_000:
		return fmt.Errorf("min_area: %d pixels; want 1 to 1000000", p.MinArea)
	case p.MergeDistance < 0 || p.MergeDistance > 100:
		return fmt.Errorf("merge_distance: %d pixels; want 0 to 100", p.MergeDistance)
	case !(p.MinContrast >= 0 && p.MinContrast <= 1000):
		return fmt.Errorf("min_contrast: %v standard deviations; want 0 to 1000", p.MinContrast)
	case p.MaxDefects < 1 || p.MaxDefects > 100_000:
		return fmt.Errorf("max_defects: %d; want 1 to 100000", p.MaxDefects)
	}
	return nil
}
