package main

import (
	"context"
	"errors"
	"fmt"

	"periph.io/x/conn/v3/physic"

	"kensa/firmware/appliance"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/hw/line"
)

// checkLines looks for every line that is wired, without taking one: those of a
// running appliance are its own.
func checkLines(_ context.Context, c config.Config) (string, error) {
	wired := c.WiredLines()
	if len(wired) == 0 {
		return "none wired", nil
	}
	var errs []error
	held := 0
	for _, l := range wired {
		who, err := line.Holder(l.Spec)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", l.Key, err))
		case who == line.Consumer:
			held++
		case who != "":
			errs = append(errs, fmt.Errorf("%s: %w by %q", l.Key, line.ErrTaken, who))
		}
	}
	return fmt.Sprintf("%d wired; an appliance holds %d, the others are free", len(wired), held), errors.Join(errs...)
}

// checkSensor measures once.
func checkSensor(_ context.Context, c config.Config) (detail string, err error) {
	var opened appliance.Closers
	sensor, err := appliance.OpenSensor(c.Environment, opened.Add)
	if err == nil && sensor == nil {
		return "none configured", nil
	}
	if err == nil {
		var e physic.Env
		err = sensor.Sense(&e)
		detail = record.Climate{Temperature: e.Temperature, Humidity: e.Humidity}.String()
	}
	return detail, errors.Join(err, opened.Close())
}
