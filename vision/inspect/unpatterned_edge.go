package inspect

import (
	"slices"

	"gocv.io/x/gocv"
)

// A waferEdge says which parts of a frame show the wafer, in blocks of
// edgeFactor × edgeFactor pixels.
type waferEdge struct {
	w, h   int
	found  bool   // whether the frame shows an edge at all; else all is wafer
	beyond []bool // outside the wafer's smooth edge
	notch  []bool // dark, but inside it: missing from the wafer
	bright float64
}

const edgeFactor = 4

// notchRadius is the radius, pixels, of a disc that fits into whatever lies beyond the
// wafer's own edge; what it does not reach of the dark is a chip.
const notchRadius = 200

// findEdge looks for the dark beyond the wafer's edge: what is connected to the
// frame's border, nearer to the dark than to the bright of the frame's two
// classes of grey (Otsu's), and parted from the wafer by a step and not by the
// slow fall of vignetting.
func (s *workspace) findEdge(p plane, minChip int) (waferEdge, error) {
	tmp := &workspace{}
	defer tmp.Close()
	small := tmp.halve(tmp.halve(p))
	e := waferEdge{w: small.w, h: small.h, beyond: make([]bool, len(small.v)), notch: make([]bool, len(small.v))}
	dark, bright := twoClasses(small)
	outside := tmp.zeros(small.w, small.h)
	area := floodBorder(small, float32(dark+(bright-dark)*0.35), outside)
	if float64(area) < 0.005*float64(len(small.v)) {
		return e, nil
	}
	steep, err := tmp.isStep(small, outside)
	if err != nil || !steep {
		return e, err
	}
	e.found, e.bright = true, bright
	return e, e.split(tmp, outside, minChip)
}

// split tells notches from what lies beyond the edge.
func (e *waferEdge) split(s *workspace, outside plane, minChip int) error {
	beyond, err := s.openedRound(outside, notchRadius/edgeFactor)
	if err != nil {
		return err
	}
	notch := s.plane(e.w, e.h)
	for i, v := range outside.v {
		e.beyond[i] = beyond.v[i] > 0
		notch.v[i] = v - beyond.v[i]
	}
	// What is thinner than a chip's least depth is the edge's roughness.
	if notch, err = s.opened(notch, max(minChip/edgeFactor/2, 1)); err != nil {
		return err
	}
	for i, v := range notch.v {
		e.notch[i] = v > 0
	}
	return nil
}

// openedRound leaves of a mask what a disc of the radius fits into, whichever way
// the edge runs. All outside the frame is taken as of the mask: an edge that leaves
// the frame at a slant leaves no corner.
func (s *workspace) openedRound(mask plane, radius int) (plane, error) {
	w, h := mask.w+2*radius, mask.h+2*radius
	fits := make([]bool, w*h)
	inside := slices.Repeat([]bool{true}, w*h)
	for y := range mask.h {
		for x, v := range mask.row(y) {
			inside[(y+radius)*w+x+radius] = v > 0
		}
	}
	depth, err := s.distanceTo(w, h, func(i int) bool { return !inside[i] })
	if err != nil {
		return mask, err
	}
	for i, d := range depth.v {
		fits[i] = d > float32(radius)
	}
	near, err := s.distanceTo(w, h, func(i int) bool { return fits[i] })
	if err != nil {
		return mask, err
	}
	out := s.zeros(mask.w, mask.h)
	for y := range mask.h {
		for x, v := range mask.row(y) {
			if near.v[(y+radius)*w+x+radius] <= float32(radius) {
				out.row(y)[x] = v
			}
		}
	}
	return out, nil
}

// distanceTo is how far each pixel of a plane of w × h is from the nearest of some.
func (s *workspace) distanceTo(w, h int, some func(i int) bool) (plane, error) {
	mask, labels, distance := gocv.NewMatWithSize(h, w, gocv.MatTypeCV8U), gocv.NewMat(), gocv.NewMat()
	defer mask.Close()
	defer labels.Close()
	others, err := mask.DataPtrUint8()
	if err != nil {
		distance.Close()
		return plane{}, err
	}
	for i := range others {
		others[i] = 1
		if some(i) {
			others[i] = 0
		}
	}
	err = gocv.DistanceTransform(mask, &distance, &labels, gocv.DistL2, gocv.DistanceMask5, gocv.DistanceLabelCComp)
	return s.own(distance), err
}

// opened leaves of a mask of zeros and ones what a square of side 2·radius+1
// fits into.
func (s *workspace) opened(mask plane, radius int) (plane, error) {
	shrunk, err := s.lowest(mask, radius)
	if err != nil {
		return mask, err
	}
	return s.highest(shrunk, radius)
}

// twoClasses is the mean grey of the dark and of the bright pixels, parted so
// that the classes differ most (Otsu, 1979).
func twoClasses(p plane) (dark, bright float64) {
	var counts [256]float64
	for _, v := range p.v {
		counts[int(min(max(v, 0), 255))]++
	}
	var n, sum, low, lowSum, best float64
	for g, k := range counts {
		n, sum = n+k, sum+k*(float64(g)+0.5)
	}
	for g, k := range counts {
		low, lowSum = low+k, lowSum+k*(float64(g)+0.5)
		if low == 0 || low == n {
			continue
		}
		a, b := lowSum/low, (sum-lowSum)/(n-low)
		if between := low * (n - low) * square(b-a); between > best {
			best, dark, bright = between, a, b
		}
	}
	return dark, bright
}

// floodBorder marks with 1 the pixels below the threshold that are connected to
// the plane's border, and counts them.
func floodBorder(p plane, threshold float32, mark plane) (area int) {
	var stack []int
	visit := func(x, y int) {
		if i := y*p.w + x; x >= 0 && y >= 0 && x < p.w && y < p.h && mark.v[i] == 0 && p.v[i] < threshold {
			mark.v[i] = 1
			stack = append(stack, i)
		}
	}
	for x := range p.w {
		visit(x, 0)
		visit(x, p.h-1)
	}
	for y := range p.h {
		visit(0, y)
		visit(p.w-1, y)
	}
	for ; len(stack) > 0; area++ {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		x, y := i%p.w, i/p.w
		visit(x-1, y)
		visit(x+1, y)
		visit(x, y-1)
		visit(x, y+1)
	}
	return area
}

// isStep reports whether the wafer is at least half as bright again, within a
// short way of the outside, as the outside is within the same way of the wafer.
func (s *workspace) isStep(p, outside plane) (bool, error) {
	const way = 16 // blocks: an edge out of focus is no wider
	grown, err := s.highest(outside, way)
	if err != nil {
		return false, err
	}
	shrunk, err := s.lowest(outside, way)
	if err != nil {
		return false, err
	}
	var in, out moments
	for i, v := range p.v {
		switch {
		case outside.v[i] == 0 && grown.v[i] == 1:
			in.add(float64(v), 0, 1)
		case outside.v[i] == 1 && shrunk.v[i] == 0:
			out.add(float64(v), 0, 1)
		}
	}
	return in.n > 0 && out.n > 0 && in.x/in.n > 1.5*out.x/out.n, nil
}
