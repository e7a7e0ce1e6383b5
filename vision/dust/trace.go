package dust

import (
	"image"
	"math"

	"kensa/vision/defect"
)

// A trace is what the remembered fields show at a place.
type trace struct {
	looked    int             // fields that had a die there, from the first that shows the finding on
	found     []defect.Defect // one a field
	shifts    [][2]float64    // of the die, for each
	patterned bool
	repeated  int // of the found, how many also lie at that place of another die
}

// trace follows a finding of the die at rect through the remembered fields.
func (w *Watch) trace(rect image.Rectangle, d defect.Defect) (t trace) {
	for _, field := range w.seen {
		for n, look := range field {
			if look.Rect != rect {
				continue
			}
			at := nearest(look.Defects, d)
			if at >= 0 {
				t.add(field, n, look.Defects[at])
			}
			if len(t.found) > 0 {
				t.looked++
			}
		}
	}
	return t
}

func (t *trace) add(field []Look, n int, d defect.Defect) {
	t.found = append(t.found, d)
	t.shifts = append(t.shifts, [2]float64{field[n].DX, field[n].DY})
	t.patterned = t.patterned || field[n].Patterned
	for other, look := range field {
		if other == n {
			continue
		}
		there := d
		there.CX += float64(look.Rect.Min.X-field[n].Rect.Min.X) + look.DX - field[n].DX
		there.CY += float64(look.Rect.Min.Y-field[n].Rect.Min.Y) + look.DY - field[n].DY
		if nearest(look.Defects, there) >= 0 {
			t.repeated++
			break
		}
	}
}

// What a place is.
type verdict int

const (
	tooFew  verdict = iota // sightings
	isDust                 // still
	unclear                // dust, or printed by a reticle as large as the field
	isOther                // moves with the die, or is on others too
)

// judge is the rule of Watch's comment, given how many fields must agree.
func (t trace) judge(needed func() int) verdict {
	k := len(t.found)
	if k < leastFields || 3*k < 2*t.looked || k < needed() {
		return tooFew
	}
	if 4*t.repeated > k {
		return isOther
	}
	if !t.patterned {
		return isDust
	}
	slope, uncertain := t.slope()
	switch {
	case math.Abs(slope)+uncertain < 0.5:
		return isDust
	case math.Abs(slope)-uncertain > 0.5:
		return isOther
	case k >= manySightings:
		return unclear
	}
	return tooFew
}

// manySightings is how many fields must show a place before it is told that it
// cannot be decided.
const manySightings = 12

// votes is how many fields must agree for chance to be ruled out.
func (w *Watch) votes() int {
	var all []defect.Defect
	pixels := 0.0
	for _, field := range w.seen {
		for _, look := range field {
			all = append(all, look.Defects...)
			pixels += float64(look.Rect.Dx()) * float64(look.Rect.Dy())
		}
	}
	fields := len(w.seen)
	return votes(leastFields, fields, len(all), density(all, fields, pixels/float64(fields)), chanceRecognised)
}

// centroidNoise is the least standard deviation in pixels that is believed of a
// centroid: few findings may agree better by luck.
const centroidNoise = 0.1

// slope fits the finding's place as a constant plus slope times the shift of the
// die under it: 0 for dust, 1 for what is printed on the die. uncertain is twice
// its standard error, without end where the stage has not moved. Sightings
// count by their area: of a faint spot some show a part only, whose centroid is
// off.
func (t trace) slope() (slope, uncertain float64) {
	n, weights := 0.0, make([]float64, len(t.found))
	for i, d := range t.found {
		weights[i] = float64(max(1, d.Area))
		n += weights[i]
	}
	var place, shift [2]float64
	for i, d := range t.found {
		w := weights[i] / n
		place[0], place[1] = place[0]+w*d.CX, place[1]+w*d.CY
		shift[0], shift[1] = shift[0]+w*t.shifts[i][0], shift[1]+w*t.shifts[i][1]
	}
	var ss, sp, pp float64
	for i, d := range t.found {
		for axis, c := range [2]float64{d.CX, d.CY} {
			s, p := t.shifts[i][axis]-shift[axis], c-place[axis]
			w := weights[i] / n * float64(len(t.found))
			ss, sp, pp = ss+w*s*s, sp+w*s*p, pp+w*p*p
		}
	}
	if ss == 0 {
		return 0, math.Inf(1)
	}
	slope = sp / ss
	noise := max(math.Sqrt(max(pp-slope*sp, 0)/float64(2*len(t.found)-3)), centroidNoise)
	return slope, 2 * noise / math.Sqrt(ss)
}
