package sparkplug

import "kensa/bus/sparkplug/payload"

// DieMap is the metric with the bin of each die.
const DieMap = "Wafer/DieMap"

// MaxMapDies is the largest die map that is published; that of a wafer with more
// dies is empty. It keeps the message under the session's 1 MiB.
const MaxMapDies = 30_000

// DefectClasses is the metric with the defects of each class.
const DefectClasses = "Wafer/DefectClasses"

func defectClassesMetric() Metric {
	m := device(DefectClasses, payload.TypeDataSet, "", "defects of each class, and their number per cm² inspected, by the class's name")
	m.Columns = defectClassColumns()
	return m
}

func defectClassColumns() []payload.Column {
	return []payload.Column{
		{Name: "class", Type: payload.TypeString},
		{Name: "defects", Type: payload.TypeUInt32},
		{Name: "density", Type: payload.TypeDouble},
	}
}

func defectClasses(classes []DefectClass) (payload.Value, error) {
	set, err := payload.NewDataSet(defectClassColumns()...)
	if err != nil {
		return payload.Value{}, err
	}
	for _, c := range classes {
		if err := set.AddRow(payload.String(c.Name), payload.UInt32(uint32(c.Defects)), payload.Double(c.Density)); err != nil {
			return payload.Value{}, err
		}
	}
	return set.Value(), nil
}

func dieMapMetric() Metric {
	m := device(DieMap, payload.TypeDataSet, "",
		"bin of each die by column and row from the reference die; bin 0 is not inspected, 1 good; empty beyond 30,000 dies")
	m.Columns = dieMapColumns()
	return m
}

// dieMapColumns have types that common decoders can read in a data set: they
// refuse Int32 and shorter. Int64 keeps the sign of the indices.
func dieMapColumns() []payload.Column {
	return []payload.Column{
		{Name: "column", Type: payload.TypeInt64},
		{Name: "row", Type: payload.TypeInt64},
		{Name: "bin", Type: payload.TypeUInt32},
	}
}

func dieMap(dies []Die) (payload.Value, error) {
	set, err := payload.NewDataSet(dieMapColumns()...)
	if err != nil {
		return payload.Value{}, err
	}
	if len(dies) > MaxMapDies {
		dies = nil
	}
	set.Grow(len(dies))
	for _, d := range dies {
		if err := set.AddRow(payload.Int64(int64(d.Column)), payload.Int64(int64(d.Row)), payload.UInt32(uint32(d.Bin))); err != nil {
			return payload.Value{}, err
		}
	}
	return set.Value(), nil
}
