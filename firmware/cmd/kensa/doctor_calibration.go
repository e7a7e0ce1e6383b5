package main

import (
	"context"
	"errors"
	"time"

	"kensa/calibration/cli"
	"kensa/firmware/appliance"
	"kensa/firmware/config"
)

// checkCalibration looks whether the appliance would take the calibration.
func checkCalibration(_ context.Context, c config.Config) (string, error) {
	used, err := appliance.Calibration(c, time.Now())
	switch {
	case err != nil:
		return "", err
	case used == nil:
		return "none of objective " + c.Calibration.Objective + ", and none is required", nil
	}
	return used.Name() + " fits this station", nil
}

// soon is when a calibration is about to expire.
const soon = 14 * 24 * time.Hour

// checkCalibrationAge warns before a calibration expires, and after.
func checkCalibrationAge(_ context.Context, c config.Config) (string, error) {
	c.Calibration.Expired = "alarm"
	used, err := appliance.Calibration(c, time.Now())
	if err != nil || used == nil {
		return "none", nil // the check before has told why
	}
	left := cli.Remaining(used.Expires, time.Now())
	if time.Until(used.Expires) < soon {
		return "", errors.New(left)
	}
	return left, nil
}
