package gauge

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// columns that a table must have before those of values.
var columns = []string{"part", "operator", "trial"}

// maxRows of a table.
const maxRows = 1_000_000

// ReadCSV reads a table with the columns part, operator, trial, and then one for
// each quantity, whose head is its name. It gives a study of each quantity, parts,
// operators and trials in the order in which they come first. It is strict: a
// cell that is no number, a combination that is missing or there twice is an
// error that names line and column.
func ReadCSV(from io.Reader) (names []string, studies []Study, err error) {
	r := csv.NewReader(from)
	head, err := r.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("gauge: line 1: %w", err)
	}
	if len(head) <= len(columns) || !slices.Equal(head[:len(columns)], columns) {
		return nil, nil, fmt.Errorf("gauge: line 1: columns %s; want %s and then the values", strings.Join(head, ","), strings.Join(columns, ","))
	}
	t := table{names: head[len(columns):], lines: map[[3]string]int{}, rows: map[[3]string][]float64{}}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("gauge: %w", err)
		}
		line, _ := r.FieldPos(0)
		if err := t.add(line, cells); err != nil {
			return nil, nil, err
		}
	}
	studies, err = t.studies()
	return t.names, studies, err
}

// table is what was read, by part, operator and trial.
type table struct {
	names  []string
	lines  map[[3]string]int
	rows   map[[3]string][]float64
	levels [3][]string // in the order of their first line
}

func (t *table) add(line int, cells []string) error {
	if len(t.rows) >= maxRows {
		return fmt.Errorf("gauge: line %d: more than %d rows", line, maxRows)
	}
	key := [3]string(cells[:3])
	for n, name := range key {
		if name == "" {
			return fmt.Errorf("gauge: line %d, column %s: empty", line, columns[n])
		}
		if !slices.Contains(t.levels[n], name) {
			t.levels[n] = append(t.levels[n], name)
		}
	}
	if before, twice := t.lines[key]; twice {
		return fmt.Errorf("gauge: line %d: part %s, operator %s, trial %s was on line %d already", line, key[0], key[1], key[2], before)
	}
	values := make([]float64, len(t.names))
	for n, cell := range cells[3:] {
		v, err := strconv.ParseFloat(strings.TrimSpace(cell), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("gauge: line %d, column %s: %q; want a number", line, t.names[n], cell)
		}
		values[n] = v
	}
	t.lines[key], t.rows[key] = line, values
	return nil
}

func (t *table) studies() ([]Study, error) {
	all := make([]Study, len(t.names))
	for q := range all {
		for _, part := range t.levels[0] {
			var operators [][]float64
			for _, operator := range t.levels[1] {
				var readings []float64
				for _, trial := range t.levels[2] {
					values, ok := t.rows[[3]string{part, operator, trial}]
					if !ok {
						return nil, fmt.Errorf("gauge: part %s, operator %s: trial %s is missing; want every part with every operator equally often", part, operator, trial)
					}
					readings = append(readings, values[q])
				}
				operators = append(operators, readings)
			}
			all[q] = append(all[q], operators)
		}
		if len(all[q]) == 0 {
			return nil, errors.New("gauge: no rows")
		}
		if err := all[q].Check(); err != nil {
			return nil, err
		}
	}
	return all, nil
}
