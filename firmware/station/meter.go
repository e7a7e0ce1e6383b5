package station

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kensa/firmware/pairing"
	"kensa/hw/line"
)

// Stages of a field's way, as the metric kensa_latency_seconds names them.
const (
	PulseToFrame   = "pulse-to-frame"   // from the pulse until its frame is here
	FrameToVerdict = "frame-to-verdict" // from there until it is inspected
	PulseToVerdict = "pulse-to-verdict" // both
	PulseToResult  = "pulse-to-result"  // from a wafer's last pulse until its RESULT line
	LeftToResult   = "left-to-result"   // from the fall of WAFER-PRESENT until then
)

// Stages lists them, in the order of the way.
var Stages = []string{PulseToFrame, FrameToVerdict, PulseToVerdict, PulseToResult, LeftToResult}

// LatencyMetric is the name of the histogram of stages.
const LatencyMetric = "kensa_latency_seconds"

// anomalyNames are the labels of kensa_pairing_anomalies_total.
var anomalyNames = [pairing.Anomalies]string{
	pairing.DoubledPulse: "doubled-pulse", pairing.LateFrame: "late-frame", pairing.ExtraFrame: "extra-frame", pairing.CameraRestarted: "camera-restarted",
	pairing.ContestedFrame: "contested-frame", pairing.Unanswered: "missing-frame",
}

// Meter measures the cycle for Prometheus. A nil Meter measures nothing.
type Meter struct {
	stages map[string]prometheus.Observer
	seen   [pairing.Anomalies]prometheus.Counter
	missed prometheus.Counter
	live   bool
	pulses map[time.Duration]time.Duration // of a tool with a clock of its own: when each pulse came
}

// NewMeter registers the metrics. live says that the tool's time stamps are on
// the clock of line.Monotonic; else a pulse counts from when it was read.
func NewMeter(to prometheus.Registerer, live bool) (*Meter, error) {
	latency := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: LatencyMetric, Help: "Time of a field's stages, from the pulse to the RESULT line.",
		Buckets: prometheus.ExponentialBuckets(50e-6, 1.5, 32), // 50 µs to 14 s
	}, []string{"stage"})
	seen := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "kensa_pairing_anomalies_total", Help: "What went wrong between pulses and frames, by kind.",
	}, []string{"kind"})
	for _, c := range []prometheus.Collector{latency, seen} {
		if err := to.Register(c); err != nil {
			return nil, err
		}
	}
	m := &Meter{stages: map[string]prometheus.Observer{}, missed: seen.WithLabelValues("missed-pulse"), live: live,
		pulses: map[time.Duration]time.Duration{}}
	for _, stage := range Stages {
		m.stages[stage] = latency.WithLabelValues(stage)
	}
	for n, name := range anomalyNames {
		m.seen[n] = seen.WithLabelValues(name)
	}
	return m, nil
}

// came notes when an event of the tool's happened, on our clock.
func (m *Meter) came(at time.Duration) {
	if m != nil && !m.live {
		m.pulses[at] = line.Monotonic()
	}
}

// origin is the time of an event on our clock.
func (m *Meter) origin(at time.Duration) time.Duration {
	if m == nil || m.live {
		return at
	}
	return m.pulses[at]
}

// forget drops what a wafer left.
func (m *Meter) forget() {
	if m != nil {
		clear(m.pulses)
	}
}

// stage observes the end of a stage that began at a time on our clock. 0 is no
// begin: nothing is observed.
func (m *Meter) stage(name string, began time.Duration) {
	if m != nil && began != 0 {
		m.stages[name].Observe((line.Monotonic() - began).Seconds())
	}
}

// anomaly counts n of a kind.
func (m *Meter) anomaly(kind pairing.Anomaly, n int) {
	if m != nil {
		m.seen[kind].Add(float64(n))
	}
}

// missedPulse counts one.
func (m *Meter) missedPulse() {
	if m != nil {
		m.missed.Inc()
	}
}
