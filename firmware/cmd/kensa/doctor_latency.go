package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"kensa/firmware/station"
)

// stage is one stage's latencies, in seconds; JSON.
type stage struct {
	Stage string  `json:"stage"`
	Count uint64  `json:"count"`
	Mean  float64 `json:"mean_seconds"`
	P50   float64 `json:"p50_seconds"`
	P99   float64 `json:"p99_seconds"`
	// Max is the upper edge of the bucket with the greatest value; nil beyond the
	// last one.
	Max *float64 `json:"max_seconds"`
}

// latency asks the running appliance how long its stages take.
func (d *doctorCommand) latency(c console) error {
	loaded, err := d.load()
	if err != nil {
		return err
	}
	stages, err := readStages(c, "http://"+loaded.Display.Listen+"/metrics")
	if err != nil {
		return fail(exitFailed, fmt.Errorf("latency: %w", err), "it is measured by the running appliance: start it, or name its configuration with --config")
	}
	if d.JSON {
		return printJSON(c.out, stages)
	}
	fmt.Fprintf(c.out, "%-18s %9s %11s %11s %11s %11s\n", "stage", "count", "mean", "p50", "p99", "max below")
	for _, s := range stages {
		if s.Count == 0 {
			fmt.Fprintf(c.out, "%-18s %9d\n", s.Stage, 0)
			continue
		}
		fmt.Fprintf(c.out, "%-18s %9d %11s %11s %11s %11s\n", s.Stage, s.Count, span(s.Mean), span(s.P50), span(s.P99), below(s.Max))
	}
	return nil
}

// below is the bound of the greatest value.
func below(bound *float64) string {
	if bound == nil {
		return "none"
	}
	return span(*bound)
}

// span prints seconds with three digits.
func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	for unit := time.Duration(1); ; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
}

func readStages(ctx context.Context, url string) ([]stage, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	const limit = 4 << 20
	return parseStages(io.LimitReader(answer.Body, limit))
}

// errNoStages means that whoever answers is no appliance, or an older one.
var errNoStages = errors.New("the answer has no " + station.LatencyMetric)

func parseStages(metrics io.Reader) ([]stage, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(metrics)
	if err != nil {
		return nil, err
	}
	family, ok := families[station.LatencyMetric]
	if !ok {
		return nil, errNoStages
	}
	byName := map[string]*dto.Histogram{}
	for _, m := range family.Metric {
		for _, label := range m.Label {
			if label.GetName() == "stage" && m.Histogram != nil {
				byName[label.GetValue()] = m.Histogram
			}
		}
	}
	var stages []stage
	for _, name := range station.Stages {
		s := stage{Stage: name}
		if h := byName[name]; h.GetSampleCount() > 0 {
			s.Count = h.GetSampleCount()
			s.Mean = h.GetSampleSum() / float64(s.Count)
			s.P50, s.P99, s.Max = quantile(h, 0.5), quantile(h, 0.99), highest(h)
		}
		stages = append(stages, s)
	}
	return stages, nil
}

// quantile is read off the histogram, linearly within a bucket.
func quantile(h *dto.Histogram, q float64) float64 {
	rank := q * float64(h.GetSampleCount())
	low, below := 0.0, 0.0
	for _, b := range h.Bucket {
		count, high := float64(b.GetCumulativeCount()), b.GetUpperBound()
		if count >= rank && count > below {
			if math.IsInf(high, 1) {
				return low
			}
			return low + (high-low)*(rank-below)/(count-below)
		}
		low, below = high, count
	}
	return low
}

// highest is the upper edge of the last bucket that has anything in it.
func highest(h *dto.Histogram) *float64 {
	for _, b := range h.Bucket {
		if bound := b.GetUpperBound(); b.GetCumulativeCount() == h.GetSampleCount() && !math.IsInf(bound, 1) {
			return &bound
		}
	}
	return nil
}
