package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"kensa/firmware/appliance"
	"kensa/firmware/config"
	"kensa/hw/camera"
	"kensa/hw/simulator"
	"kensa/vision/frame"
	"kensa/vision/golden"
	"kensa/vision/wafer"
)

// Files of a product's folder: goodFields frames without defects, the first of
// which train the golden, and badFields with.
const (
	goodFields  = 4
	badFields   = 3
	goldenFile  = "product.golden"
	recipeFile  = "product.toml"
	goodPattern = "good-%03d.png"
	badPattern  = "bad-%03d.png"
)

// draw writes the frames and the golden of products, each in its folder.
func draw(folder string, products []string) error {
	for _, product := range products {
		if err := drawProduct(filepath.Join(folder, product), product); err != nil {
			return fmt.Errorf("%s: %w", product, err)
		}
	}
	return nil
}

func drawProduct(folder, product string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	path := filepath.Join(folder, recipeFile)
	if err := os.WriteFile(path, config.DemoRecipe(product), 0o644); err != nil {
		return err
	}
	recipe, err := config.LoadRecipe(path)
	if err != nil {
		return err
	}
	plan, err := wafer.NewPlan(recipe.Layout, recipe.Frame.Width, recipe.Frame.Height)
	if err != nil {
		return err
	}
	scene, err := newScene(product, plan)
	if err != nil {
		return err
	}
	if err := writeGood(folder, scene); err != nil {
		return err
	}
	if err := writeBad(folder, scene); err != nil {
		return err
	}
	g, err := train(folder, recipe, plan)
	if err != nil {
		return err
	}
	return g.Write(filepath.Join(folder, goldenFile))
}

func newScene(product string, plan *wafer.Plan) (*simulator.Scene, error) {
	c := config.Default().Simulator
	c.Product, c.Seed, c.Lots, c.Wafers, c.Defects = product, 20, 1, 1, 1.5
	options, err := appliance.SimulatorOptions(c, plan)
	if err != nil {
		return nil, err
	}
	return simulator.NewScene(options)
}

func writeGood(folder string, scene *simulator.Scene) error {
	return scene.Good(goodFields, func(_ simulator.Stop, f *camera.Frame) error {
		return write(filepath.Join(folder, fmt.Sprintf(goodPattern, f.Sequence-1)),
			frame.Image{Pix: f.Pix, Width: f.Width, Height: f.Height, Stride: f.Stride, Depth: f.Depth})
	})
}

// writeBad keeps the first fields of the first wafer that the tool would show.
func writeBad(folder string, scene *simulator.Scene) error {
	all := filepath.Join(folder, "all")
	if err := scene.WriteFrames(context.Background(), all, func(simulator.Truth) {}); err != nil {
		return err
	}
	frames, err := filepath.Glob(filepath.Join(all, "*", "*", "field-*.png"))
	if err != nil {
		return err
	}
	if len(frames) < badFields {
		return fmt.Errorf("%d frames drawn; want %d", len(frames), badFields)
	}
	for n, path := range frames[:badFields] {
		if err := os.Rename(path, filepath.Join(folder, fmt.Sprintf(badPattern, n))); err != nil {
			return err
		}
	}
	return os.RemoveAll(all)
}

func write(path string, m frame.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(frame.EncodePNG(f, m), f.Close())
}

// train learns a product's golden from its good frames.
func train(folder string, recipe config.Recipe, plan *wafer.Plan) (*golden.Golden, error) {
	var samples []golden.Sample
	for n := range goodFields {
		m, err := frame.Load(filepath.Join(folder, fmt.Sprintf(goodPattern, n)))
		if err != nil {
			return nil, err
		}
		for _, d := range plan.Fields[n].Dies {
			samples = append(samples, golden.Sample{Name: fmt.Sprintf("good die %d", len(samples)+1), Image: m, Rect: d.Rect})
		}
	}
	header := golden.Header{Product: recipe.Name, Trained: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Software: "equal"}
	g, _, err := golden.Train(header, samples, recipe.Die.Registration)
	return g, err
}
