package appliance

import (
	"kensa/firmware/record"
	"kensa/firmware/station"
)

// observers tells everyone who follows the station.
func (a *Appliance) observers() station.Observer {
	all := observers{a.screen}
	if a.mes != nil {
		all = append(all, a.mes)
	}
	if a.tower != nil {
		all = append(all, a.tower)
	}
	if a.options.WaferClosed != nil {
		all = append(all, closing(a.options.WaferClosed))
	}
	return all
}

// observers are several as one.
type observers []station.Observer

// StateChanged implements station.Observer.
func (all observers) StateChanged(s station.State) {
	for _, o := range all {
		o.StateChanged(s)
	}
}

// WaferStarted implements station.Observer.
func (all observers) WaferStarted(w *record.Wafer) {
	for _, o := range all {
		o.WaferStarted(w)
	}
}

// FieldDone implements station.Observer.
func (all observers) FieldDone(w *record.Wafer, f station.Field) {
	for _, o := range all {
		o.FieldDone(w, f)
	}
}

// WaferClosed implements station.Observer.
func (all observers) WaferClosed(w *record.Wafer) {
	for _, o := range all {
		o.WaferClosed(w)
	}
}

// closing is an observer of closed wafers only.
type closing func(*record.Wafer)

func (closing) StateChanged(station.State)             {}
func (closing) WaferStarted(*record.Wafer)             {}
func (closing) FieldDone(*record.Wafer, station.Field) {}
func (c closing) WaferClosed(w *record.Wafer)          { c(w) }
