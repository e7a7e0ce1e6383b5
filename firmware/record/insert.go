package record

import (
	"encoding/json"
	"fmt"
	"time"

	"kensa/firmware/alarm"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// storedLayout is wafer.Layout under the names that the database keeps. The
// two must have the same fields, or this does not compile: a new field is a
// decision about what older rows mean.
type storedLayout struct {
	Kind          wafer.Kind        `json:"kind"`
	Diameter      length.Length     `json:"diameter"`
	EdgeExclusion length.Length     `json:"edge_exclusion"`
	PitchX        length.Length     `json:"pitch_x"`
	PitchY        length.Length     `json:"pitch_y"`
	DieWidth      length.Length     `json:"die_width"`
	DieHeight     length.Length     `json:"die_height"`
	OffsetX       length.Length     `json:"offset_x"`
	OffsetY       length.Length     `json:"offset_y"`
	Notch         wafer.Orientation `json:"notch"`
	FieldColumns  int               `json:"field_columns"`
	FieldRows     int               `json:"field_rows"`
	Path          wafer.Path        `json:"path"`
	PixelSize     length.Length     `json:"pixel_size"`

	PixelSizeUncertainty length.Length `json:"pixel_size_uncertainty,omitempty"` // older rows: not known
}

// nanos is how times are stored: nanoseconds since 1970, or null for none.
func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

func (t *Tx) insertWafer() error {
	w, m := t.wafer, t.wafer.Material
	layout, err := json.Marshal(storedLayout(w.Layout))
	if err != nil {
		return fmt.Errorf("layout: %w", err)
	}
	names, err := json.Marshal(w.BinNames)
	if err != nil {
		return fmt.Errorf("bin names: %w", err)
	}
	temperature, humidity := w.Climate.columns()
	result, err := t.tx.ExecContext(t.ctx, `INSERT INTO wafer (carrier, lot, slot, substrate, run, recipe, recipe_version,
		recipe_hash, started, finished, fields, fields_inspected, layout, bin_names, dies, inspected, good, defects, area, verdict, calibration,
		temperature, humidity) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.Carrier, m.Lot, m.Slot, m.Substrate, w.Run, w.Recipe, w.RecipeVersion,
		w.RecipeHash, nanos(w.Started), nanos(w.Finished), w.Fields, w.FieldsInspected, string(layout), string(names),
		w.Summary.Dies, w.Summary.Inspected, w.Summary.Good, w.Summary.Defects, w.Summary.Area, string(w.Summary.Verdict), w.Calibration,
		temperature, humidity)
	if err != nil {
		return err
	}
	if w.ID, err = result.LastInsertId(); err != nil {
		return err
	}
	for _, part := range []func() error{t.insertDies, t.insertDefects, t.insertImages, t.insertAlarms} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) insertDies() error {
	insert, err := t.tx.PrepareContext(t.ctx, `INSERT INTO die VALUES (?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for n, d := range t.wafer.Dies {
		if _, err := insert.ExecContext(t.ctx, t.wafer.ID, d.Index.Column, d.Index.Row, n, int(d.Bin), d.Reason); err != nil {
			return fmt.Errorf("die %v: %w", d.Index, err)
		}
	}
	return nil
}

func (t *Tx) insertDefects() error {
	insert, err := t.tx.PrepareContext(t.ctx, `INSERT INTO defect (wafer, number, die_column, die_row, field, x, y, size_x, size_y,
		left, top, right, bottom, cx, cy, area, class, polarity, confidence, contrast, size, size_uncertainty)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, d := range t.wafer.Defects {
		_, err := insert.ExecContext(t.ctx, t.wafer.ID, d.Number, d.Die.Column, d.Die.Row, d.Field,
			d.X.Micrometres(), d.Y.Micrometres(), d.SizeX.Micrometres(), d.SizeY.Micrometres(),
			d.Box.Min.X, d.Box.Min.Y, d.Box.Max.X, d.Box.Max.Y, d.CX, d.CY, d.Area,
			string(d.Class), string(d.Polarity), d.Confidence, d.Contrast,
			d.Size.Micrometres(), d.SizeUncertainty.Micrometres())
		if err != nil {
			return fmt.Errorf("defect %d: %w", d.Number, err)
		}
	}
	return nil
}

func (t *Tx) insertImages() error {
	insert, err := t.tx.PrepareContext(t.ctx, `INSERT INTO image VALUES (?, ?, ?)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, d := range t.wafer.Defects {
		if len(d.Image) == 0 {
			continue
		}
		if _, err := insert.ExecContext(t.ctx, t.wafer.ID, d.Number, d.Image); err != nil {
			return fmt.Errorf("image of defect %d: %w", d.Number, err)
		}
	}
	return nil
}

func (t *Tx) insertAlarms() error {
	for _, a := range t.wafer.Alarms {
		id, err := t.saveAlarm(a)
		if err != nil {
			return err
		}
		_, err = t.tx.ExecContext(t.ctx, `INSERT INTO wafer_alarm VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			t.wafer.ID, id, a.Detail, max(a.Count, 1))
		if err != nil {
			return fmt.Errorf("alarm %d: %w", a.ID, err)
		}
	}
	return nil
}

// saveAlarm writes an alarm as it stands, or merges it with what is known of
// the same raising. News may come out of order (a wafer's snapshot after the
// clearing), so neither an acknowledgement nor a clearing is ever taken back.
func (t *Tx) saveAlarm(a alarm.Alarm) (id int64, err error) {
	if a.Set.IsZero() {
		return 0, fmt.Errorf("alarm %d: set: no time", a.ID)
	}
	latest := a.Latest
	if latest.IsZero() {
		latest = a.Set
	}
	err = t.tx.QueryRowContext(t.ctx, `INSERT INTO alarm (alid, set_at, category, severity, text, remedy, detail, count, latest, cleared, ack_by, acked)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (alid, set_at) DO UPDATE SET
			detail  = iif(excluded.latest >= latest, excluded.detail, detail),
			count   = max(count, excluded.count),
			latest  = max(latest, excluded.latest),
			cleared = ifnull(cleared, excluded.cleared),
			acked   = iif(ack_by = '', excluded.acked, acked),
			ack_by  = iif(ack_by = '', excluded.ack_by, ack_by)
		RETURNING id`,
		int(a.ID), nanos(a.Set), int(a.Category), int(a.Severity), a.Text, a.Remedy, a.Detail, max(a.Count, 1), nanos(latest),
		nanos(a.Cleared), a.AckBy, nanos(a.Acked)).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("alarm %d: %w", a.ID, err)
	}
	return id, nil
}
