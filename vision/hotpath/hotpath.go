// Package hotpath compares a die, as the camera saw it, with the limits of its
// golden die, in one pass over the raw pixels: dark and gain correction,
// bilinear shift, brightness, comparison, runs. Nothing is allocated, and beyond
// the pass itself the cost follows the runs.
//
// # Arithmetic
//
// All of it is 16-bit fixed point, and every result is defined bit by bit. Qn
// means steps of 2⁻ⁿ; grey levels are those of an 8-bit image whatever the
// depth. Sums and differences wrap where they are not said to saturate; a
// product of int16 is
//
//	a ⊗ b = (a·b + 2¹⁴) >> 15    a Qm times a Qn gives a Q(m+n−15), half rounds up
//
// For the pixel r of a frame of d bits, its flat word w, the weights u and v of
// the shift and the light L of the die's pixel (x, y):
//
//	a = uint16(r << (16−d)) >> 1                  Q7; bits above d are ignored
//	dark = base + step·(w & mask)                 Q7; the Flat's constants
//	f = (a − dark) ⊗ int16(w)                     Q6; w is the gain, Q14 below 2; without a Flat, (a+1) >> 1
//	h = f(x) + (f(x+1) ⊖ f(x)) ⊗ u                Q6, u is Q15; ⊖ saturates
//	g = h(y) + (h(y+1) ⊖ h(y)) ⊗ v                Q6, v is Q15
//	m = (g ⊗ (Lx[x] + Ly[y]) ⊕ offset + ½) >> 4   L is Q13 below 4; offset Q4; ⊕ saturates
//
// m, clipped to 0 … 255, is the die's matched grey level: what the pixel would
// be in the golden's place and light. It is outside when m < Lo or m > Hi.
//
// Against exact arithmetic m is wrong by at most 0.75 grey levels, of which 0.5
// are its own rounding, where Flat.Error is at most 0.15 and the light's gain at
// most 1.15; the mean error is below 0.1 (measured: 0.66 and 0.04). Differences
// of neighbours beyond 511 grey levels saturate, which takes a gain near 2 on a
// white pixel.
//
// # Time
//
// Most pixels lie far within their limits, and less than the exact arithmetic
// shows it: the kernel sieves first, from the raw pixels alone, by a bounded
// approximation (sieve.go has the proof), and works exactly only what the sieve
// does not pass. The sieve takes about 19 vector operations for 64 pixels of 8
// bits, none that runs on half of a processor's pipes if another does, the exact
// arithmetic 41, and 64 bytes of the frame in place of 192 of
// frame and flat field. Where limits are tight, less than about 4 grey levels
// and 3 % around what good dies have, or the flat field is uneven by more than
// 2.5 % within 128×64 pixels, the sieve passes nothing and its time is lost.
//
// The dies of a frame are compared together, four rows at a time over all dies
// side by side, so that the frame streams through the processor in the order of
// memory, and is fetched ahead into the second level of cache: rows that are 4096
// bytes apart share the few places that the first level has for them, and more
// rows at a time are slower for that. What the sieve keeps of each block is small,
// so that all blocks of a band stay in the first level. Marks are what registration
// reads of a die; most of their cost is that their rows are scattered, so that the
// next die's are fetched meanwhile, a row at a time: a processor waits for some
// twenty lines at once, and a burst of more stops it.
//
// The plain Go code in twin.go defines the result; with cgo, and without the
// tag purego, kernel.cc and the headers beside it give the same by SIMD, chosen for the CPU when the
// program starts.
package hotpath

import (
	"fmt"
	"math"
	"slices"

	"kensa/vision/defect"
	"kensa/vision/frame"
)

// Place is where and in what light a die lies in a frame.
type Place struct {
	// X and Y: the die's pixel (0, 0) lies there in the frame, in pixels.
	X, Y float64
	// golden = gain × grey + Offset, where gain = Gain + GainX·(x − width/2) +
	// GainY·(y − height/2) in the die's pixels, 1/16 to below 4; Offset is
	// −255 to 255 grey levels.
	Gain, GainX, GainY, Offset float64
}

// Pass compares the dies of frames. It keeps its memory from frame to frame and
// is used from one goroutine.
type Pass struct {
	maxRuns int
	job     job
	pool    []run // of all dies, as found
	runs    []defect.Run
	start   []int // of each die's runs, and the end of the last
}

// firstRuns is how many runs of a frame a pass has room for before it grows.
const firstRuns = 4096

// NewPass makes a pass that gives up on dies of more than maxRuns runs.
func NewPass(maxRuns int) (*Pass, error) {
	if maxRuns < 1 || maxRuns > math.MaxInt32 {
		return nil, fmt.Errorf("hotpath: limit of %d runs; want 1 to %d", maxRuns, math.MaxInt32)
	}
	return &Pass{maxRuns: maxRuns, pool: make([]run, firstRuns)}, nil
}

// Compare compares the dies at the given places of a frame, together, so that
// the frame is read in its own order. flat is the correction of the camera's
// whole frame; nil stands for dark 0 and gain 1. The error names what cannot be
// used; for a place, its index. img is read by Grey until the next call.
func (p *Pass) Compare(img frame.Image, flat *Flat, ref *Reference, places []Place) error {
	p.start, p.runs = p.start[:0], p.runs[:0]
	if err := p.job.set(img, flat, ref, places); err != nil {
		return err
	}
	p.job.maxRuns = int32(p.maxRuns)
	count := p.job.compare(p.pool)
	for count == noRoom {
		p.pool = make([]run, 4*len(p.pool))
		count = p.job.compare(p.pool)
	}
	p.sort(p.pool[:count])
	return nil
}

// sort puts the runs of each die together.
func (p *Pass) sort(pool []run) {
	dies := len(p.job.dies)
	p.start = slices.Grow(p.start, dies+1)[:dies+1]
	clear(p.start)
	for _, d := range p.job.dies {
		p.start[d.index+1] = int(min(d.count, p.job.maxRuns))
	}
	for n := range dies {
		p.start[n+1] += p.start[n]
	}
	p.runs = slices.Grow(p.runs, len(pool))[:len(pool)]
	for _, r := range pool {
		p.runs[p.start[r.die]] = r.public()
		p.start[r.die]++
	}
	// Each start has moved to its die's end, where the next die begins.
	copy(p.start[1:], p.start[:dies])
	p.start[0] = 0
}

// Runs are what Compare found on the die at places[n]: the runs of pixels
// outside their limits, by row and column of the die. They are valid until the
// next Compare. The error is a defect.ErrTooMany.
func (p *Pass) Runs(n int) ([]defect.Run, error) {
	runs := p.runs[p.start[n]:p.start[n+1]]
	if p.job.die(n).count > p.job.maxRuns {
		return nil, fmt.Errorf("%w: more than %d runs of pixels beyond the limits", defect.ErrTooMany, p.maxRuns)
	}
	return runs, nil
}

// run is a defect.Run as the kernel writes it; kernel.h has the same layout.
type run struct {
	y, x0, x1, bright int32
	weight, momentX   int64
	peak              float32
	die               int32
}

func (r run) public() defect.Run {
	return defect.Run{Y: int(r.y), X0: int(r.x0), X1: int(r.x1), Bright: int(r.bright), Weight: r.weight, MomentX: r.momentX, Peak: r.peak}
}
