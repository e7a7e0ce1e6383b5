package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kensa/vision/wafer"
)

// Filter chooses wafers. Its zero value means all.
type Filter struct {
	Lot       string // only this lot's, where not empty
	Substrate string // only this substrate's, where not empty
	Before    int64  // only wafers with a lower ID, where not 0: the next page
	Limit     int    // at most so many, where not 0
}

// heads reads wafers without their lists.
const heads = `SELECT id, run, carrier, lot, slot, substrate, recipe, recipe_version, recipe_hash, started, finished,
	fields, fields_inspected, layout, bin_names, dies, inspected, good, defects, area, verdict, calibration,
	temperature, humidity FROM wafer `

type scanner interface{ Scan(...any) error }

func scanHead(row scanner) (Wafer, error) {
	var w Wafer
	var layout storedLayout
	var layoutText, names []byte
	var started, finished sql.NullInt64
	var temperature, humidity sql.NullFloat64
	m, s := &w.Material, &w.Summary
	err := row.Scan(&w.ID, &w.Run, &m.Carrier, &m.Lot, &m.Slot, &m.Substrate, &w.Recipe, &w.RecipeVersion, &w.RecipeHash,
		&started, &finished, &w.Fields, &w.FieldsInspected, &layoutText, &names,
		&s.Dies, &s.Inspected, &s.Good, &s.Defects, &s.Area, &s.Verdict, &w.Calibration, &temperature, &humidity)
	if err != nil {
		return w, err
	}
	w.Started, w.Finished = instant(started), instant(finished)
	w.Climate = climateOf(temperature, humidity)
	if err := json.Unmarshal(names, &w.BinNames); err != nil {
		return w, fmt.Errorf("wafer %d: %w: bin names: %w", w.ID, ErrDamaged, err)
	}
	if err := json.Unmarshal(layoutText, &layout); err != nil {
		return w, fmt.Errorf("wafer %d: %w: layout: %w", w.ID, ErrDamaged, err)
	}
	w.Layout = wafer.Layout(layout)
	return w, nil
}

// instant is the reverse of nanos; times are in UTC.
func instant(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(0, n.Int64).UTC()
}

// Wafers lists wafers, the latest first, without their dies, defects and alarms.
func (r *Reader) Wafers(ctx context.Context, f Filter) ([]Wafer, error) {
	if f.Limit <= 0 {
		f.Limit = -1 // SQLite's word for no limit
	}
	rows, err := r.db.QueryContext(ctx, heads+`WHERE (?1 = '' OR lot = ?1) AND (?2 = '' OR substrate = ?2) AND (?3 = 0 OR id < ?3)
		ORDER BY id DESC LIMIT ?4`, f.Lot, f.Substrate, f.Before, f.Limit)
	if err != nil {
		return nil, r.explain(err)
	}
	defer rows.Close()
	var list []Wafer
	for rows.Next() {
		w, err := scanHead(rows)
		if err != nil {
			return nil, r.explain(err)
		}
		list = append(list, w)
	}
	return list, r.explain(rows.Err())
}

// Wafer reads a whole wafer, but for its images. ErrNotFound means that there
// is none, or none any more.
func (r *Reader) Wafer(ctx context.Context, id int64) (*Wafer, error) {
	return r.whole(ctx, fmt.Sprintf("wafer %d", id), `WHERE id = ?`, id)
}

// BySubstrate reads the latest inspection of a substrate.
func (r *Reader) BySubstrate(ctx context.Context, name string) (*Wafer, error) {
	return r.whole(ctx, fmt.Sprintf("substrate %q", name), `WHERE substrate = ? AND substrate <> '' ORDER BY id DESC LIMIT 1`, name)
}

// BySlot reads the latest inspection of a lot's slot.
func (r *Reader) BySlot(ctx context.Context, lot string, slot int) (*Wafer, error) {
	return r.whole(ctx, fmt.Sprintf("lot %q slot %d", lot, slot), `WHERE lot = ? AND slot = ? ORDER BY id DESC LIMIT 1`, lot, slot)
}

// Latest reads the wafer committed last.
func (r *Reader) Latest(ctx context.Context) (*Wafer, error) {
	return r.whole(ctx, "latest wafer", `ORDER BY id DESC LIMIT 1`)
}

// Find reads the wafer that a person names: by its substrate, as lot/slot, by
// its ID as #12 or 12, or as "latest". A substrate's name goes first.
func (r *Reader) Find(ctx context.Context, text string) (*Wafer, error) {
	w, err := r.BySubstrate(ctx, text)
	if !errors.Is(err, ErrNotFound) {
		return w, err
	}
	if text == "latest" {
		return r.Latest(ctx)
	}
	if id, err := strconv.ParseInt(strings.TrimPrefix(text, "#"), 10, 64); err == nil {
		return r.Wafer(ctx, id)
	}
	if cut := strings.LastIndexByte(text, '/'); cut >= 0 {
		if slot, err := strconv.Atoi(text[cut+1:]); err == nil {
			return r.BySlot(ctx, text[:cut], slot)
		}
	}
	return nil, fmt.Errorf("record: wafer %q: %w; name a substrate, LOT/SLOT, #ID or latest", text, ErrNotFound)
}

// whole reads all of a wafer as of one moment.
func (r *Reader) whole(ctx context.Context, what, where string, args ...any) (*Wafer, error) {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, r.explain(err)
	}
	defer tx.Rollback()
	w, err := scanHead(tx.QueryRowContext(ctx, heads+where, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("record: %s: %w", what, ErrNotFound)
	}
	if err != nil {
		return nil, r.explain(err)
	}
	for _, part := range []func(context.Context, *sql.Tx, *Wafer) error{readDies, readDefects, readWaferAlarms} {
		if err := part(ctx, tx, &w); err != nil {
			return nil, r.explain(err)
		}
	}
	return &w, nil
}

func readDies(ctx context.Context, tx *sql.Tx, w *Wafer) error {
	rows, err := tx.QueryContext(ctx, `SELECT die_column, die_row, bin, reason FROM die WHERE wafer = ? ORDER BY position`, w.ID)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var d Die
		if err := rows.Scan(&d.Index.Column, &d.Index.Row, &d.Bin, &d.Reason); err != nil {
			return err
		}
		w.Dies = append(w.Dies, d)
	}
	return rows.Err()
}

func readDefects(ctx context.Context, tx *sql.Tx, w *Wafer) error {
	rows, err := tx.QueryContext(ctx, `SELECT number, die_column, die_row, field, x, y, size_x, size_y, left, top, right, bottom,
		cx, cy, area, class, polarity, confidence, contrast, size, size_uncertainty,
		EXISTS (SELECT 1 FROM image WHERE image.wafer = defect.wafer AND image.number = defect.number)
		FROM defect WHERE wafer = ? ORDER BY number`, w.ID)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var d Defect
		err := rows.Scan(&d.Number, &d.Die.Column, &d.Die.Row, &d.Field, &d.X, &d.Y, &d.SizeX, &d.SizeY,
			&d.Box.Min.X, &d.Box.Min.Y, &d.Box.Max.X, &d.Box.Max.Y, &d.CX, &d.CY, &d.Area,
			&d.Class, &d.Polarity, &d.Confidence, &d.Contrast,
			&d.Size, &d.SizeUncertainty, &d.HasImage)
		if err != nil {
			return err
		}
		w.Defects = append(w.Defects, d)
	}
	return rows.Err()
}

// Image reads a defect's image, a PNG. ErrNotFound means that none was kept, or
// that it was pruned.
func (r *Reader) Image(ctx context.Context, wafer int64, number int) ([]byte, error) {
	var png []byte
	err := r.db.QueryRowContext(ctx, `SELECT png FROM image WHERE wafer = ? AND number = ?`, wafer, number).Scan(&png)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("record: image of wafer %d, defect %d: %w", wafer, number, ErrNotFound)
	}
	return png, r.explain(err)
}

// Lot is what a lot's wafers come to, each by its latest inspection.
type Lot struct {
	Name      string
	Wafers    int
	Complete  int // wafers with every die inspected
	Dies      int
	Inspected int
	Good      int
	Defects   int
	Started   time.Time // the first wafer
	Finished  time.Time // the last
}

// Yield is good dies over inspected ones; NaN where none was.
func (l Lot) Yield() wafer.Yield { return wafer.Yield(float64(l.Good) / float64(l.Inspected)) }

// Lots lists the lots, the latest first, at most limit of them (0: all).
func (r *Reader) Lots(ctx context.Context, limit int) ([]Lot, error) {
	if limit <= 0 {
		limit = -1
	}
	rows, err := r.db.QueryContext(ctx, `SELECT lot, count(*), sum(inspected = dies AND dies > 0), sum(dies), sum(inspected), sum(good), sum(defects),
		min(started), max(finished) FROM wafer WHERE id IN (SELECT max(id) FROM wafer GROUP BY lot, substrate, iif(substrate = '', slot, 0))
		GROUP BY lot ORDER BY max(id) DESC LIMIT ?`, limit)
	if err != nil {
		return nil, r.explain(err)
	}
	defer rows.Close()
	var list []Lot
	for rows.Next() {
		var l Lot
		var started, finished sql.NullInt64
		if err := rows.Scan(&l.Name, &l.Wafers, &l.Complete, &l.Dies, &l.Inspected, &l.Good, &l.Defects, &started, &finished); err != nil {
			return nil, r.explain(err)
		}
		l.Started, l.Finished = instant(started), instant(finished)
		list = append(list, l)
	}
	return list, r.explain(rows.Err())
}
