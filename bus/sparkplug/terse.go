package sparkplug

import (
	"maps"
	"slices"

	"kensa/bus/sparkplug/payload"
)

// terseOmits are the metrics that a terse node does not have: those that are large,
// said elsewhere, or of use to the appliance's own people only.
var terseOmits = []string{
	DieMap, "Wafer/Notch", "Wafer/Columns", "Wafer/Rows", DefectClasses, EquipmentPrevious, JobLot, JobRecipeVersion, MaterialCarrier, "Wafer/Carrier", "Wafer/RecipeVersion", "Wafer/Calibration",
}

// terseBands are the dead-bands of a terse node that are larger than others'.
var terseBands = map[string]float64{HealthDisk: 1 << 30, HealthOutbox: 100, HealthFrames: 10, HealthClock: 100, HealthTemperature: 1, HealthHumidity: 5}

// terse are the metrics of a node on a small link, without their descriptions.
func terse(all []Metric) []Metric {
	var few []Metric
	for _, m := range all {
		if slices.Contains(terseOmits, m.Name) {
			continue
		}
		m.Description = ""
		m.DeadBand = max(m.DeadBand, terseBands[m.Name])
		few = append(few, m)
	}
	return few
}

// declared leaves out the values that a terse node does not have.
func (n *Node) declared(values map[string]payload.Value) map[string]payload.Value {
	if !n.config.Terse {
		return values
	}
	few := maps.Clone(values)
	for _, name := range terseOmits {
		delete(few, name)
	}
	return few
}
