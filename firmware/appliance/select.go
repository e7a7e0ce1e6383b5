package appliance

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
	"kensa/firmware/config"
	"kensa/firmware/display"
	"kensa/vision/wafer"
)

// Errors of load, beside those of recipes and of the station.
var (
	errNoRecipe = errors.New("no such recipe")
	errLoaded   = errors.New("recipe is loaded already")
)

// load has the wafers to come inspected by the recipe of that name, of that
// version where one is given.
func (a *Appliance) load(ctx context.Context, name, version string) error {
	recipe, err := a.findRecipe(name, version)
	if err != nil {
		return err
	}
	plan, err := wafer.NewPlan(recipe.Layout, recipe.Frame.Width, recipe.Frame.Height)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	if err := a.fits(recipe); err != nil {
		return err
	}
	job, err := a.makeJob(recipe, plan)
	if err != nil {
		return err
	}
	if a.loaded.hash == job.Hash {
		return errors.Join(errLoaded, closeAll(job.Inspectors))
	}
	before, err := a.station.Select(ctx, job)
	if err != nil {
		return errors.Join(err, closeAll(job.Inspectors))
	}
	a.inspectors, a.loaded = job.Inspectors, loaded{recipe, job.Hash}
	a.screen.load(plan, recipe)
	a.checkScale(recipe)
	a.tellRecipe()
	return closeAll(before.Inspectors)
}

// tellRecipe tells the host the recipe in use.
func (a *Appliance) tellRecipe() {
	r := a.loaded.recipe
	a.mes.update(map[string]payload.Value{sparkplug.JobRecipe: payload.String(r.Name), sparkplug.JobRecipeVersion: payload.String(r.Version)})
}

// loaded is the recipe in use; after the start remote's goroutine alone uses it.
type loaded struct {
	recipe config.Recipe
	hash   string // of recipe and golden
}

// fits refuses a recipe for other fields than the tool drives to: the tool has a
// motion program of its own, which this appliance cannot change.
func (a *Appliance) fits(r config.Recipe) error {
	now := a.loaded.recipe
	if r.Layout != now.Layout || r.Frame != now.Frame {
		return fmt.Errorf("%w: %s: its layout or frame is not that of %s, which the tool drives to", ErrRecipe, r.Name, now.Name)
	}
	return nil
}

// findRecipe looks in the state folder's recipes and at the configured one. A
// name from outside never becomes a path.
func (a *Appliance) findRecipe(name, version string) (config.Recipe, error) {
	if now := a.loaded.recipe; now.Name == name && (version == "" || now.Version == version) {
		return now, nil
	}
	files, err := filepath.Glob(filepath.Join(a.config.Storage.State, "recipes", "*.toml"))
	if err != nil {
		return config.Recipe{}, err
	}
	var unreadable error
	for _, file := range files {
		r, err := config.LoadRecipe(file)
		if err != nil {
			unreadable = errors.Join(unreadable, err)
			continue
		}
		if r.Name == name && (version == "" || r.Version == version) {
			return r, nil
		}
	}
	err = fmt.Errorf("%w: %q %s in the state folder's recipes", errNoRecipe, name, version)
	return config.Recipe{}, errors.Join(err, unreadable)
}

// load has the display show the recipe for the wafers to come.
func (s *screen) load(plan *wafer.Plan, r config.Recipe) {
	s.change(func(status *display.Status) {
		s.plan = plan
		status.Recipe, status.RecipeVersion = r.Name, r.Version
	})
}
