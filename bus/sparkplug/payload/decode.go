package payload

import (
	"fmt"
	"math"
	"slices"
)

// Decode reads a payload. The error names the metric and the field.
func Decode(b []byte) (Payload, error) {
	if len(b) > MaxSize {
		return Payload{}, fmt.Errorf("payload: %d bytes; limit is %d", len(b), MaxSize)
	}
	var p Payload
	if err := scan(b, p.field); err != nil {
		return Payload{}, fmt.Errorf("payload: %w", err)
	}
	return p, nil
}

func (p *Payload) field(f field) (err error) {
	switch f.number {
	case 1:
		p.Timestamp, err = f.time("timestamp")
	case 2:
		err = p.addMetric(f)
	case 3:
		p.Seq, err = f.seq()
	case 4:
		p.UUID, err = f.text("uuid")
	case 5:
		var body []byte
		body, err = f.bytes("body")
		p.Body = append([]byte(nil), body...) // nil where empty
	}
	return err
}

func (f field) seq() (*uint8, error) {
	n, err := f.uint("seq")
	if err != nil {
		return nil, err
	}
	if n > math.MaxUint8 {
		return nil, fmt.Errorf("seq: %d; limit is %d", n, math.MaxUint8)
	}
	return new(uint8(n)), nil
}

func (p *Payload) addMetric(f field) error {
	if len(p.Metrics) == MaxMetrics {
		return fmt.Errorf("metrics: more than %d", MaxMetrics)
	}
	b, err := f.bytes("metrics")
	if err != nil {
		return err
	}
	m, err := decodeMetric(b)
	if err != nil {
		return fmt.Errorf("metric %d (%s): %w", len(p.Metrics)+1, m.Name, err)
	}
	p.Metrics = append(p.Metrics, m)
	return nil
}

// metricReader holds what a metric's value needs and may come in any order.
type metricReader struct {
	Metric
	value rawValue
}

// decodeMetric returns the metric as far as it was read when it fails.
func decodeMetric(b []byte) (Metric, error) {
	var r metricReader
	if err := scan(b, r.field); err != nil {
		return r.Metric, err
	}
	v, err := r.value.interpret()
	r.Value = v
	return r.Metric, err
}

func (r *metricReader) field(f field) (err error) {
	switch f.number {
	case 1:
		r.Name, err = f.text("name")
	case 2:
		var alias uint64
		alias, err = f.uint("alias")
		r.Alias = &alias
	case 3:
		r.Timestamp, err = f.time("timestamp")
	case 4:
		r.value.typ, err = f.datatype("datatype")
	case 5:
		r.Historical, err = f.flag("is_historical")
	case 6:
		r.Transient, err = f.flag("is_transient")
	case 7:
		r.value.null, err = f.flag("is_null")
	case 8:
		r.Description, err = f.description()
	case 9:
		r.Properties, err = f.properties()
	default:
		err = r.value.take(f, metricValue, metricLast)
	}
	return err
}

func (f field) description() (description string, err error) {
	b, err := f.bytes("metadata")
	if err != nil {
		return "", err
	}
	err = scan(b, func(f field) (err error) {
		if f.number == 8 {
			description, err = f.text("description")
		}
		return err
	})
	return description, wrap("metadata", err)
}

// properties reads a property set: its keys and its values, in the same order.
func (f field) properties() ([]Property, error) {
	b, err := f.bytes("properties")
	if err != nil {
		return nil, err
	}
	var keys []string
	var values []Value
	err = scan(b, func(f field) error {
		if len(keys) > MaxProperties || len(values) > MaxProperties {
			return fmt.Errorf("more than %d", MaxProperties)
		}
		switch f.number {
		case 1:
			key, err := f.text("keys")
			keys = append(keys, key)
			return err
		case 2:
			v, err := f.propertyValue()
			values = append(values, v)
			return err
		}
		return nil
	})
	if err != nil {
		return nil, wrap("properties", err)
	}
	return pair(keys, values)
}

func pair(keys []string, values []Value) ([]Property, error) {
	if len(keys) != len(values) {
		return nil, fmt.Errorf("properties: %d keys and %d values; want as many of both", len(keys), len(values))
	}
	var set []Property
	for i := range keys {
		p, err := NewProperty(keys[i], values[i])
		if err != nil {
			return nil, err
		}
		set = append(set, p)
	}
	return set, nil
}

func (f field) propertyValue() (Value, error) {
	b, err := f.bytes("values")
	if err != nil {
		return Value{}, err
	}
	var r rawValue
	err = scan(b, func(f field) (err error) {
		switch f.number {
		case 1:
			r.typ, err = f.datatype("type")
		case 2:
			r.null, err = f.flag("is_null")
		default:
			err = r.take(f, propertyValue, propertyLast)
		}
		return err
	})
	if err != nil {
		return Value{}, wrap("values", err)
	}
	return r.interpret()
}

// decodeDataSet reads a table; a cell without a value is a null.
func decodeDataSet(b []byte) (*DataSet, error) {
	r := dataSetReader{declared: math.MaxUint64}
	if err := scan(b, r.field); err != nil {
		return nil, err
	}
	if n := len(r.names); r.declared != uint64(n) || len(r.types) != n {
		return nil, fmt.Errorf("num_of_columns: %d; has %d names and %d types", r.declared, n, len(r.types))
	}
	columns := make([]Column, len(r.names))
	for i := range columns {
		columns[i] = Column{r.names[i], r.types[i]}
	}
	set, err := NewDataSet(columns...)
	if err != nil {
		return nil, err
	}
	set.cells = slices.Grow(set.cells, r.cells())
	for i, row := range r.rows {
		if err := set.decodeRow(row); err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
	}
	return set, nil
}

type dataSetReader struct {
	declared uint64
	names    []string
	types    []Type
	rows     [][]byte // read when all columns are known
}

// cells is how many cells there can be: an element has two bytes at least.
func (r *dataSetReader) cells() int {
	size := 0
	for _, row := range r.rows {
		size += len(row)
	}
	return min(len(r.rows)*len(r.names), size/2)
}

func (r *dataSetReader) field(f field) error {
	if len(r.names) > MaxColumns || len(r.types) > MaxColumns {
		return fmt.Errorf("columns: more than %d", MaxColumns)
	}
	switch f.number {
	case 1:
		n, err := f.uint("num_of_columns")
		r.declared = n
		return err
	case 2:
		name, err := f.text("columns")
		r.names = append(r.names, name)
		return err
	case 3:
		types, err := f.datatypes("types")
		r.types = append(r.types, types...)
		return err
	case 4:
		row, err := f.bytes("rows")
		r.rows = append(r.rows, row)
		return err
	}
	return nil
}

func (d *DataSet) decodeRow(b []byte) error {
	before := len(d.cells)
	err := scan(b, func(f field) error {
		column := len(d.cells) - before
		if f.number != 1 {
			return nil
		}
		if column == len(d.columns) {
			return fmt.Errorf("more than %d elements", len(d.columns))
		}
		v, err := f.cell(d.columns[column].Type)
		d.cells = append(d.cells, v)
		return wrap(d.columns[column].Name, err)
	})
	if n := len(d.cells) - before; err == nil && n < len(d.columns) {
		return fmt.Errorf("%d elements; want %d", n, len(d.columns))
	}
	return err
}

func (f field) cell(t Type) (Value, error) {
	b, err := f.bytes("elements")
	if err != nil {
		return Value{}, err
	}
	r := rawValue{typ: t}
	if err := scan(b, func(f field) error { return r.take(f, cellValue, cellLast) }); err != nil {
		return Value{}, err
	}
	return r.interpret()
}
