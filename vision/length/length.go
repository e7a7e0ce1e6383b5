// Package length gives distances on a wafer a type that carries its unit.
//
// The unit inside is the micrometre, KLARF's. Wafers are 10⁵ µm across and a
// pixel may be 0.3247 µm, so a float64 keeps both without loss.
package length

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Length is a distance in micrometres.
type Length float64

// Units of length.
const (
	Nanometre  Length = 1e-3
	Micrometre Length = 1
	Millimetre Length = 1e3
)

// Micrometres returns the distance as a bare number of micrometres.
func (l Length) Micrometres() float64 { return float64(l) }

// String prints the distance in the unit a person would choose: nm below
// 1 µm, mm from 1 mm up.
func (l Length) String() string {
	switch a := math.Abs(float64(l)); {
	case a >= 1e3:
		return number(float64(l)/1e3) + " mm"
	case a >= 1 || a == 0:
		return number(float64(l)) + " µm"
	default:
		return number(float64(l)*1e3) + " nm"
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 10, 64) }

// MarshalText writes the distance so that Parse reads the same value: as String
// does where that is exact, with all its digits in µm otherwise.
func (l Length) MarshalText() ([]byte, error) {
	if math.IsNaN(float64(l)) || math.IsInf(float64(l), 0) {
		return nil, fmt.Errorf("length: %v is not a distance", float64(l))
	}
	text := l.String()
	if back, err := Parse(text); err != nil || back != l {
		text = strconv.FormatFloat(float64(l), 'g', -1, 64) + " µm"
	}
	return []byte(text), nil
}

// UnmarshalText reads what Parse reads.
func (l *Length) UnmarshalText(text []byte) error {
	v, err := Parse(string(text))
	if err != nil {
		return err
	}
	*l = v
	return nil
}

// suffixes are tried in order, so that "nm", "µm" and "mm" are not taken for a
// bare "m", which is refused: nothing on a wafer is measured in metres.
//
// A unit is a factor over a divisor: 1000 is exact in a float64 and 0.001 is
// not, so that "324.7 nm" is the float64 nearest to 0.3247 µm.
var suffixes = []struct {
	text            string
	factor, divisor float64
}{
	{"nm", 1, 1000},
	{"µm", 1, 1}, // U+00B5, the micro sign
	{"μm", 1, 1}, // U+03BC, the Greek letter
	{"um", 1, 1},
	{"mm", 1000, 1},
}

// Parse reads a number with one of the units nm, µm (or um) and mm, such as
// "12.5 mm". A number without a unit is an error.
func Parse(s string) (Length, error) {
	text := strings.TrimSpace(s)
	for _, suffix := range suffixes {
		digits, ok := strings.CutSuffix(text, suffix.text)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		v = v * suffix.factor / suffix.divisor
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, fmt.Errorf("length: %q: no number before %s", s, suffix.text)
		}
		return Length(v), nil
	}
	return 0, fmt.Errorf("length: %q: want a number with nm, µm or mm, such as \"12.5 mm\"", s)
}
