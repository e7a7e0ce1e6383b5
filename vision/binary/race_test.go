//go:build race

package binary_test

// raceDetector is whether the test runs with the race detector, which allocates.
const raceDetector = true
