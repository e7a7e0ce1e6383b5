package appliance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kensa/firmware/display"
	"kensa/firmware/station"
	"kensa/firmware/version"
)

// Alive proves that the work cycle turns and the database can be written. It
// waits for their answers until the context ends.
func (a *Appliance) Alive(ctx context.Context) error {
	_, err := a.look(ctx)
	return err
}

func (a *Appliance) look(ctx context.Context) (station.State, error) {
	state, err := a.station.Look(ctx)
	if err != nil {
		err = fmt.Errorf("the work cycle does not answer: %w", err)
	}
	if ping := a.store.Ping(ctx); ping != nil {
		err = errors.Join(err, fmt.Errorf("the database cannot be written: %w", ping))
	}
	return state, err
}

// health is what readiness is judged by: the appliance is alive and its camera
// answers.
func (a *Appliance) health(ctx context.Context) display.Health {
	const patience = 5 * time.Second
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	health := display.Health{Version: version.Version, Wrong: []string{}}
	state, err := a.look(limit)
	if err != nil {
		health.Wrong = append(health.Wrong, err.Error())
	}
	if err == nil && !state.Camera {
		health.Wrong = append(health.Wrong, "the camera does not answer")
	}
	return health
}

// Activity says in a few words what the appliance does.
func (a *Appliance) Activity() string {
	s := a.screen.board.Status()
	return fmt.Sprintf("%s; recipe %s", s.Equipment, s.Recipe)
}
