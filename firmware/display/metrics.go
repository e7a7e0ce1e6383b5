package display

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"kensa/vision/wafer"
)

// metrics counts what the Board hears of.
type metrics struct {
	wafers, dies, defects, fields, alarms *prometheus.CounterVec
	alarm, connection                     *prometheus.GaugeVec
	inspect                               prometheus.Histogram
	turn, scale                           prometheus.Gauge
	set                                   map[int]bool // alarms that are set, by ALID
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	gauge := func(name, help, label string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		wafers:     counter("kensa_wafers_total", "Wafers finished and recorded, by verdict.", "verdict"),
		dies:       counter("kensa_dies_total", "Dies done, by bin; bin 0 was not inspected.", "bin"),
		defects:    counter("kensa_defects_total", "Defects found, by class.", "class"),
		fields:     counter("kensa_fields_total", "Camera fields done, by result.", "result"),
		alarms:     counter("kensa_alarms_total", "Alarms raised, by ALID.", "alid"),
		alarm:      gauge("kensa_alarm_set", "1 while the alarm is set, by ALID.", "alid"),
		connection: gauge("kensa_connection_up", "1 while the connection works, by name.", "name"),
		inspect: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "kensa_inspect_seconds", Help: "Time to inspect one field.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 12),
		}),
		turn:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "kensa_field_turn_degrees", Help: "How the last field's dies lay turned against the layout; clockwise on the picture is positive."}),
		scale: prometheus.NewGauge(prometheus.GaugeOpts{Name: "kensa_field_scale_ratio", Help: "How much larger than the layout the last field's dies lay; 0.001 is 0.1 %."}),
		set:   map[int]bool{},
	}
	for _, c := range []prometheus.Collector{m.wafers, m.dies, m.defects, m.fields, m.alarms, m.alarm, m.connection, m.inspect, m.turn, m.scale} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// count takes one change in.
func (m *metrics) count(c Change) {
	switch c := c.(type) {
	case FieldDone:
		m.field(c)
	case WaferFinished:
		m.wafers.WithLabelValues(string(c.Verdict)).Inc()
	case AlarmSet:
		m.setAlarm(c)
	case AlarmCleared:
		delete(m.set, int(c.ALID))
		m.alarm.WithLabelValues(strconv.Itoa(int(c.ALID))).Set(0)
	case ConnectionChanged:
		up := 0.0
		if c.Link == Up {
			up = 1
		}
		m.connection.WithLabelValues(c.Name).Set(up)
	}
}

// setAlarm counts a raising, but not what changes while the alarm is set.
func (m *metrics) setAlarm(c AlarmSet) {
	alid := strconv.Itoa(c.ALID)
	if !m.set[c.ALID] {
		m.alarms.WithLabelValues(alid).Inc()
	}
	m.set[c.ALID] = true
	m.alarm.WithLabelValues(alid).Set(1)
}

func (m *metrics) field(c FieldDone) {
	if c.Inspected {
		m.fields.WithLabelValues("inspected").Inc()
		m.inspect.Observe(c.Duration.Seconds())
		m.turn.Set(c.Turn)
		m.scale.Set(c.Scale)
	} else {
		m.fields.WithLabelValues("not_inspected").Inc()
	}
	for _, d := range c.Dies {
		m.dies.WithLabelValues(strconv.Itoa(int(max(d.Bin, wafer.NotInspected)))).Inc()
	}
	for _, d := range c.Defects {
		m.defects.WithLabelValues(d.Class).Inc()
	}
}
