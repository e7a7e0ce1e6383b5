package inspect

import (
	"fmt"

	"kensa/vision/defect"
)

// PairParams tune the comparison of an image with a reference image. Grey
// values count in units of an 8-bit image, whatever the images' depth.
type PairParams struct {
	// MinOverlap is the least share of the smaller image's area, 0.1 to 1, that
	// both images must show. Lower it for images taken far apart; that costs
	// certainty of the match.
	MinOverlap float64 `toml:"min_overlap"`
	// MaxRotation is the greatest rotation between the images in degrees, 0.01
	// to 5. Beyond it the pair counts as not registered.
	MaxRotation float64 `toml:"max_rotation"`
	// MaxScale is the greatest relative difference of scale, 0.001 to 0.05.
	// Beyond it the pair counts as not registered.
	MaxScale float64 `toml:"max_scale"`
	// MinAgreement is the least share, 0 to 1, of the image's patterned blocks
	// of 32 × 32 pixels that must fit the reference; below it the images do not
	// show the same pattern and are not compared.
	MinAgreement float64 `toml:"min_agreement"`
	// Scales are the sizes of defect looked for: the standard deviations in
	// pixels, 0.5 to 16 and rising, of the Gaussians that smooth the difference.
	// A spot as wide as twice a scale stands out best at it. Small ones find
	// small spots, large ones faint and wide ones; each costs time.
	Scales []float64 `toml:"scales"`
	// FalseAlarms is the number of false defects, 0.000001 to 1, to expect in an
	// image of pure noise. It sets the threshold in standard deviations by the
	// number of pixels, together with Defects.MinContrast: the higher one counts.
	FalseAlarms float64 `toml:"false_alarms"`
	// BrightnessPitch is the size in pixels, 8 to 1024, over which brightness
	// may differ smoothly between the images. Wider stains than this are taken
	// for uneven light.
	BrightnessPitch float64 `toml:"brightness_pitch"`
	// Border is the width in pixels, 0 to 100, of the rim of the common area
	// that is not compared, because edges that wander in over it cannot be told
	// from defects.
	Border int `toml:"border"`
	// EdgeTolerance is a factor, 0.5 to 10, on the wander of edges that the pair
	// itself shows, since a wander's tails reach further than a normal variable's.
	// Raise it where edges give false alarms; lower it to see smaller spurs.
	EdgeTolerance float64 `toml:"edge_tolerance"`
	// MaxWander is how far, 0.5 to 8 pixels, edges may stray from the reference's,
	// one standard deviation times EdgeTolerance. Beyond it hardly a defect could
	// be told from a stray edge, and the pair is not compared.
	MaxWander float64 `toml:"max_wander"`
	// Material is "bright" or "dark": how lines look against the ground between
	// them, where the reference has a pattern of two grey levels. It decides
	// between the classes of pattern defects.
	Material defect.Material `toml:"material"`
	// Defects says which findings count.
	Defects defect.Params `toml:"defects"`
}

// DefaultPairParams suit micrographs whose smallest defects are a few pixels
// wide.
func DefaultPairParams() PairParams {
	return PairParams{
		MinOverlap: 0.3, MaxRotation: 3.5, MaxScale: 0.03, MinAgreement: 0.9,
		Scales: []float64{1, 2, 4}, FalseAlarms: 0.01, BrightnessPitch: 32, Border: 3, EdgeTolerance: 1.25, MaxWander: 5, Material: defect.BrightMaterial,
		Defects: defect.Params{MinArea: 1, MergeDistance: 8, MinContrast: 6, MaxDefects: 1000},
	}
}

// Check reports the first value out of range, by its name in the recipe.
func (p PairParams) Check() error {
	if err := checkRanges(
		bounded{"min_overlap", p.MinOverlap, 0.1, 1},
		bounded{"max_rotation", p.MaxRotation, 0.01, 5},
		bounded{"max_scale", p.MaxScale, 0.001, 0.05},
		bounded{"min_agreement", p.MinAgreement, 0, 1},
		bounded{"false_alarms", p.FalseAlarms, 1e-6, 1},
		bounded{"brightness_pitch", p.BrightnessPitch, 8, 1024},
		bounded{"edge_tolerance", p.EdgeTolerance, 0.5, 10},
		bounded{"max_wander", p.MaxWander, 0.5, 8},
		bounded{"border", float64(p.Border), 0, 100},
	); err != nil {
		return err
	}
	if err := checkScales(p.Scales, 16); err != nil {
		return err
	}
	if err := p.Material.Check(); err != nil {
		return err
	}
	if err := p.Defects.Check(); err != nil {
		return fmt.Errorf("defects.%w", err)
	}
	return nil
}

// bounded is a parameter with its range.
type bounded struct {
	name              string
	value, least, top float64
}

// checkRanges reports the first value out of its range, NaN included.
func checkRanges(values ...bounded) error {
	for _, v := range values {
		if !(v.value >= v.least && v.value <= v.top) {
			return fmt.Errorf("%s: %v; want %v to %v", v.name, v.value, v.least, v.top)
		}
	}
	return nil
}

// checkScales wants one to eight rising scales from 0.5 to largest pixels.
func checkScales(scales []float64, largest float64) error {
	if len(scales) < 1 || len(scales) > 8 {
		return fmt.Errorf("scales: %d of them; want 1 to 8", len(scales))
	}
	for n, s := range scales {
		if !(s >= 0.5 && s <= largest) {
			return fmt.Errorf("scales: %v pixels; want 0.5 to %v", s, largest)
		}
		if n > 0 && s <= scales[n-1] {
			return fmt.Errorf("scales: %v after %v; want rising ones", s, scales[n-1])
		}
	}
	return nil
}
