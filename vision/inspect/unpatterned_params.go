package inspect

import (
	"fmt"
	"image"

	"kensa/vision/defect"
)

// UnpatternedParams tune the search for anomalies on a bare wafer. Grey values
// count in units of an 8-bit image, whatever the image's depth.
type UnpatternedParams struct {
	// Background is the radius in pixels, 32 to 1024, over which the background is
	// followed: what is much wider is taken for uneven light, film thickness or
	// vignetting. Raise it to see wide stains; lower it where the light changes
	// quickly.
	Background float64 `toml:"background"`
	// Levels is how many sizes of defect are looked for, 1 to 6, each twice as
	// large as the one before: spots about 3, 6, 12 … pixels wide stand out best.
	Levels int `toml:"levels"`
	// FalseAlarms is the number of false defects, 0.000001 to 1, to expect in an
	// image of pure noise. It sets the threshold in standard deviations by the
	// number of pixels, together with Defects.MinContrast: the higher one counts.
	FalseAlarms float64 `toml:"false_alarms"`
	// MinRelative is the least mean difference of a finding from its background,
	// 0 to 1, as a share of the background's grey value: fainter ones are left
	// out, however certain. Lower it to see the faintest haze and specks; raise it
	// to see only what catches the eye.
	MinRelative float64 `toml:"min_relative"`
	// EdgeMargin is the width in pixels, 0 to 1000, of the rim along the wafer's
	// edge in which only chips are looked for, because the edge's own shading
	// hides everything else. Raise it where the rim gives false alarms.
	EdgeMargin int `toml:"edge_margin"`
	// MinChip is the least depth in pixels, 4 to 1000, of a notch in the wafer's
	// edge that counts as a chip.
	MinChip int `toml:"min_chip"`
	// Ignore lists parts of the frame, in camera pixels, that are not inspected:
	// known dust on the camera or a mark on the chuck.
	Ignore []Region `toml:"ignore"`
	// Defects says which findings count.
	Defects defect.Params `toml:"defects"`
}

// Region is a rectangle of a frame in pixels.
type Region struct {
	X      int `toml:"x"`      // of the upper left corner, from the left
	Y      int `toml:"y"`      // from the top
	Width  int `toml:"width"`  // at least 1
	Height int `toml:"height"` // at least 1
}

func (r Region) rectangle() image.Rectangle { return image.Rect(r.X, r.Y, r.X+r.Width, r.Y+r.Height) }

// DefaultUnpatternedParams suit photographs through a low-power objective in
// which the smallest particles are a few pixels wide.
func DefaultUnpatternedParams() UnpatternedParams {
	return UnpatternedParams{
		Background: 128, Levels: 4, FalseAlarms: 0.01, MinRelative: 0.03, EdgeMargin: 32, MinChip: 12,
		Defects: defect.Params{MinArea: 4, MergeDistance: 6, MinContrast: 6, MaxDefects: 5000},
	}
}

// Check reports the first value out of range, by its name in the recipe.
func (p UnpatternedParams) Check() error {
	if err := checkRanges(
		bounded{"background", p.Background, 32, 1024},
		bounded{"levels", float64(p.Levels), 1, 6},
		bounded{"false_alarms", p.FalseAlarms, 1e-6, 1},
		bounded{"min_relative", p.MinRelative, 0, 1},
		bounded{"edge_margin", float64(p.EdgeMargin), 0, 1000},
		bounded{"min_chip", float64(p.MinChip), 4, 1000},
	); err != nil {
		return err
	}
	for n, r := range p.Ignore {
		if r.Width < 1 || r.Height < 1 {
			return fmt.Errorf("ignore %d: %d×%d pixels; want at least 1×1", n+1, r.Width, r.Height)
		}
	}
	if err := p.Defects.Check(); err != nil {
		return fmt.Errorf("defects.%w", err)
	}
	return nil
}
