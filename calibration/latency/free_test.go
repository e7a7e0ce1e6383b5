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

// running is a station whose camera runs by itself.
func running(seed uint64) stand.Truth {
	truth := stand.Defaults(32, 24)
	truth.Seed = seed
	truth.Light.Flux = 5e6
	truth.Timing.Period = time.Second / 60
	truth.Timing.Latency = time.Duration(seed*5303%16000) * time.Microsecond
	truth.Timing.Stamp = time.Duration(int(seed)*7919%40000-15000) * time.Microsecond
	truth.Timing.Jitter = time.Duration(10+seed*13%150) * time.Microsecond
	return truth
}

// TestFreeCoversTheTruth over stamps that are early or late by as much as two frames.
func TestFreeCoversTheTruth(t *testing.T) {
	want := map[string]func(stand.Truth) float64{
		"period": func(t stand.Truth) float64 { return t.Timing.Period.Seconds() * 1e6 },
		"stamp":  func(t stand.Truth) float64 { return t.Timing.Stamp.Seconds() * 1e6 },
		"jitter": func(t stand.Truth) float64 { return t.Timing.Jitter.Seconds() * 1e6 },
	}
	for name, change := range map[string]func(*latency.FreeOptions){
		"short flash":    func(*latency.FreeOptions) {},
		"long flash":     func(o *latency.FreeOptions) { o.Exposure, o.Flash = 12*time.Millisecond, 4*time.Millisecond },
		"hardly a flank": func(o *latency.FreeOptions) { o.Exposure, o.Flash = 10*time.Microsecond, 8*time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			calibrationtest.Cover(t, calibrationtest.Coverage{
				Seeds: 100, Dear: true,
				Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
					truth := running(seed)
					o := latency.FreeDefaults()
					change(&o)
					truth.Light.Flux = 2e3 / min(o.Flash, o.Exposure).Seconds()
					if o.Exposure < time.Millisecond {
						truth.Timing.Jitter *= 5
					}
					p, err := latency.NewFree(o)
					return truth, p, err
				},
				Want: want,
			})
		})
	}
}

// TestFreeWindow: a frame begins in it whatever the pulse's time, and none of which the
// exposure began before the stage had settled.
func TestFreeWindow(t *testing.T) {
	for seed := range uint64(8) {
		truth := running(seed + 1)
		o := latency.FreeDefaults()
		o.Settle = 30 * time.Millisecond
		p, err := latency.NewFree(o)
		if err != nil {
			t.Fatal(err)
		}
		r := calibrationtest.Run(t, truth, p)
		low, high := r.Parameters["window_min_us"], r.Parameters["window_max_us"]
		us := func(d time.Duration) float64 { return d.Seconds() * 1e6 }
		if early := low - us(truth.Timing.Stamp+4*truth.Timing.Jitter) - us(o.Settle); early < 0 {
			t.Errorf("window from %.0f µs: exposures begin %.0f µs before the stage has settled", low, -early)
		}
		if high-low < us(truth.Timing.Period+8*truth.Timing.Jitter) || high-low > us(2*truth.Timing.Period) {
			t.Errorf("window of %.0f µs; the period is %v", high-low, truth.Timing.Period)
		}
	}
}

// TestFreeWrong tells what cannot be measured, and why.
func TestFreeWrong(t *testing.T) {
	for want, change := range map[string]func(*stand.Truth){
		"no frame saw a flash": func(t *stand.Truth) { t.Light.Flux = 0 },
		"too weak or unsteady": func(t *stand.Truth) { t.Light.Flux = 3e4 },
		"light comes in":       func(t *stand.Truth) { t.Sensor.Offset = 3000 },
		"scatter":              func(t *stand.Truth) { t.Timing.Jitter = 1500 * time.Microsecond },
	} {
		truth := running(3)
		change(&truth)
		p, err := latency.NewFree(latency.FreeDefaults())
		if err != nil {
			t.Fatal(err)
		}
		if wrong := calibrationtest.Wrong(t, truth, p); wrong == nil || !strings.Contains(wrong.What, want) || wrong.Remedy == "" {
			t.Errorf("%+v; want %s", wrong, want)
		}
	}
}

// TestFreeOptions that give no result are refused.
func TestFreeOptions(t *testing.T) {
	for _, change := range []func(*latency.FreeOptions){
		func(o *latency.FreeOptions) { o.Flash = 0 },
		func(o *latency.FreeOptions) { o.Exposure = -1 },
		func(o *latency.FreeOptions) { o.Frames = 10 },
		func(o *latency.FreeOptions) { o.Settle = -1 },
	} {
		o := latency.FreeDefaults()
		change(&o)
		if _, err := latency.NewFree(o); err == nil {
			t.Errorf("%+v taken", o)
		}
	}
}
