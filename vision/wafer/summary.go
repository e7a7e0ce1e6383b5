package wafer

import (
	"fmt"
	"math"

	"kensa/vision/length"
)

// Verdict is what a wafer's result says of the whole wafer.
type Verdict string

// Verdicts.
const (
	Pass       Verdict = "good"
	Fail       Verdict = "bad"        // yield below the recipe's limit
	Incomplete Verdict = "incomplete" // some die was not inspected, whatever the yield of the rest
)

// Yield is good dies over inspected dies, 0 to 1; NaN where none was inspected.
type Yield float64

// String prints a percentage with one decimal. What is short of all is never
// printed as 100 %.
func (y Yield) String() string {
	switch {
	case math.IsNaN(float64(y)):
		return "–"
	case y < 1:
		return fmt.Sprintf("%.1f %%", min(100*float64(y), 99.9))
	}
	return fmt.Sprintf("%.1f %%", 100*float64(y))
}

// Density is a number of defects per square centimetre.
type Density float64

// String prints the density with its unit.
func (d Density) String() string {
	if math.IsNaN(float64(d)) {
		return "–"
	}
	if math.Abs(float64(d)) >= 100 {
		return fmt.Sprintf("%.0f /cm²", float64(d)) // not 3.9e+03
	}
	return fmt.Sprintf("%.3g /cm²", float64(d))
}

// Summary is a wafer's result in numbers.
type Summary struct {
	Dies      int // that the layout has
	Inspected int
	Good      int
	Defects   int
	Area      float64 // inspected, cm²
	Verdict   Verdict
}

// Summarize counts bins, one for each die of the layout. minYield, 0 to 1, is
// the least yield of a good wafer. dieArea is one die's inspected area in cm².
func Summarize(bins []Bin, defects int, dieArea float64, minYield Yield) Summary {
	s := Summary{Dies: len(bins), Defects: defects}
	for _, b := range bins {
		if b != NotInspected {
			s.Inspected++
		}
		if b == Good {
			s.Good++
		}
	}
	s.Area = float64(s.Inspected) * dieArea
	switch {
	case s.Inspected < s.Dies || s.Dies == 0:
		s.Verdict = Incomplete
	case s.Yield() >= minYield:
		s.Verdict = Pass
	default: // also where the limit is NaN
		s.Verdict = Fail
	}
	return s
}

// Yield is good dies over inspected ones.
func (s Summary) Yield() Yield { return Yield(float64(s.Good) / float64(s.Inspected)) }

// Coverage is inspected dies over all dies, 0 to 1; NaN where there are none.
func (s Summary) Coverage() Yield { return Yield(float64(s.Inspected) / float64(s.Dies)) }

// Density is defects per inspected square centimetre; NaN where none was.
func (s Summary) Density() Density {
	if !(s.Area > 0) {
		return Density(math.NaN())
	}
	return Density(float64(s.Defects) / s.Area)
}

// DieArea is the inspected area of one die in cm²; in a sequence, the frame's
// once ForFrame has set it, and 0 before.
func (l Layout) DieArea() float64 {
	const squareCentimetre = float64(10*length.Millimetre) * float64(10*length.Millimetre)
	return float64(l.DieWidth) * float64(l.DieHeight) / squareCentimetre
}
