package hotpath

import (
	"encoding/binary"
	"math"
)

// noRoom stands for a number of runs; so does KENSA_NO_ROOM in kernel.h.
const noRoom = -1

// twin is the pass in plain Go. It defines what the kernel gives, up to the
// order of the dies' runs among each other: each die's runs are in order. The
// result is the number of runs, or noRoom where the pool cannot hold them.
func (j *job) twin(pool []run) int {
	t := tally{job: j, pool: pool}
	for n := range j.dies {
		d := &j.dies[n]
		d.count, d.last = 0, 0
		if !t.compare(d) {
			return noRoom
		}
	}
	return t.used
}

// compare compares one die; false means that the pool is full.
func (t *tally) compare(d *die) bool {
	above := t.above[:t.width]
	for x := range above {
		above[x] = t.shifted(d, x, 0)
	}
	for y := range int(t.height) {
		limits := t.limits[y*int(t.limitStride) : (y+1)*int(t.limitStride)]
		for x := range above {
			below := t.shifted(d, x, y+1)
			m := t.matched(d, lerp(above[x], below, int16(d.v)), x, y)
			above[x] = below
			if at := limitAt(x); (m < limits[at] || m > limits[at+block]) && !t.add(d, x, y, m, limits[at], limits[at+block]) {
				return false
			}
		}
	}
	return true
}

// shifted is h of a die's pixel. What the frame has no pixel for repeats the
// last; its weight is 0.
func (j *job) shifted(d *die, x, y int) int16 {
	y = min(y, int(d.rows)-1)
	return lerp(j.corrected(d, x, y), j.corrected(d, min(x+1, int(d.columns)-1), y), int16(d.u))
}

// corrected is f of a die's pixel.
func (j *job) corrected(d *die, x, y int) int16 {
	x, y = x+int(d.x), y+int(d.y)
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

// matched brings g at a die's pixel to the golden's light.
func (j *job) matched(d *die, g int16, x, y int) uint8 {
	light := j.across[int(d.index)*int(j.tableStride)+x] + j.down[int(d.index)*int(j.height)+y]
	return uint8(max(0, min(math.MaxUint8, saturate(int32(times(g, light))+d.offset)>>4)))
}

func times(a, b int16) int16 { return int16((int32(a)*int32(b) + 1<<14) >> 15) }

func saturate(v int32) int16 { return int16(max(math.MinInt16, min(math.MaxInt16, v))) }

// lerp goes from a to b by the share t, Q15.
func lerp(a, b, t int16) int16 { return a + times(saturate(int32(b)-int32(a)), t) }

// tally sums the pixels outside their limits up to runs.
type tally struct {
	*job
	pool []run
	used int
}

// add takes the next pixel outside of a die; false means that the pool is full.
func (t *tally) add(d *die, x, y int, m, lo, hi uint8) bool {
	r := &t.pool[d.last]
	if d.count == 0 || r.y != int32(y) || r.x1 != int32(x) {
		if d.count >= t.maxRuns {
			d.count = t.maxRuns + 1
			return true
		}
		if t.used == len(t.pool) {
			return false
		}
		d.last = int32(t.used)
		r = &t.pool[d.last]
		*r = run{y: int32(y), x0: int32(x), die: d.index}
		d.count, t.used = d.count+1, t.used+1
	}
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
