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

// isDust is the rule of Watch's comment, given how many fields must agree.
func (t trace) isDust(needed func() int) bool {
	k := len(t.found)
	return k >= leastFields && 3*k >= 2*t.looked && 4*t.repeated <= k && (!t.patterned || t.still()) && k >= needed()
}

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

// still reports whether the finding stays while the die under it moves. Its place
// is fitted as a constant plus slope times the die's shift: 0 for dust, 1 for
// what is printed on the die. It is dust where the slope is within a half of 0
// by twice its standard error, which asks for enough movement of the stage.
func (t trace) still() bool {
	n := float64(len(t.found))
	var place, shift [2]float64
	for i, d := range t.found {
		place[0], place[1] = place[0]+d.CX/n, place[1]+d.CY/n
		shift[0], shift[1] = shift[0]+t.shifts[i][0]/n, shift[1]+t.shifts[i][1]/n
	}
	var ss, sp, pp float64
	for i, d := range t.found {
		for axis, c := range [2]float64{d.CX, d.CY} {
			s, p := t.shifts[i][axis]-shift[axis], c-place[axis]
			ss, sp, pp = ss+s*s, sp+s*p, pp+p*p
		}
	}
	if ss == 0 {
		return false
	}
	slope := sp / ss
	noise := max(math.Sqrt(max(pp-slope*sp, 0)/(2*n-3)), centroidNoise)
	return math.Abs(slope)+2*noise/math.Sqrt(ss) < 0.5
}
