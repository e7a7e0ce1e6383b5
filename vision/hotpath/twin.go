package hotpath

import (
	"encoding/binary"
	"math"
)

// tooMany stands for a number of runs; so does KENSA_TOO_MANY in kernel.h.
const tooMany = -1

// twin is the pass in plain Go. It defines what the kernel gives. The result is
// the number of runs, or tooMany where there are more than found has room for.
func (j *job) twin(found []run) int {
	width := int(j.width)
	j.flatten(0)
	for x := range width {
		j.above[x] = lerp(j.line[x], j.line[x+1], int16(j.u))
	}
	t := tally{job: j, found: found}
	for y := range int(j.height) {
		j.flatten(min(y+1, int(j.rows)-1))
		limits := j.limits[y*int(j.limitStride) : (y+1)*int(j.limitStride)]
		for x := range width {
			below := lerp(j.line[x], j.line[x+1], int16(j.u))
			m := j.matched(lerp(j.above[x], below, int16(j.v)), x, y)
			j.above[x] = below
			if at := limitAt(x); m < limits[at] || m > limits[at+block] {
				if !t.add(x, y, m, limits[at], limits[at+block]) {
					return tooMany
				}
			}
		}
	}
	return t.count
}

// flatten fills line with f of a row, counted from the die's corner. What the
// frame has no pixel for repeats the last; its weight is 0.
func (j *job) flatten(row int) {
	columns := int(j.columns)
	for x := range columns {
		j.line[x] = j.corrected(x, row)
	}
	j.line[columns] = j.line[columns-1]
}

// corrected is f of the pixel (x, y), counted from the die's corner.
func (j *job) corrected(x, y int) int16 {
	row := j.raw[y*int(j.rawStride):]
	var a int16
	if j.depth == 8 {
		a = int16(row[x]) << 7
	} else {
		a = int16(binary.LittleEndian.Uint16(row[2*x:]) << (16 - j.depth) >> 1)
	}
	if j.flatStride == 0 {
		return int16((int32(a) + 1) >> 1)
	}
	w := j.flat[y*int(j.flatStride)+x]
	return times(a-j.coding.dark(w), j.coding.gain(w))
}

// matched brings g at the die's pixel (x, y) to the golden's light.
func (j *job) matched(g int16, x, y int) uint8 {
	sum := int32(times(g, j.across[x]+j.down[y])) + j.offset
	return uint8(max(0, min(math.MaxUint8, int32(saturate(sum))>>4)))
}

func times(a, b int16) int16 { return int16((int32(a)*int32(b) + 1<<14) >> 15) }

func saturate(v int32) int16 { return int16(max(math.MinInt16, min(math.MaxInt16, v))) }

// lerp goes from a to b by the share t, Q15.
func lerp(a, b, t int16) int16 { return a + times(saturate(int32(b)-int32(a)), t) }

// tally sums the pixels outside their limits up to runs.
type tally struct {
	*job
	found []run
	count int
}

// add takes the next pixel outside; false means that there is no room.
func (t *tally) add(x, y int, m, lo, hi uint8) bool {
	if t.count == 0 || t.found[t.count-1].y != int32(y) || t.found[t.count-1].x1 != int32(x) {
		if t.count == len(t.found) {
			return false
		}
		t.found[t.count] = run{y: int32(y), x0: int32(x)}
		t.count++
	}
	r := &t.found[t.count-1]
	excess := int64(lo) - int64(m)
	if m > hi {
		excess = int64(m) - int64(hi)
		r.bright++
	}
	r.weight += excess
	r.momentX += excess * int64(int32(x)-r.x0)
	r.x1 = int32(x) + 1
	n := y*int(t.width) + x
	r.peak = max(r.peak, abs(float32(m)-t.mean[n])/t.sigma[n])
	return true
}

func abs(v float32) float32 { return max(v, -v) }
