package evaluate_test

import (
	"image"
	"slices"
	"testing"

	"kensa/vision/evaluate"
)

// TestOverlay: the largest finding that overlaps counts, none on another field, and
// what overlaps nothing is an alarm.
func TestOverlay(t *testing.T) {
	at := func(field, x, size int) evaluate.Spot {
		return evaluate.Spot{Field: field, Box: image.Rect(x, 10, x+size, 10+size)}
	}
	known := []evaluate.Spot{at(0, 10, 4), at(0, 50, 4), at(1, 10, 4)}
	found := []evaluate.Spot{at(0, 12, 2), at(0, 8, 6), at(0, 57, 3), at(1, 90, 3)}
	by, alarms := evaluate.Overlay(known, found, 4)
	if !slices.Equal(by, []int{1, 2, -1}) || !slices.Equal(alarms, []int{3}) {
		t.Errorf("found by %v, alarms %v; want 1, 2, none and 3", by, alarms)
	}
	if by, _ := evaluate.Overlay(known, found, 2); by[1] != -1 {
		t.Error("found from beyond the reach")
	}
}
