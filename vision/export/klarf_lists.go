package export

import (
	"fmt"
	"slices"

	"kensa/vision/wafer"
)

// counted returns the words after a list's count, which must be so many times
// each.
func counted(words []token, each int) ([]token, error) {
	count, err := integer(words, 0)
	if err != nil {
		return nil, err
	}
	if rest := len(words) - 1; count < 0 || rest != count*each {
		return nil, fmt.Errorf("%d entries of %d words announced, %d words there", count, each, rest)
	}
	return words[1:], nil
}

func columns(to *[]string) func([]token) error {
	return func(words []token) error {
		names, err := counted(words, 1)
		if err != nil {
			return err
		}
		for _, name := range names {
			if slices.Contains(*to, name.text) {
				return fmt.Errorf("line %d: column %q is there twice", name.line, name.text)
			}
			*to = append(*to, name.text)
		}
		return nil
	}
}

func (r *klarfReader) classLookup(words []token) error {
	entries, err := counted(words, 2)
	if err != nil {
		return err
	}
	r.Classes = make(map[int]string, len(entries)/2)
	for ; len(entries) > 0; entries = entries[2:] {
		n, err := integer(entries, 0)
		if err != nil {
			return err
		}
		if other, twice := r.Classes[n]; twice {
			return fmt.Errorf("line %d: class %d is called %q and %q", entries[0].line, n, other, entries[1].text)
		}
		r.Classes[n] = entries[1].text
	}
	return nil
}

func (r *klarfReader) testPlan(words []token) error {
	entries, err := counted(words, 2)
	if err != nil {
		return err
	}
	for ; len(entries) > 0; entries = entries[2:] {
		die, err := index(entries, 0, 1)
		if err != nil {
			return err
		}
		r.TestPlan = append(r.TestPlan, die)
	}
	return nil
}

func index(words []token, x, y int) (wafer.DieIndex, error) {
	column, err := integer(words, x)
	if err != nil {
		return wafer.DieIndex{}, err
	}
	row, err := integer(words, y)
	return wafer.DieIndex{Column: column, Row: row}, err
}

// places are the columns that say where a defect is.
var places = []string{"XREL", "YREL", "XINDEX", "YINDEX"}

func (r *klarfReader) defectList(words []token) error {
	if r.seen["DefectRecordSpec"] == 0 {
		return fmt.Errorf("comes before DefectRecordSpec")
	}
	for _, name := range places {
		if !slices.Contains(r.Columns, name) {
			return fmt.Errorf("no column %s in DefectRecordSpec", name)
		}
	}
	for len(words) > 0 {
		row, rest, err := cutRow(words, r.Columns)
		if err != nil {
			return err
		}
		d, err := r.defect(row)
		if err != nil {
			return err
		}
		r.Defects = append(r.Defects, d)
		words = rest
	}
	return nil
}

// cutRow takes a row's words off the front, without those of IMAGELIST, which
// is a count and two words an image. A row may be wrapped, but none begins in
// the line in which another ends: so a word too many or too few is found where
// it is.
func cutRow(words []token, columns []string) (row map[string]token, rest []token, err error) {
	row = make(map[string]token, len(columns))
	at := 0
	for _, name := range columns {
		if at >= len(words) {
			return nil, nil, fmt.Errorf("line %d: a row without a value for %s", words[0].line, name)
		}
		if name != "IMAGELIST" {
			row[name] = words[at]
			at++
			continue
		}
		images, err := integer(words, at)
		if err != nil {
			return nil, nil, err
		}
		if there := len(words) - at - 1; images < 0 || images > there/2 {
			return nil, nil, fmt.Errorf("line %d: %d images announced, %d words there", words[at].line, images, there)
		}
		at += 1 + 2*images
	}
	if at < len(words) && words[at].line == words[at-1].line {
		return nil, nil, fmt.Errorf("line %d: the row ends before %q in line %d; a row has %d columns",
			words[0].line, words[at].text, words[at].line, len(columns))
	}
	return row, words[at:], nil
}

func (r *klarfReader) defect(row map[string]token) (d KLARFDefect, err error) {
	d.Values = make(map[string]float64, len(row))
	for name, w := range row {
		if d.Values[name], err = number([]token{w}, 0); err != nil {
			return d, fmt.Errorf("%s: %w", name, err)
		}
	}
	d.X, d.Y = d.Values["XREL"], d.Values["YREL"]
	d.Die, err = index([]token{row["XINDEX"], row["YINDEX"]}, 0, 1)
	return d, err
}

func (r *klarfReader) summaryList(words []token) error {
	if len(r.summary) == 0 || len(words)%len(r.summary) != 0 {
		return fmt.Errorf("%d words; SummarySpec has %d columns", len(words), len(r.summary))
	}
	r.Summary = map[string]float64{}
	for n := range words {
		v, err := number(words, n)
		if err != nil {
			return err
		}
		r.Summary[r.summary[n%len(r.summary)]] = v
	}
	return nil
}
