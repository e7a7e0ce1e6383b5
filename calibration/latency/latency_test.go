package latency_test

import (
	"strings"
	"testing"
	"time"

	"kensa/calibration"
	"kensa/calibration/calibrationtest"
	"kensa/calibration/latency"
	"kensa/hw/simulator/stand"
)

func options() latency.Options {
	o := latency.Defaults()
	o.Longest = 8 * time.Millisecond
	return o
}

// TestCoversTheTruth over latencies and jitters of many cameras.
func TestCoversTheTruth(t *testing.T) {
	calibrationtest.Cover(t, calibrationtest.Coverage{
		Seeds: 100,
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			truth := stand.Defaults(32, 24)
			truth.Seed = seed
			truth.Light.Flux = 5e6
			truth.Timing.Latency = time.Duration(200+seed*37%6000) * time.Microsecond
			truth.Timing.Jitter = time.Duration(5+seed%30) * time.Microsecond
			p, err := latency.New(options())
			return truth, p, err
		},
		Want: map[string]func(stand.Truth) float64{
			"latency": func(t stand.Truth) float64 { return t.Timing.Latency.Seconds() * 1e6 },
			"jitter":  func(t stand.Truth) float64 { return t.Timing.Jitter.Seconds() * 1e6 },
			"stamp":   func(stand.Truth) float64 { return 0 },
		},
	})
}

// TestWindow holds every frame of the same camera, and not the next field's.
func TestWindow(t *testing.T) {
	truth := stand.Defaults(32, 24)
	truth.Light.Flux = 5e6
	p, err := latency.New(options())
	if err != nil {
		t.Fatal(err)
	}
	r := calibrationtest.Run(t, truth, p)
	low, high := r.Parameters["window_min_us"], r.Parameters["window_max_us"]
	if !(low < 1200-120 && high > 1200+120 && high-low < 1000) {
		t.Errorf("window %v to %v µs for a latency of 1200 with a jitter of 20", low, high)
	}
}

// TestWrong: no flash within reach; a jitter wider than the flash.
func TestWrong(t *testing.T) {
	for what, change := range map[string]func(*stand.Truth){
		"no flash":     func(t *stand.Truth) { t.Timing.Latency = 30 * time.Millisecond },
		"wild trigger": func(t *stand.Truth) { t.Timing.Jitter = 2 * time.Millisecond; t.Timing.Latency = 5 * time.Millisecond },
		"dim":          func(t *stand.Truth) { t.Light.Flux = 10 },
	} {
		truth := stand.Defaults(32, 24)
		truth.Light.Flux = 5e6
		change(&truth)
		p, err := latency.New(options())
		if err != nil {
			t.Fatal(err)
		}
		if wrong := calibrationtest.Wrong(t, truth, p); wrong == nil || wrong.Remedy == "" {
			t.Errorf("%s: %v", what, wrong)
		}
	}
}

// TestACameraThatRunsByItself is not taken for one that is triggered with great jitter.
func TestACameraThatRunsByItself(t *testing.T) {
	p, err := latency.New(options())
	if err != nil {
		t.Fatal(err)
	}
	if wrong := calibrationtest.Wrong(t, running(1), p); wrong == nil || !strings.Contains(wrong.What, "run by itself") || wrong.Remedy == "" {
		t.Errorf("%+v", wrong)
	}
}
