package payload

import (
	"fmt"
	"slices"
)

// DataSet is a table with typed columns.
type DataSet struct {
	columns []Column
	cells   []Value // row by row
}

// Column is a data set's column. Its type is one of Int8 to UUID.
type Column struct {
	Name string
	Type Type
}

// NewDataSet is an empty table of 1 to MaxColumns columns.
func NewDataSet(columns ...Column) (*DataSet, error) {
	if len(columns) < 1 || len(columns) > MaxColumns {
		return nil, fmt.Errorf("data set columns: %d; want 1 to %d", len(columns), MaxColumns)
	}
	for _, c := range columns {
		if c.Type < TypeInt8 || c.Type > TypeUUID {
			return nil, fmt.Errorf("data set column %q: %v; want Int8 to UUID", c.Name, c.Type)
		}
	}
	return &DataSet{columns: slices.Clone(columns)}, nil
}

// Grow makes room for so many more rows.
func (d *DataSet) Grow(rows int) { d.cells = slices.Grow(d.cells, rows*len(d.columns)) }

// AddRow adds a row. Each value must have its column's type and not be null, for
// peers refuse a data set with a null in it.
func (d *DataSet) AddRow(values ...Value) error {
	if len(values) != len(d.columns) {
		return fmt.Errorf("data set row: %d values; want %d", len(values), len(d.columns))
	}
	for i, v := range values {
		if c := d.columns[i]; v.typ != c.Type || v.IsNull() {
			return fmt.Errorf("data set column %q: %v %v; want a %v", c.Name, v.typ, v, c.Type)
		}
	}
	d.cells = append(d.cells, values...)
	return nil
}

// Columns are the table's columns, the caller's own.
func (d *DataSet) Columns() []Column { return slices.Clone(d.columns) }

// Rows is the number of rows.
func (d *DataSet) Rows() int { return len(d.cells) / len(d.columns) }

// Row is row i, counted from 0: one value a column, not to be changed.
func (d *DataSet) Row(i int) []Value {
	n := len(d.columns)
	return d.cells[i*n : (i+1)*n : (i+1)*n]
}

// Value is the table as it is now; rows added later are not in it.
func (d *DataSet) Value() Value {
	snapshot := *d
	return Value{typ: TypeDataSet, slot: slotDataSet, set: &snapshot}
}

func (d *DataSet) equal(o *DataSet) bool {
	return slices.Equal(d.columns, o.columns) && slices.Equal(d.cells, o.cells)
}
