package main

import (
	"encoding/json"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"

	"kensa/firmware/config"
	"kensa/vision/frame"
	"kensa/vision/golden"
	"kensa/vision/inspect"
	"kensa/vision/wafer"
)

// product is one product's folder, read.
type product struct {
	folder string
	recipe config.Recipe
	plan   *wafer.Plan
	good   []frame.Image
	bad    []frame.Image
}

// inspectAll inspects every product of a folder.
func inspectAll(folder string, out io.Writer) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	count := 0
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		p, err := load(filepath.Join(folder, entry.Name()))
		if err == nil {
			err = p.inspect(out)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", entry.Name(), err)
		}
		count++
	}
	if count == 0 {
		return fmt.Errorf("%s: no frames; equal draw makes them", folder)
	}
	return nil
}

func load(folder string) (p product, err error) {
	p.folder = folder
	if p.recipe, err = config.LoadRecipe(filepath.Join(folder, recipeFile)); err != nil {
		return p, err
	}
	if p.plan, err = wafer.NewPlan(p.recipe.Layout, p.recipe.Frame.Width, p.recipe.Frame.Height); err != nil {
		return p, err
	}
	if p.good, err = loadFrames(folder, goodPattern, goodFields); err != nil {
		return p, err
	}
	p.bad, err = loadFrames(folder, badPattern, badFields)
	return p, err
}

func loadFrames(folder, pattern string, n int) (all []frame.Image, err error) {
	for n := range n {
		m, err := frame.Load(filepath.Join(folder, fmt.Sprintf(pattern, n)))
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// inspect prints what every mode finds in a product's frames.
func (p product) inspect(out io.Writer) error {
	g, err := golden.Read(filepath.Join(p.folder, goldenFile))
	if err != nil {
		return err
	}
	trained, err := train(p.folder, p.recipe, p.plan)
	if err != nil {
		return err
	}
	name := filepath.Base(p.folder)
	if err := print(out, name, "golden", 0, map[string]any{"given": g.Hash(), "trained": trained.Hash()}); err != nil {
		return err
	}
	compared, err := inspect.NewGolden(g, p.recipe.Die.GoldenParams)
	if err != nil {
		return err
	}
	voted, err := inspect.NewVoting(p.recipe.Die.GoldenParams, nil, new(inspect.Kept))
	if err != nil {
		return err
	}
	for _, mode := range []struct {
		name string
		by   inspect.Inspector
	}{{"golden", compared}, {"voting", voted}} {
		if err := p.inspectDies(out, name, mode.name, mode.by); err != nil {
			return err
		}
	}
	return p.inspectWhole(out, name)
}

func (p product) inspectDies(out io.Writer, name, mode string, by inspect.Inspector) error {
	for n, m := range append(p.bad, p.good[0]) {
		var rects []image.Rectangle
		for _, d := range p.plan.Fields[n%badFields].Dies {
			rects = append(rects, d.Rect)
		}
		found, err := by.Inspect(m, rects)
		if err != nil {
			return err
		}
		if err := print(out, name, mode, n, found); err != nil {
			return err
		}
	}
	return by.Close()
}

// inspectWhole compares a frame with a good one of the same field, and looks at
// it as if it were bare.
func (p product) inspectWhole(out io.Writer, name string) error {
	pair, err := inspect.Pair(p.good[0], p.bad[0], inspect.DefaultPairParams())
	if err != nil {
		return err
	}
	pair.Expected = frame.Image{}
	if err := print(out, name, "pair", 0, pair); err != nil {
		return err
	}
	bare, err := inspect.Unpatterned(p.bad[0], inspect.DefaultUnpatternedParams())
	if err != nil {
		return err
	}
	return print(out, name, "unpatterned", 0, bare)
}

// print writes a finding as JSON, whose floating point has all bits: equal text
// is equal numbers.
func print(out io.Writer, product, mode string, n int, value any) error {
	text, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s %s %d %s\n", product, mode, n, text)
	return err
}
