package appliance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"kensa/firmware/config"
	"kensa/firmware/station"
	"kensa/firmware/version"
	"kensa/hw/camera"
	"kensa/hw/simulator"
	"kensa/vision/classify"
	"kensa/vision/defect"
	"kensa/vision/flatfield"
	"kensa/vision/frame"
	"kensa/vision/golden"
	"kensa/vision/hotpath"
	"kensa/vision/inspect"
	"kensa/vision/pose"
	"kensa/vision/wafer"
)

// ErrRecipe means that the recipe or its golden cannot be used.
var ErrRecipe = errors.New("recipe cannot be used")

// ErrNoGolden means that the recipe's golden has not been learnt.
var ErrNoGolden = errors.New("no golden")

// prepareJob loads the recipe, makes the tool that it is for, and the
// inspectors, one for each worker.
func (a *Appliance) prepareJob(context.Context) (station.Job, error) {
	recipe, err := a.recipe()
	if err != nil {
		return station.Job{}, fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	plan, err := wafer.NewPlan(recipe.Layout, recipe.Frame.Width, recipe.Frame.Height)
	if err != nil {
		return station.Job{}, fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	if err := a.openCalibration(recipe); err != nil {
		return station.Job{}, err
	}
	if err := a.openTool(plan); err != nil {
		return station.Job{}, err
	}
	job, err := a.makeJob(recipe, plan)
	if err != nil {
		return job, err
	}
	a.inspectors, a.loaded = job.Inspectors, loaded{recipe, job.Hash}
	a.checkScale(recipe)
	a.onClose(func() error { return closeAll(a.inspectors) })
	return job, nil
}

// closeAll closes inspectors.
func closeAll(inspectors []inspect.Inspector) error {
	var errs []error
	for _, inspector := range inspectors {
		errs = append(errs, inspector.Close())
	}
	return errors.Join(errs...)
}

// makeJob works a recipe out. The caller closes its inspectors.
func (a *Appliance) makeJob(recipe config.Recipe, plan *wafer.Plan) (station.Job, error) {
	job := station.Job{
		Recipe: recipe.Name, Version: recipe.Version, Hash: recipe.Hash(), Plan: plan, Rules: recipe.Bins,
		MinYield: recipe.MinYield, LightLimit: recipe.LightLimit, MaxImages: recipe.Images.Max, ImageSize: recipe.Images.Size,
	}
	if recipe.Mode == config.Golden {
		job.MaxTurn = pose.Angle(recipe.Die.MaxTurn) * pose.Degree
	}
	if a.calibration != nil {
		job.Calibration, job.Drift = a.calibration.Name(), a.drift()
	}
	flat, err := a.flatField()
	if err != nil {
		return job, fmt.Errorf("%w: %w", ErrSource, err)
	}
	make, hash, err := Inspectors(recipe, flat)
	if err != nil {
		return job, fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	job.Hash = combine(job.Hash, hash)
	workers := a.config.Cycle.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	for range workers {
		inspector, err := make()
		if err != nil {
			return job, errors.Join(fmt.Errorf("%w: %w", ErrRecipe, err), closeAll(job.Inspectors))
		}
		job.Inspectors = append(job.Inspectors, inspector)
	}
	return job, nil
}

// combine names recipe and golden together; a recipe without golden by itself.
func combine(recipe, golden string) string {
	if golden == "" {
		return recipe
	}
	sum := sha256.Sum256([]byte(recipe + golden))
	return hex.EncodeToString(sum[:])
}

// Flat reads the source's flat field; nil where none is configured.
func Flat(c config.Config) (*hotpath.Flat, error) {
	if c.Source.Flat == "" {
		return nil, nil
	}
	flat, err := flatfield.Load(c.FlatPath())
	if err != nil {
		return nil, fmt.Errorf("source.flat: %w", err)
	}
	debug.FreeOSMemory() // the file takes four times what is kept of it
	return flat, nil
}

// Inspectors reads what the recipe needs and returns a maker of inspectors,
// which share it, and the hash of golden and classifier, empty where there is
// neither. flat, which may be nil, corrects the frames.
func Inspectors(r config.Recipe, flat *hotpath.Flat) (maker func() (inspect.Inspector, error), hash string, err error) {
	byRules, hash, err := rules(r, flat)
	if err != nil || r.ClassifierPath() == "" {
		return byRules, hash, err
	}
	model, err := classify.Read(r.ClassifierPath())
	if err != nil {
		return nil, "", fmt.Errorf("classifier: %w", err)
	}
	if err := r.Bins.CheckClasses(append(model.Classes(), defect.Classes...)); err != nil {
		return nil, "", err
	}
	namer := classify.Namer{Model: model, Least: r.Classifier.Confidence}
	return func() (inspect.Inspector, error) {
		inner, err := byRules()
		if err != nil {
			return nil, err
		}
		return classify.Wrap(inner, namer), nil
	}, combine(hash, model.Hash()), nil
}

// rules makes the inspectors without a classifier.
func rules(r config.Recipe, flat *hotpath.Flat) (maker func() (inspect.Inspector, error), goldenHash string, err error) {
	switch r.Mode {
	case config.Unpatterned:
		return flattened(flat, func() (inspect.Inspector, error) { return inspect.NewUnpatterned(r.Unpatterned) }), "", nil
	case config.Voting:
		kept := new(inspect.Kept)
		return flattened(flat, func() (inspect.Inspector, error) {
			return inspect.NewVoting(r.Die.GoldenParams, r.Masks(), kept)
		}), "", nil
	}
	g, err := readGolden(r)
	if err != nil {
		return nil, "", err
	}
	g = g.Masked(r.Masks())
	return func() (inspect.Inspector, error) {
		in, err := inspect.NewGolden(g, r.Die.GoldenParams)
		if err != nil {
			return nil, err
		}
		in.UseFlat(flat)
		return in, nil
	}, g.Hash(), nil
}

// flattened puts a flat field, if there is one, before the inspectors of a maker.
func flattened(flat *hotpath.Flat, maker func() (inspect.Inspector, error)) func() (inspect.Inspector, error) {
	if flat == nil {
		return maker
	}
	return func() (inspect.Inspector, error) {
		in, err := maker()
		if err != nil {
			return nil, err
		}
		return inspect.NewFlattened(in, flat), nil
	}
}

// readGolden reads a recipe's golden and checks that the two belong together.
func readGolden(r config.Recipe) (*golden.Golden, error) {
	g, err := golden.Read(r.GoldenPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNoGolden, err)
	}
	if err != nil {
		return nil, err
	}
	if g.Product != r.Name {
		return nil, fmt.Errorf("%s: learnt for %q; the recipe is %q; train it anew", r.GoldenPath(), g.Product, r.Name)
	}
	if w, h := r.Layout.DiePixels(); g.Width != w || g.Height != h {
		return nil, fmt.Errorf("%s: die of %d×%d pixels; the recipe's has %d×%d; train it anew", r.GoldenPath(), g.Width, g.Height, w, h)
	}
	return g, nil
}

// recipe finds the recipe that the configuration names, or the source's own.
func (a *Appliance) recipe() (config.Recipe, error) {
	file := a.config.Recipe.File
	if file == "" {
		if a.config.Source.Camera != "simulated" {
			return config.BareRecipe(), nil
		}
		return a.demoRecipe()
	}
	return config.LoadRecipe(RecipePath(a.config))
}

// RecipePath is where the configured recipe lies.
func RecipePath(c config.Config) string {
	if filepath.IsAbs(c.Recipe.File) {
		return c.Recipe.File
	}
	return filepath.Join(c.Storage.State, c.Recipe.File)
}

// demoRecipe is the built-in recipe of a simulated product. It is written into
// the state folder, so that it can be looked at and copied, and its golden is
// learnt from the tool's own known-good wafer where that was not done before.
func (a *Appliance) demoRecipe() (config.Recipe, error) {
	product := a.config.Simulator.Product
	folder := filepath.Join(a.config.Storage.State, "recipes")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return config.Recipe{}, err
	}
	path := filepath.Join(folder, "demo-"+product+".toml")
	if err := os.WriteFile(path, config.DemoRecipe(product), 0o640); err != nil {
		return config.Recipe{}, err
	}
	recipe, err := config.LoadRecipe(path)
	if err != nil {
		return recipe, err
	}
	if _, err := golden.Read(recipe.GoldenPath()); err == nil {
		return recipe, nil
	}
	a.log.Info("learning the demo product's golden die from known-good dies", "product", product)
	return recipe, a.learn(recipe)
}

// learn trains the demo product's golden.
func (a *Appliance) learn(recipe config.Recipe) error {
	plan, err := wafer.NewPlan(recipe.Layout, recipe.Frame.Width, recipe.Frame.Height)
	if err != nil {
		return err
	}
	options, err := SimulatorOptions(a.config.Simulator, plan)
	if err != nil {
		return err
	}
	scene, err := simulator.NewScene(options)
	if err != nil {
		return err
	}
	var samples []golden.Sample
	err = scene.Good(trainingFields, func(stop simulator.Stop, f *camera.Frame) error {
		img := view(f).Clone() // the scene uses the frame's memory again
		for _, d := range stop.Dies {
			name := fmt.Sprintf("good die %d", len(samples)+1)
			samples = append(samples, golden.Sample{Name: name, Image: img, Rect: d.Rect})
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, _, err = Learn(recipe, samples)
	return err
}

// trainingFields are the fields that the demo's golden is learnt from, about a
// hundred dies.
const trainingFields = 15

// Learn trains a recipe's golden from samples and writes it.
func Learn(r config.Recipe, samples []golden.Sample) (*golden.Golden, []golden.Rejected, error) {
	header := golden.Header{Product: r.Name, Trained: time.Now().UTC(), Software: version.Version}
	g, rejected, err := golden.Train(header, samples, r.Die.Registration)
	if err != nil {
		return nil, rejected, err
	}
	return g, rejected, g.Write(r.GoldenPath())
}

// Approve adds approved samples to a recipe's golden. The golden before is kept
// beside it, at the path returned.
func Approve(r config.Recipe, samples []golden.Sample) (g *golden.Golden, backup string, rejected []golden.Rejected, err error) {
	before, err := readGolden(r)
	if err != nil {
		return nil, "", nil, err
	}
	g, rejected, err = before.Update(time.Now().UTC(), version.Version, samples, r.Die.Registration)
	if err != nil {
		return nil, "", rejected, fmt.Errorf("%s: %w", r.GoldenPath(), err)
	}
	backup, err = g.Replace(r.GoldenPath())
	return g, backup, rejected, err
}

// view is a frame's pixels, still the camera's.
func view(f *camera.Frame) frame.Image {
	return frame.Image{Pix: f.Pix, Width: f.Width, Height: f.Height, Stride: f.Stride, Depth: f.Depth}
}
