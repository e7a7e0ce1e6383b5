package capability

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"kensa/vision/defect"
)

// Known is one defect of a standard-defect wafer.
type Known struct {
	// X and Y from the wafer's centre, y up, and Size, the length of its longer side; µm.
	X, Y, Size float64
	Class      defect.Class
}

// Certificate is what is known of a standard-defect wafer.
type Certificate struct {
	Defects []Known
	hash    string
}

// maxKnown bounds a certificate: more defects than any wafer is made with.
const maxKnown = 100000

// columns of a certificate's file.
var columns = []string{"x_um", "y_um", "size_um", "class"}

// NewCertificate names defects.
func NewCertificate(defects []Known) (*Certificate, error) {
	if len(defects) == 0 || len(defects) > maxKnown {
		return nil, fmt.Errorf("certificate: %d defects; want 1 to %d", len(defects), maxKnown)
	}
	for n, d := range defects {
		if err := d.check(); err != nil {
			return nil, fmt.Errorf("certificate: defect %d: %w", n+1, err)
		}
	}
	c := &Certificate{Defects: defects}
	var b strings.Builder
	if err := c.Write(&b); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(b.String()))
	c.hash = hex.EncodeToString(sum[:])
	return c, nil
}

// largest is a wafer's greatest extent, µm.
const largest = 450e3

func (d Known) check() error {
	switch {
	case !(math.Abs(d.X) <= largest/2) || !(math.Abs(d.Y) <= largest/2):
		return fmt.Errorf("at %v, %v µm; want at most ±%v", d.X, d.Y, largest/2)
	case !(d.Size > 0 && d.Size <= largest):
		return fmt.Errorf("size %v µm; want more than 0, at most %v", d.Size, largest)
	case !slices.Contains(defect.Classes, d.Class):
		return fmt.Errorf("class %q; known: %v", d.Class, defect.Classes)
	}
	return nil
}

// Hash is the SHA-256 of the certificate as Write writes it, hexadecimal.
func (c *Certificate) Hash() string { return c.hash }

// Write writes the certificate as ReadCertificate reads it.
func (c *Certificate) Write(to io.Writer) error {
	w := csv.NewWriter(to)
	rows := [][]string{columns}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for _, d := range c.Defects {
		rows = append(rows, []string{number(d.X), number(d.Y), number(d.Size), string(d.Class)})
	}
	return w.WriteAll(rows)
}

// ReadCertificate reads a table with the columns x_um, y_um, size_um and class, in
// any order, and one defect a line.
func ReadCertificate(from io.Reader) (*Certificate, error) {
	r := csv.NewReader(from)
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	var at [4]int
	for n, name := range columns {
		if at[n] = slices.Index(head, name); at[n] < 0 {
			return nil, fmt.Errorf("certificate: no column %s; want %s", name, strings.Join(columns, ", "))
		}
	}
	var defects []Known
	for len(defects) <= maxKnown {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return NewCertificate(defects)
		}
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		line, _ := r.FieldPos(0)
		d := Known{Class: defect.Class(row[at[3]])}
		for n, to := range []*float64{&d.X, &d.Y, &d.Size} {
			if *to, err = strconv.ParseFloat(row[at[n]], 64); err != nil {
				return nil, fmt.Errorf("certificate: line %d, column %s: %q; want a number", line, columns[n], row[at[n]])
			}
		}
		defects = append(defects, d)
	}
	return nil, fmt.Errorf("certificate: more than %d defects", maxKnown)
}
