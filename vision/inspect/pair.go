package inspect

// PairParams tune the comparison of an image with a reference image.
type PairParams struct {
	MinOverlap  float64 `toml:"min_overlap"`
	MaxRotation float64 `toml:"max_rotation"`
	MaxScale    float64 `toml:"max_scale"`
}

func DefaultPairParams() PairParams { return PairParams{MinOverlap: 0.3, MaxRotation: 1, MaxScale: 0.01} }
