package display

import (
	"kensa/firmware/alarm"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// GeometryOf shows a plan. An open plan has no dies until fields are done.
func GeometryOf(p *wafer.Plan) Geometry {
	g := geometryOfLayout(p.Layout)
	for _, d := range p.Dies {
		g.Dies = append(g.Dies, [2]int{d.Index.Column, d.Index.Row})
	}
	for _, f := range p.Fields {
		g.Fields = append(g.Fields, fieldSpan(p, f))
	}
	return g
}

// GeometryOfDies shows a recorded layout with the dies that were recorded.
func GeometryOfDies(l wafer.Layout, dies []wafer.DieIndex) Geometry {
	g := geometryOfLayout(l)
	for _, d := range dies {
		g.Dies = append(g.Dies, [2]int{d.Column, d.Row})
	}
	return g
}

func geometryOfLayout(l wafer.Layout) Geometry {
	return Geometry{
		Kind: l.Kind, Notch: l.Notch,
		Diameter: millimetres(l.Diameter), EdgeExclusion: millimetres(l.EdgeExclusion),
		PitchX: millimetres(l.PitchX), PitchY: millimetres(l.PitchY),
		DieWidth: millimetres(l.DieWidth), DieHeight: millimetres(l.DieHeight),
		OffsetX: millimetres(l.OffsetX), OffsetY: millimetres(l.OffsetY),
		Dies: [][2]int{}, Fields: [][4]int{},
	}
}

func millimetres(l length.Length) float64 { return float64(l / length.Millimetre) }

// fieldSpan is the span of a field's dies that lie on the wafer.
func fieldSpan(p *wafer.Plan, f wafer.Field) [4]int {
	first := p.Dies[f.Dies[0].Die].Index
	span := [4]int{first.Column, first.Row, first.Column, first.Row}
	for _, d := range f.Dies[1:] {
		i := p.Dies[d.Die].Index
		span = [4]int{min(span[0], i.Column), max(span[1], i.Row), max(span[2], i.Column), min(span[3], i.Row)}
	}
	return span
}

// AlarmOf shows an alarm that is set.
func AlarmOf(a alarm.Alarm) Alarm {
	return Alarm{
		ALID: int(a.ID), Category: int(a.Category), Severity: severity(a.Severity),
		Text: a.Text, Detail: a.Detail, Remedy: a.Remedy, Since: a.Set, AckBy: a.AckBy,
	}
}

// severity is the colour: red where inspection stands or a result is lost.
func severity(s alarm.Severity) Severity {
	if s == alarm.Fault {
		return Fault
	}
	return Abnormal
}
