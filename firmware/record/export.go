package record

import "kensa/vision/export"

// Export is the wafer as the export formats take it, inspected by the station.
// Device and Step, which the record does not know, stay empty.
func (w *Wafer) Export(by export.Station) export.Wafer {
	e := export.Wafer{
		Station: by, Carrier: w.Material.Carrier, Lot: w.Material.Lot, Slot: w.Material.Slot, Substrate: w.Material.Substrate,
		Run: w.Run, Recipe: w.Recipe, Version: w.RecipeVersion, Calibration: w.Calibration, Started: w.Started, Finished: w.Finished,
		Layout: w.Layout, Summary: w.Summary, BinNames: w.BinNames,
	}
	for _, d := range w.Dies {
		e.Dies = append(e.Dies, export.Die(d))
	}
	for _, d := range w.Defects {
		e.Defects = append(e.Defects, export.Defect{
			Defect: d.Defect, Number: d.Number, Die: d.Die, Field: d.Field, X: d.X, Y: d.Y, SizeX: d.SizeX, SizeY: d.SizeY,
			Size: d.Size, SizeUncertainty: d.SizeUncertainty,
		})
	}
	return e
}
