package config

import (
	"fmt"
	"math"

	"kensa/vision/golden"
	"kensa/vision/inspect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// Die says how dies are compared, and where on the die less strictly.
type Die struct {
	inspect.GoldenParams
	// Masks lists regions of the die that are not inspected, or inspected with
	// wider limits, such as a lot's own marking or a pad that probes may scratch. Modes
	// golden and voting. A mask only takes findings away; a defect that reaches
	// beyond it is found there.
	Masks []Mask `toml:"mask"`
}

// MaskKind says what a mask does.
type MaskKind string

// Kinds of mask.
const (
	Ignore  MaskKind = "ignore"
	Relaxed MaskKind = "relaxed"
)

// Mask is a rectangle on the die.
type Mask struct {
	// X and Y are the lower left corner, from the die's lower left corner.
	X length.Length `toml:"x"`
	Y length.Length `toml:"y"`
	// Width and Height of the region, which must lie inside the die. Every pixel
	// that it touches belongs to it.
	Width  length.Length `toml:"width"`
	Height length.Length `toml:"height"`
	// Kind is "ignore" where nothing is inspected, or "relaxed" where the limits
	// are Factor times as wide.
	Kind MaskKind `toml:"kind"`
	// Factor widens the limits of a relaxed region, 1 to 100. Where regions overlap
	// the widest limits count.
	Factor float64 `toml:"factor"`
}

// maxMasks bounds the masks of a recipe: more is a list gone wrong.
const maxMasks = 1000

// checkMasks reports the first mask that makes no sense, by its number from 1.
func (r Recipe) checkMasks() error {
	switch {
	case len(r.Die.Masks) > maxMasks:
		return fmt.Errorf("mask: %d regions; want at most %d", len(r.Die.Masks), maxMasks)
	case len(r.Die.Masks) > 0 && r.Layout.Kind != wafer.DieGrid:
		return fmt.Errorf("mask: layout.kind %q has no die for it; want %q", r.Layout.Kind, wafer.DieGrid)
	}
	for n, m := range r.Die.Masks {
		if err := m.check(r.Layout); err != nil {
			return fmt.Errorf("mask %d: %w", n+1, err)
		}
	}
	return nil
}

func (m Mask) check(l wafer.Layout) error {
	if err := inside("x", "width", m.X, m.Width, l.DieWidth); err != nil {
		return err
	}
	if err := inside("y", "height", m.Y, m.Height, l.DieHeight); err != nil {
		return err
	}
	switch {
	case m.Kind != Ignore && m.Kind != Relaxed:
		return fmt.Errorf("kind: %q; want %q or %q", m.Kind, Ignore, Relaxed)
	case m.Kind == Ignore && m.Factor != 0:
		return fmt.Errorf("factor: %v; kind %q takes none", m.Factor, Ignore)
	case m.Kind == Relaxed && !(m.Factor >= 1 && m.Factor <= 100):
		return fmt.Errorf("factor: %v; want 1 to 100", m.Factor)
	}
	return nil
}

// inside wants a region's extent along one side to lie on the die. Sums may
// miss the die's own size by rounding.
func inside(place, size string, at, extent, die length.Length) error {
	const rounding = 1e-6 * length.Micrometre
	switch {
	case !(at >= 0 && at < die):
		return fmt.Errorf("%s: %v; want 0 to less than the die's %v", place, at, die)
	case !(extent > 0):
		return fmt.Errorf("%s: %v; want more than 0", size, extent)
	case !(at+extent <= die+rounding):
		return fmt.Errorf("%s: %v from %v leaves the die of %v; want at most %v", size, extent, at, die, die-at)
	}
	return nil
}

// Masks are the recipe's masks in pixels of the die.
func (r Recipe) Masks() []golden.Mask {
	var masks []golden.Mask
	for _, m := range r.Die.Masks {
		factor := m.Factor
		if m.Kind == Ignore {
			factor = math.Inf(1)
		}
		masks = append(masks, golden.Mask{Rect: r.Layout.OnDie(wafer.Point{X: m.X, Y: m.Y}, m.Width, m.Height), Factor: factor})
	}
	return masks
}
