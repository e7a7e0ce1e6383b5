package config

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"kensa/vision/defect"
	"kensa/vision/inspect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// ExampleRecipe is a recipe with every key, its default and its meaning: the
// demo product's.
//
//go:embed recipe.toml
var ExampleRecipe []byte

// Mode says what frames are compared with.
type Mode string

// Modes of a recipe.
const (
	Golden      Mode = "golden"
	Voting      Mode = "voting"
	Unpatterned Mode = "unpatterned"
)

// Recipe says how a product is inspected.
type Recipe struct {
	// Name is the recipe's identifier for the host (PPID), and Version the
	// engineer's own label for its state; both go into every result.
	Name    string `toml:"name"`
	Version string `toml:"version"`
	// Mode is "golden" to compare each die with a learnt golden die, "voting" to
	// compare the dies of a field with each other, where no golden exists yet, or
	// "unpatterned" to look for anomalies on a bare wafer. Voting cannot see what
	// all dies have in common, such as a flaw of the mask.
	Mode Mode `toml:"mode"`
	// Golden is the file that `kensa train` wrote, relative to the recipe's own
	// folder. Mode golden needs it.
	Golden string `toml:"golden"`
	// MinYield is the least share of good dies, 0 to 1, of a good wafer.
	MinYield wafer.Yield `toml:"min_yield"`
	// LightLimit is the part, 0 to 1, by which the light on a wafer may differ
	// from the golden's before an alarm tells of it; 0 never does. Mode golden.
	LightLimit float64 `toml:"light_limit"`
	// Where dies and fields lie.
	Layout wafer.Layout `toml:"layout"`
	// The frame that the camera gives, in pixels; a field must fit into it.
	Frame FrameSize `toml:"frame"`
	// How a die is compared with its golden, or with the other dies. Modes golden
	// and voting.
	Die Die `toml:"die"`
	// What counts as an anomaly. Mode unpatterned.
	Unpatterned inspect.UnpatternedParams `toml:"unpatterned"`
	// The site's own classes of defects.
	Classifier Classifier `toml:"classifier"`
	// Images kept of defects.
	Images Images `toml:"images"`
	// Bins that dies get for their defects. The rules are tried in order; a die
	// for which none holds is good (bin 1).
	Bins wafer.Rules `toml:"bin"`

	path string
	hash string
}

// FrameSize is the size of the camera's frames in pixels. Layouts of kind
// "sequence" take frames of any size.
type FrameSize struct {
	// Width and Height in pixels.
	Width  int `toml:"width"`
	Height int `toml:"height"`
}

// Classifier says who names defects beside the rules.
type Classifier struct {
	// File is what `kensa train classifier` wrote, relative to the recipe's own
	// folder; empty leaves all classes to the rules.
	File string `toml:"file"`
	// Confidence is the probability, 0.5 to 1, from which the classifier's class
	// counts; below it, and for defects unlike any that it learnt from, the rules'
	// class stays.
	Confidence float64 `toml:"confidence"`
}

// Images says how many images of defects are kept.
type Images struct {
	// Max is how many of a wafer's defects are kept as images; 0 keeps none.
	Max int `toml:"max"`
	// Size is the side of such an image in pixels, 16 to 1024. A larger defect
	// gets a larger one.
	Size int `toml:"size"`
}

// DefaultRecipe is the demo product's recipe.
func DefaultRecipe() Recipe {
	const mm = length.Millimetre
	return Recipe{
		Name: demoProduct, Version: "1", Mode: Golden, Golden: demoProduct + ".golden", MinYield: 0.8, LightLimit: 0.15,
		Layout: wafer.Layout{
			Kind: wafer.DieGrid, Diameter: 200 * mm, EdgeExclusion: 3 * mm,
			PitchX: 12 * mm, PitchY: 10 * mm, DieWidth: 11.6 * mm, DieHeight: 9.6 * mm,
			Notch: wafer.Down, FieldColumns: 3, FieldRows: 3, Path: wafer.Serpentine, PixelSize: 40 * length.Micrometre,
		},
		Frame:       FrameSize{960, 800},
		Die:         Die{GoldenParams: inspect.DefaultGoldenParams()},
		Unpatterned: inspect.DefaultUnpatternedParams(),
		Classifier:  Classifier{Confidence: 0.8},
		Images:      Images{Max: 50, Size: 96},
		Bins: wafer.Rules{
			{Bin: 2, Name: "open", Classes: []defect.Class{defect.Open}},
			{Bin: 3, Name: "short", Classes: []defect.Class{defect.Short}},
			{Bin: 4, Name: "edge", Classes: []defect.Class{defect.MouseBite, defect.Spur}, MinSize: 160 * length.Micrometre},
			{Bin: 5, Name: "island or hole", Classes: []defect.Class{defect.Copper, defect.PinHole}},
			{Bin: 6, Name: "foreign matter", Classes: []defect.Class{defect.Particle, defect.Scratch, defect.Stain, defect.Chip}},
			{Bin: 7, Name: "other", MinSize: 200 * length.Micrometre},
		},
	}
}

// demoProduct is the product of the example recipe.
const demoProduct = "demo-logic"

// DemoRecipe is the example recipe for another of the simulated products.
func DemoRecipe(product string) []byte {
	return bytes.ReplaceAll(ExampleRecipe, []byte(demoProduct), []byte("demo-"+product))
}

// BareRecipe inspects any image by itself: the recipe of replayed images where
// none is named.
func BareRecipe() Recipe {
	r := DefaultRecipe()
	r.Name, r.Mode, r.Golden, r.Frame = "bare-wafer", Unpatterned, "", FrameSize{}
	r.Layout = wafer.Layout{Kind: wafer.Sequence, PixelSize: 1 * length.Micrometre}
	r.Bins = wafer.Rules{{Bin: 2, Name: "defective"}}
	r.hash = hashOf([]byte("bare-wafer/" + r.Version))
	return r
}

// LoadRecipe reads a recipe over the defaults, aside from layout and bins,
// which have none. Its golden is not read here.
func LoadRecipe(path string) (Recipe, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Recipe{}, fmt.Errorf("recipe: %w", err)
	}
	r := DefaultRecipe()
	r.Layout, r.Bins, r.Golden, r.Frame = wafer.Layout{Kind: wafer.DieGrid, Notch: wafer.Down, Path: wafer.Serpentine}, nil, "", FrameSize{}
	if err := decode(path, string(text), &r); err != nil {
		return Recipe{}, err
	}
	if err := r.Check(); err != nil {
		return Recipe{}, fmt.Errorf("%s: %w", path, err)
	}
	r.path, r.hash = path, hashOf(text)
	return r, nil
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Hash is the SHA-256 of the recipe's file, hex.
func (r Recipe) Hash() string { return r.hash }

// GoldenPath is where the recipe's golden lies.
func (r Recipe) GoldenPath() string { return r.beside(r.Golden) }

// ClassifierPath is where the recipe's classifier lies; empty where it has none.
func (r Recipe) ClassifierPath() string {
	if r.Classifier.File == "" {
		return ""
	}
	return r.beside(r.Classifier.File)
}

// beside is a file named relative to the recipe's folder.
func (r Recipe) beside(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(filepath.Dir(r.path), file)
}

// Check reports the first value that makes no sense, by its key.
func (r Recipe) Check() error {
	switch {
	case r.Name == "":
		return fmt.Errorf("name: empty; want the recipe's identifier (PPID)")
	case r.Mode != Golden && r.Mode != Voting && r.Mode != Unpatterned:
		return fmt.Errorf("mode: %q; want %q, %q or %q", r.Mode, Golden, Voting, Unpatterned)
	case r.Mode == Voting && r.Layout.Kind != wafer.DieGrid:
		return fmt.Errorf("mode: %q; layout.kind %q has no dies to compare with each other; want %q", r.Mode, r.Layout.Kind, wafer.DieGrid)
	case r.Mode == Golden && r.Golden == "":
		return fmt.Errorf("golden: missing; mode %q needs a golden file, which `kensa train` makes", r.Mode)
	case !(r.MinYield >= 0 && r.MinYield <= 1):
		return fmt.Errorf("min_yield: %v; want 0 to 1", float64(r.MinYield))
	case !(r.LightLimit >= 0 && r.LightLimit <= 1):
		return fmt.Errorf("light_limit: %v; want 0 to 1", r.LightLimit)
	case !(r.Classifier.Confidence >= 0.5 && r.Classifier.Confidence <= 1):
		return fmt.Errorf("classifier.confidence: %v; want 0.5 to 1", r.Classifier.Confidence)
	case r.Images.Max < 0 || r.Images.Max > 10000:
		return fmt.Errorf("images.max: %d; want 0 to 10000", r.Images.Max)
	case r.Images.Size < 16 || r.Images.Size > 1024:
		return fmt.Errorf("images.size: %d; want 16 to 1024 pixels", r.Images.Size)
	}
	if err := r.checkParts(); err != nil {
		return err
	}
	if r.Classifier.File == "" { // else what it knows is checked when it is read
		if err := r.Bins.CheckClasses(defect.Classes); err != nil {
			return fmt.Errorf("bin.%w", err)
		}
	}
	if err := r.checkMasks(); err != nil {
		return fmt.Errorf("die.%w", err)
	}
	return nil
}

// checkParts checks what other packages define.
func (r Recipe) checkParts() error {
	for _, part := range []struct {
		key   string
		check func() error
	}{
		{"layout", r.Layout.Check}, {"die", r.Die.Check},
		{"unpatterned", r.Unpatterned.Check}, {"bin", r.Bins.Check},
	} {
		if err := part.check(); err != nil {
			return fmt.Errorf("%s.%w", part.key, err)
		}
	}
	return nil
}
