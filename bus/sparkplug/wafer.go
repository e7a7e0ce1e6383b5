package sparkplug

import (
	"fmt"
	"math"
	"time"

	"kensa/bus/sparkplug/payload"
)

// Wafer is the result of one wafer's inspection. It names its own lot, substrate
// and recipe, for it may be sent when the next wafer lies on the chuck.
type Wafer struct {
	Number                  int64 // of the result, the appliance's own, rising; a host knows a result that came twice by it
	Carrier, Lot, Substrate string
	Slot                    int // in the carrier, from 1
	Recipe, RecipeVersion   string
	Calibration             string // that the result rests on; empty where there was none
	Finished                time.Time
	Dies                    int // that the layout has
	Inspected, Good         int // dies
	Defects                 int
	Yield                   float64 // good over inspected dies, 0 to 1; NaN where none was inspected
	DefectDensity           float64 // defects per cm² inspected; NaN where nothing was
	Verdict                 string  // good, bad or incomplete
	Classes                 []DefectClass
	Notch                   string // where it lies on the map: down, up, left or right
	Map                     []Die
}

// DefectClass is what was found of one class.
type DefectClass struct {
	Name    string
	Defects int
	Density float64 // per cm² inspected
}

// Die is a die's bin in the map.
type Die struct {
	Column, Row int // in die pitches from the reference die, columns to the right, rows up
	Bin         int // 0 not inspected, 1 good, others by the recipe
}

// waferPoint is one metric of a wafer's result.
type waferPoint struct {
	Metric
	of func(Wafer) payload.Value
}

// waferPoints are in the order in which they are published.
var waferPoints = makeWaferPoints()

func makeWaferPoints() []waferPoint {
	point := func(name string, t payload.Type, unit, description string, of func(Wafer) payload.Value) waferPoint {
		return waferPoint{device("Wafer/"+name, t, unit, description), of}
	}
	text := func(name, description string, of func(Wafer) string) waferPoint {
		return point(name, payload.TypeString, "", description, func(w Wafer) payload.Value { return payload.String(of(w)) })
	}
	count := func(name, description string, of func(Wafer) int) waferPoint {
		return point(name, payload.TypeUInt32, "", description, func(w Wafer) payload.Value { return payload.UInt32(uint32(of(w))) })
	}
	return []waferPoint{
		point("Number", payload.TypeInt64, "", "of the result, rising: a host knows by it a result that came twice",
			func(w Wafer) payload.Value { return payload.Int64(w.Number) }),
		text("Carrier", "carrier that the wafer came in", func(w Wafer) string { return w.Carrier }),
		text("Lot", "lot of the wafer", func(w Wafer) string { return w.Lot }),
		text("Substrate", "the wafer", func(w Wafer) string { return w.Substrate }),
		count("Slot", "slot in the carrier, from 1", func(w Wafer) int { return w.Slot }),
		text("Recipe", "recipe that it was inspected with", func(w Wafer) string { return w.Recipe }),
		text("RecipeVersion", "version of that recipe", func(w Wafer) string { return w.RecipeVersion }),
		point("Yield", payload.TypeDouble, "1", "good dies over inspected dies, 0 to 1; null where none was inspected",
			func(w Wafer) payload.Value { return ratio(w.Yield) }),
		count("Dies", "dies that the layout has", func(w Wafer) int { return w.Dies }),
		count("Good", "dies without a fault", func(w Wafer) int { return w.Good }),
		count("Inspected", "dies that were inspected", func(w Wafer) int { return w.Inspected }),
		count("Defects", "defects found", func(w Wafer) int { return w.Defects }),
		point("DefectDensity", payload.TypeDouble, "1/cm²", "defects over inspected area",
			func(w Wafer) payload.Value { return ratio(w.DefectDensity) }),
		text("Calibration", "calibration that the result rests on: objective/number and the beginning of its hash, and a correction by temperature; empty where there was none",
			func(w Wafer) string { return w.Calibration }),
		text("Verdict", "good, bad, or incomplete where a die was not inspected", func(w Wafer) string { return w.Verdict }),
		text("Notch", "where the notch lies on the die map: down, up, left or right", func(w Wafer) string { return w.Notch }),
		count("Columns", "columns of the die map", func(w Wafer) int { return extent(w.Map, func(d Die) int { return d.Column }) }),
		count("Rows", "rows of the die map", func(w Wafer) int { return extent(w.Map, func(d Die) int { return d.Row }) }),
		point("Finished", payload.TypeDateTime, "", "when the inspection ended",
			func(w Wafer) payload.Value { return payload.DateTime(w.Finished) }),
	}
}

// extent is from the least place to the greatest, with both; 0 where there is no
// die.
func extent(dies []Die, of func(Die) int) int {
	if len(dies) == 0 {
		return 0
	}
	least, most := of(dies[0]), of(dies[0])
	for _, d := range dies {
		least, most = min(least, of(d)), max(most, of(d))
	}
	return most - least + 1
}

func waferMetrics() []Metric {
	var metrics []Metric
	for _, p := range waferPoints {
		metrics = append(metrics, p.Metric)
	}
	return append(metrics, defectClassesMetric(), dieMapMetric())
}

func (w Wafer) values() (values map[string]payload.Value, err error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	values = make(map[string]payload.Value, len(waferPoints)+2)
	for _, p := range waferPoints {
		values[p.Name] = p.of(w)
	}
	if values[DefectClasses], err = defectClasses(w.Classes); err != nil {
		return nil, err
	}
	values[DieMap], err = dieMap(w.Map)
	return values, err
}

func (w Wafer) report() (map[string]payload.Value, time.Time, error) {
	values, err := w.values()
	return values, w.Finished, err
}

// check refuses what the metrics cannot hold.
func (w Wafer) check() error {
	for _, n := range []struct {
		name  string
		value int
	}{{"slot", w.Slot}, {"dies", w.Dies}, {"inspected", w.Inspected}, {"good", w.Good}, {"defects", w.Defects}} {
		if n.value < 0 || int64(n.value) > math.MaxUint32 {
			return fmt.Errorf("wafer %s: %s: %d; want 0 to %d", w.Substrate, n.name, n.value, uint32(math.MaxUint32))
		}
	}
	for _, c := range w.Classes {
		if c.Defects < 0 || int64(c.Defects) > math.MaxUint32 || math.IsNaN(c.Density) || math.IsInf(c.Density, 0) {
			return fmt.Errorf("wafer %s: class %.40q: %d defects, %v per cm²; want numbers", w.Substrate, c.Name, c.Defects, c.Density)
		}
	}
	if w.Finished.IsZero() {
		return fmt.Errorf("wafer %s: finished: none; Sparkplug data have a time", w.Substrate)
	}
	for _, d := range w.Map {
		if d.Bin < 0 || d.Bin > math.MaxUint8 {
			return fmt.Errorf("wafer %s: die (%d, %d): bin %d; want 0 to %d", w.Substrate, d.Column, d.Row, d.Bin, math.MaxUint8)
		}
	}
	return nil
}

// ratio is a null for a quotient of nothing.
func ratio(v float64) payload.Value {
	if math.IsNaN(v) {
		return payload.Null(payload.TypeDouble)
	}
	return payload.Double(v)
}
