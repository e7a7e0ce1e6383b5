package main

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"kensa/firmware/station"
)

// TestQuantilesAreThoseOfTheSample goes through the real exposition: what
// Prometheus would scrape is what doctor reads.
func TestQuantilesAreThoseOfTheSample(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := station.NewMeter(registry, true); err != nil {
		t.Fatal(err)
	}
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: station.LatencyMetric, Buckets: prometheus.ExponentialBuckets(50e-6, 1.5, 32)}, []string{"stage"})
	other := prometheus.NewRegistry()
	other.MustRegister(h)
	var sample []float64
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		v := 0.002 * math.Exp(random.NormFloat64())
		sample = append(sample, v)
		h.WithLabelValues(station.PulseToVerdict).Observe(v)
	}
	slices.Sort(sample)
	for name, r := range map[string]*prometheus.Registry{"empty": registry, "sample": other} {
		stages, err := parseStages(exposed(t, r))
		if err != nil || len(stages) != len(station.Stages) {
			t.Fatalf("%s: %+v, %v", name, stages, err)
		}
		for _, s := range stages {
			switch {
			case name == "empty" || s.Stage != station.PulseToVerdict:
				if s.Count != 0 {
					t.Errorf("%s: %+v", name, s)
				}
			case s.Count != 10_000 || !near(s.P50, sample[5000]) || !near(s.P99, sample[9900]) || s.Max == nil || *s.Max < sample[9999]:
				t.Errorf("%+v; the sample's p50 is %v, p99 %v, greatest %v", s, sample[5000], sample[9900], sample[9999])
			}
		}
	}
}

// near allows what a bucket of half as much again can hide.
func near(got, want float64) bool { return got > want/1.25 && got < want*1.25 }

func exposed(t *testing.T, r *prometheus.Registry) *bytes.Buffer {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	return &text
}

func TestAnAnswerWithoutStagesIsNoAppliance(t *testing.T) {
	if _, err := parseStages(strings.NewReader("up 1\n")); !errors.Is(err, errNoStages) {
		t.Error(err)
	}
	if _, err := parseStages(strings.NewReader("<html>")); err == nil {
		t.Error("no error for HTML")
	}
}

func TestSpansHaveThreeDigits(t *testing.T) {
	for seconds, want := range map[float64]string{0.0012345: "1.23ms", 12.3456: "12.3s", 0.000001: "1µs"} {
		if got := span(seconds); got != want {
			t.Errorf("%v s: %s; want %s", seconds, got, want)
		}
	}
}
