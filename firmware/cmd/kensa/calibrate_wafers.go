package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"kensa/calibration/capability"
	"kensa/calibration/cli"
	"kensa/calibration/product"
	"kensa/calibration/store"
	"kensa/calibration/training"
	"kensa/firmware/appliance"
	"kensa/firmware/config"
	"kensa/firmware/version"
	"kensa/hw/bench"
	"kensa/hw/simulator"
	"kensa/hw/simulator/stand"
	"kensa/vision/defect"
	"kensa/vision/durable"
	"kensa/vision/golden"
	"kensa/vision/hotpath"
)

// onWafers is the part of the procedures that look at wafers of a product.
type onWafers struct {
	calibrating
	Recipe   string        `help:"Recipe of the wafers; unless given, the configured one, or on the simulated bench one of the demo product's."`
	Light    float64       `default:"1" help:"Part of the light's full current, 0 to 1."`
	Exposure time.Duration `default:"10ms" help:"Exposure of each frame: that of inspection."`
}

func (w *onWafers) lighting() product.Lighting {
	return product.Lighting{Light: w.Light, Exposure: w.Exposure}
}

// open loads configuration and recipe.
func (w *onWafers) open() (loaded config.Config, recipe config.Recipe, err error) {
	if loaded, err = w.load(); err != nil {
		return loaded, recipe, err
	}
	file := w.Recipe
	if file == "" && loaded.Recipe.File != "" {
		file = appliance.RecipePath(loaded)
	}
	if file == "" {
		if loaded.Source.Camera != "simulated" {
			return loaded, recipe, fail(exitUsage, errors.New("which recipe: none is configured"), "name one with --recipe")
		}
		if file, err = practiceRecipe(loaded); err != nil {
			return loaded, recipe, err
		}
	}
	recipe, err = config.LoadRecipe(file)
	if err == nil && recipe.Mode != config.Golden {
		err = fmt.Errorf("%s: mode %q; want %q", file, recipe.Mode, config.Golden)
	}
	return loaded, recipe, fail(exitUsage, err, "")
}

// practiceRecipe writes the demo product's recipe for the simulated bench: a
// golden learnt there is not the simulated tool's, whose camera is another.
func practiceRecipe(loaded config.Config) (path string, err error) {
	folder := filepath.Join(appliance.CalibrationFolder(loaded), "practice")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", err
	}
	path = filepath.Join(folder, "demo-"+loaded.Simulator.Product+".toml")
	return path, durable.WriteFile(path, 0o640, func(to io.Writer) error {
		_, err := to.Write(config.DemoRecipe(loaded.Simulator.Product))
		return err
	})
}

// wafers has the simulated bench show the recipe's product.
func wafers(loaded config.Config, recipe config.Recipe) func(*stand.Truth) error {
	return func(truth *stand.Truth) error {
		plan, err := product.Plan(recipe.Name, recipe.Layout, truth.Station)
		if err != nil {
			return err
		}
		options, err := appliance.SimulatorOptions(loaded.Simulator, plan)
		truth.Wafers.Program = options.Program
		return err
	}
}

// flat is what the appliance corrects frames by, and what names it.
func flat(loaded config.Config, s bench.Station) (*hotpath.Flat, string, error) {
	if loaded.Source.Flat != "" {
		f, err := appliance.Flat(loaded)
		return f, loaded.Source.Flat, err
	}
	used, err := inUse(loaded)
	if errors.Is(err, store.ErrNone) || err == nil && (!loaded.Calibration.Flat || used.Station != store.Of(s)) {
		return nil, "none", nil
	}
	if err != nil {
		return nil, "", err
	}
	f, err := appliance.CalibratedFlat(used)
	if err != nil || f == nil {
		return nil, "none", err
	}
	return f, "calibrated " + used.Sections["flat"].At.Format(time.RFC3339), nil
}

type goldenCommand struct {
	onWafers
	Wafers     int     `default:"4" help:"Known-good wafers at hand, 1 to 25; two or more show how wafers differ."`
	MaxDies    int     `default:"200" help:"Dies that are taken at most."`
	MaxError   float64 `default:"15" help:"Limit of σ's standard error, %."`
	MaxLeftOut float64 `default:"10" help:"Limit of the dies that are not like the others, %."`
}

// Run learns a golden on the station. It takes the place of the recipe's when the
// result is accepted.
func (g *goldenCommand) Run(c console) error {
	loaded, recipe, err := g.open()
	if err != nil {
		return err
	}
	return g.guidedOn(c, wafers(loaded, recipe), func(ctx context.Context, guide *cli.Guide) error {
		station := guide.Bench.Station()
		corrected, name, err := flat(loaded, station)
		if err != nil {
			return explainStore(err)
		}
		shown, err := product.New(recipe.Name, recipe.Version, recipe.Layout, recipe.Die.GoldenParams, station, corrected)
		if err != nil {
			return fail(exitUsage, err, "")
		}
		options := training.Options{Lighting: g.lighting(), Wafers: g.Wafers, MaxDies: g.MaxDies, MaxError: g.MaxError / 100, MaxLeftOut: g.MaxLeftOut / 100}
		p, err := training.New(options, shown, golden.Header{Product: recipe.Name, Trained: time.Now().UTC(), Software: version.Version})
		if err != nil {
			return fail(exitUsage, err, "")
		}
		to := c.out
		if g.JSON {
			to = c.err
		}
		guide.Accepted = func() error { return keepGolden(to, recipe, p.Golden()) }
		return guide.Run(ctx, "golden", fmt.Sprintf("%+v recipe %s flat %s", options, recipe.Hash(), name), p)
	})
}

// keepGolden writes an accepted golden; one that was there is kept beside it.
func keepGolden(to io.Writer, recipe config.Recipe, g *golden.Golden) error {
	path := recipe.GoldenPath()
	if _, err := os.Stat(path); err != nil {
		if err := g.Write(path); err != nil {
			return err
		}
		_, err = fmt.Fprintf(to, "  golden: %s\n", path)
		return err
	}
	backup, err := g.Replace(path)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "  golden: %s; the one before is %s\n", path, backup)
	return err
}

type capabilityCommand struct {
	onWafers
	Certificate string  `type:"existingfile" help:"CSV of the wafer's known defects: columns x_um, y_um (from the centre, y up), size_um, class. The simulated bench knows its own."`
	Static      int     `default:"3" help:"Scans without touching the wafer."`
	Dynamic     int     `default:"3" help:"Scans that each follow a new loading."`
	Size        float64 `default:"0" help:"Smallest size that must be found, µm; 0: four of the recipe's pixels."`
	MinCapture  float64 `default:"95" help:"Limit of the capture rate from that size on, %."`
	MaxFalse    float64 `default:"1" help:"Limit of the false counts of a scan."`
}

// Run scans a standard-defect wafer as the appliance would inspect it.
func (k *capabilityCommand) Run(c console) error {
	loaded, recipe, err := k.open()
	if err != nil {
		return err
	}
	return k.guidedOn(c, wafers(loaded, recipe), func(ctx context.Context, guide *cli.Guide) error {
		station := guide.Bench.Station()
		certificate, err := k.certificate(guide.Bench)
		if err != nil {
			return fail(exitInput, err, "name the wafer's certificate with --certificate")
		}
		corrected, name, err := flat(loaded, station)
		if err != nil {
			return explainStore(err)
		}
		make, hash, err := appliance.Inspectors(recipe, corrected)
		if errors.Is(err, appliance.ErrNoGolden) {
			return fail(exitInput, err, "`kensa calibrate golden` learns it")
		}
		if err != nil {
			return fail(exitInput, err, "")
		}
		inspector, err := make()
		if err != nil {
			return fail(exitInput, err, "")
		}
		// The inspector corrects the frames itself.
		shown, err := product.New(recipe.Name, recipe.Version, recipe.Layout, recipe.Die.GoldenParams, station, nil)
		if err != nil {
			return errors.Join(fail(exitUsage, err, ""), inspector.Close())
		}
		options := capability.Options{Lighting: k.lighting(), Static: k.Static, Dynamic: k.Dynamic, Size: k.Size, MinCapture: k.MinCapture / 100, MaxFalse: k.MaxFalse}
		p, err := capability.New(options, shown, inspector, hash, certificate)
		if err != nil {
			return errors.Join(fail(exitUsage, err, ""), inspector.Close())
		}
		err = guide.Run(ctx, "capability", fmt.Sprintf("%+v recipe %s golden %s flat %s certificate %s", options, recipe.Hash(), hash, name, certificate.Hash()), p)
		return errors.Join(err, inspector.Close())
	})
}

// certified is a bench that knows what is wrong with its standard-defect wafer.
type certified interface {
	Certificate() ([]simulator.Defect, error)
}

func (k *capabilityCommand) certificate(b bench.Bench) (*capability.Certificate, error) {
	if k.Certificate != "" {
		file, err := os.Open(k.Certificate)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		return capability.ReadCertificate(file)
	}
	if p, ok := b.(*practice); ok {
		b = p.Bench
	}
	known, ok := b.(certified)
	if !ok {
		return nil, errors.New("nobody knows this wafer's defects")
	}
	truth, err := known.Certificate()
	if err != nil {
		return nil, err
	}
	var defects []capability.Known
	for _, d := range truth {
		defects = append(defects, capability.Known{X: d.X, Y: d.Y, Size: d.Size, Class: defect.Class(d.Class)})
	}
	return capability.NewCertificate(defects)
}

var _ certified = (*stand.Stand)(nil)
