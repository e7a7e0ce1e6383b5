package evaluate

import (
	"image"
	"math"

	"kensa/vision/defect"
)

// Spot is one defect on a wafer: as it is known to be there, or as it was found.
type Spot struct {
	Field int
	Box   image.Rectangle // in the field's frame, pixels
	Class defect.Class
	// Size is the nominal length of the longer side, µm, and Contrast the
	// greatest change in grey levels of 256. Both are of what is known only.
	Size, Contrast float64
}

// Rate is how many defects were there, found, and found as their class.
type Rate struct {
	Injected int `json:"injected"`
	Found    int `json:"found"`
	Classed  int `json:"classed"`
}

// Capture is the share that was found, with its 95 % confidence interval; 0, from
// 0 to 1, where nothing was there.
func (r Rate) Capture() (share, low, high float64) {
	if r.Injected == 0 {
		return 0, 0, 1
	}
	n := float64(r.Injected)
	p := float64(r.Found) / n
	low, high = Wilson(p, n, 1.959964)
	return p, low, high
}

// Wilson is the confidence interval of a share p of n independent trials (E. B.
// Wilson, 1927) for z standard deviations, 1.96 being 95 %; n need not be whole.
func Wilson(p, n, z float64) (low, high float64) {
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, middle-half), min(1, middle+half)
}

// Bin is the rate of defects of sizes or contrasts From to To, the last outside.
type Bin struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Rate
}

// Band is the defects of one band of contrast, by size.
type Band struct {
	From  float64 `json:"from"` // grey levels
	To    float64 `json:"to"`
	Sizes []Bin   `json:"sizes"` // µm
}

// Detection is how an inspection did on wafers of known defects.
type Detection struct {
	Wafers  int
	All     Rate
	Classes map[defect.Class]Rate // by the class that is true
	// Named counts what was found, by its true class and the one that it was given.
	Named     map[defect.Class]map[defect.Class]int
	Sizes     []Bin  // µm, all contrasts
	Contrasts []Band // grey levels
	// False counts the findings where nothing is, by the class that they were
	// given.
	False map[defect.Class]int
	// BySize and ByContrast are each known defect by its size, µm, and by its
	// contrast, grey levels: what FitPOD takes.
	BySize, ByContrast []Trial
	reach              int
}

// NewDetection makes an empty score. sizes, above 0, and contrasts are the ends
// of its bins, rising, at least two of each; what lies outside counts to the first or
// last bin. reach is how far, in pixels, a finding may lie outside the box of
// what it found.
func NewDetection(sizes, contrasts []float64, reach int) *Detection {
	d := &Detection{Classes: map[defect.Class]Rate{}, Named: map[defect.Class]map[defect.Class]int{}, False: map[defect.Class]int{}, Sizes: bins(sizes), reach: reach}
	for n := range contrasts[1:] {
		d.Contrasts = append(d.Contrasts, Band{contrasts[n], contrasts[n+1], bins(sizes)})
	}
	return d
}

func bins(ends []float64) (b []Bin) {
	for n := range ends[1:] {
		b = append(b, Bin{From: ends[n], To: ends[n+1]})
	}
	return b
}

// Overlay matches findings with what is known: a defect is found when a finding
// overlaps its box, grown by reach pixels. by is for each known defect the largest
// such finding's number, −1 where there is none; alarms are the findings that
// overlap no known defect.
func Overlay(known, found []Spot, reach int) (by, alarms []int) {
	used := make([]bool, len(found))
	for _, k := range known {
		largest := -1
		for n, f := range found {
			if f.Field != k.Field || !f.Box.Overlaps(k.Box.Inset(-reach)) {
				continue
			}
			used[n] = true
			if largest < 0 || area(f.Box) > area(found[largest].Box) {
				largest = n
			}
		}
		by = append(by, largest)
	}
	for n := range found {
		if !used[n] {
			alarms = append(alarms, n)
		}
	}
	return by, alarms
}

// Add counts one wafer, by Overlay: the finding gives the defect's class, and what
// overlaps none is a false alarm.
func (d *Detection) Add(known, found []Spot) {
	d.Wafers++
	by, alarms := Overlay(known, found, d.reach)
	for n, k := range known {
		at := by[n]
		d.count(k, at >= 0, at >= 0 && found[at].Class == k.Class)
		if at >= 0 {
			d.name(k.Class, found[at].Class)
		}
	}
	for _, n := range alarms {
		d.False[found[n].Class]++
	}
}

func (d *Detection) name(known, given defect.Class) {
	if d.Named[known] == nil {
		d.Named[known] = map[defect.Class]int{}
	}
	d.Named[known][given]++
}

// count adds a known defect to every rate that it belongs to.
func (d *Detection) count(k Spot, found, classed bool) {
	band := &d.Contrasts[place(len(d.Contrasts), math.Abs(k.Contrast), func(n int) float64 { return d.Contrasts[n].To })]
	size := place(len(d.Sizes), k.Size, func(n int) float64 { return d.Sizes[n].To })
	d.BySize = append(d.BySize, Trial{k.Size, found})
	d.ByContrast = append(d.ByContrast, Trial{max(math.Abs(k.Contrast), leastContrast), found})
	d.Classes[k.Class] = d.Classes[k.Class].and(found, classed)
	for _, r := range []*Rate{&d.All, &d.Sizes[size].Rate, &band.Sizes[size].Rate} {
		*r = r.and(found, classed)
	}
}

func (r Rate) and(found, classed bool) Rate {
	r.Injected++
	if found {
		r.Found++
	}
	if classed {
		r.Classed++
	}
	return r
}

// leastContrast in grey levels stands for none at all, whose logarithm is not.
const leastContrast = 0.5

// place is the first of n bins that ends above v, or the last.
func place(n int, v float64, end func(int) float64) int {
	for k := range n - 1 {
		if v < end(k) {
			return k
		}
	}
	return n - 1
}

// FalsePerWafer is the mean number of false alarms on a wafer.
func (d *Detection) FalsePerWafer() float64 {
	count := 0
	for _, n := range d.False {
		count += n
	}
	return float64(count) / float64(max(1, d.Wafers))
}
