package binary

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"kensa/vision/defect"
)

// Recipe is the recipe of this repository, fitted to the DeepPCB set: every key
// with its meaning, unit and range.
//
//go:embed deeppcb.toml
var Recipe string

// Params are a recipe's settings. What they mean, their units and ranges stand
// in deeppcb.toml, key by key.
type Params struct {
	Material   defect.Material `toml:"material"`
	Alignment  Alignment       `toml:"alignment"`
	Evidence   Evidence        `toml:"evidence"`
	Confidence Confidence      `toml:"confidence"`
	Box        Box             `toml:"box"`
}

// Alignment says how far the template may lie from the image.
type Alignment struct {
	Reach        int `toml:"reach"`
	Wander       int `toml:"wander"`
	Pull         int `toml:"pull"`
	Closer       int `toml:"closer"`
	Surroundings int `toml:"surroundings"`
}

// Evidence says what counts as a difference.
type Evidence struct {
	Tolerance     int `toml:"tolerance"`
	MinFar        int `toml:"min_far"`
	MinArea       int `toml:"min_area"`
	MergeDistance int `toml:"merge_distance"`
	JoinDistance  int `toml:"join_distance"`
	MinIsland     int `toml:"min_island"`
	MaxBlemish    int `toml:"max_blemish"`
}

// Confidence says how sure so much evidence makes.
type Confidence struct {
	Half   float64 `toml:"half"`
	Length float64 `toml:"length"`
	Edge   float64 `toml:"edge"`
	Least  float64 `toml:"least"`
}

// Box says how boxes are drawn around defects.
type Box struct {
	Margin int `toml:"margin"`
}

// ParseParams reads a recipe. Keys that it leaves out have the value of Recipe.
// Errors begin with name and say which key is unknown or out of range.
func ParseParams(text, name string) (p Params, err error) {
	if _, err := toml.Decode(Recipe, &p); err != nil {
		return p, fmt.Errorf("deeppcb.toml: %w", err)
	}
	meta, err := toml.Decode(text, &p)
	if err != nil {
		return p, fmt.Errorf("%s: %w", name, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		names := make([]string, len(unknown))
		for n, key := range unknown {
			names[n] = key.String()
		}
		return p, fmt.Errorf("%s: unknown key %s", name, strings.Join(names, ", "))
	}
	if err := p.Check(); err != nil {
		return p, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// maxMove keeps every shift below the width of a word.
const maxMove = wordBits - 1

// Check reports the first value out of range, by its dotted key.
func (p Params) Check() error {
	if err := p.Material.Check(); err != nil {
		return err
	}
	a, e := p.Alignment, p.Evidence
	for _, v := range []struct {
		key             string
		value, from, to int
	}{
		{"alignment.reach", a.Reach, 0, 32}, {"alignment.wander", a.Wander, 0, 8}, {"alignment.pull", a.Pull, 0, 10_000},
		{"alignment.closer", a.Closer, 0, 8}, {"alignment.surroundings", a.Surroundings, ringReach, 256},
		{"evidence.tolerance", e.Tolerance, 1, 16}, {"evidence.min_far", e.MinFar, 1, 1_000_000}, {"evidence.min_area", e.MinArea, 1, 1_000_000},
		{"evidence.merge_distance", e.MergeDistance, 0, 100}, {"evidence.join_distance", e.JoinDistance, 0, 100},
		{"evidence.min_island", e.MinIsland, 0, 1_000_000}, {"evidence.max_blemish", e.MaxBlemish, 0, 1_000_000},
		{"box.margin", p.Box.Margin, 0, 100},
	} {
		if v.value < v.from || v.value > v.to {
			return fmt.Errorf("%s: %d; want %d to %d", v.key, v.value, v.from, v.to)
		}
	}
	c := p.Confidence
	if !(c.Half > 0 && c.Half <= 1e6) {
		return fmt.Errorf("confidence.half: %v; want more than 0, to 1000000", c.Half)
	}
	if !(c.Length > 0 && c.Length <= 1e6) {
		return fmt.Errorf("confidence.length: %v; want more than 0, to 1000000", c.Length)
	}
	if !(c.Edge >= 0 && c.Edge <= 1) {
		return fmt.Errorf("confidence.edge: %v; want 0 to 1", c.Edge)
	}
	if !(c.Least >= 0 && c.Least <= 1) {
		return fmt.Errorf("confidence.least: %v; want 0 to 1", c.Least)
	}
	return nil
}
