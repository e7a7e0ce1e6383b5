package inspect

import (
	"cmp"
	"image"
	"image/color"
	"math"
	"slices"

	"gocv.io/x/gocv"
)

// candidate is a whole-pixel shift of the reference in the inspected image.
type candidate struct {
	dx, dy      int
	correlation float64 // of the overlapping parts, −1 to 1
}

// coarse finds the whole-pixel shifts at which the reference correlates best
// with the image, best first, at most n, none next to another. It compares only
// what overlaps, at least the share minOverlap of the smaller image, with the
// mean and variance of the overlapping parts, so that a large shift stands as
// good a chance as a small one. Both planes should have no slow trends.
func (s *workspace) coarse(ref, img plane, minOverlap float64, n int) ([]candidate, error) {
	cross, err := s.crossCorrelate(ref, img)
	if err != nil {
		return nil, err
	}
	rm, im := newTable(ref), newTable(img)
	area := int(minOverlap * float64(min(ref.w*ref.h, img.w*img.h)))
	score := s.plane(cross.w, cross.h)
	for y := range cross.h {
		for x := range cross.w {
			dx, dy := x-(ref.w-1), y-(ref.h-1)
			in := ref.bounds().Add(image.Pt(dx, dy)).Intersect(img.bounds())
			score.row(y)[x] = -1
			if in.Dx()*in.Dy() >= area {
				score.row(y)[x] = correlation(float64(cross.row(y)[x]), rm, im, in, dx, dy)
			}
		}
	}
	return peaks(score, ref.w-1, ref.h-1, n), nil
}

// crossCorrelate sums ref(x−dx, y−dy)·img(x, y) over the overlap, for every
// shift with one: dx from −(ref.w−1) at the left to img.w−1, dy likewise.
func (s *workspace) crossCorrelate(ref, img plane) (plane, error) {
	padded, sums := gocv.NewMat(), gocv.NewMat()
	defer padded.Close()
	none := gocv.NewMat()
	defer none.Close()
	err := gocv.CopyMakeBorder(img.mat, &padded, ref.h-1, ref.h-1, ref.w-1, ref.w-1, gocv.BorderConstant, color.RGBA{})
	if err == nil {
		err = gocv.MatchTemplate(padded, ref.mat, &sums, gocv.TmCcorr, none)
	}
	return s.own(sums), err
}

// table holds integral images of a plane and of its squares.
type table struct{ value, square integral }

func newTable(p plane) table {
	return table{
		integralOf(p.w, p.h, func(i int) float64 { return float64(p.v[i]) }),
		integralOf(p.w, p.h, func(i int) float64 { return square(float64(p.v[i])) }),
	}
}

// correlation is Pearson's, from the sum of products over the overlap in.
func correlation(products float64, ref, img table, in image.Rectangle, dx, dy int) float32 {
	n := float64(in.Dx() * in.Dy())
	there := in.Sub(image.Pt(dx, dy))
	sr, si := ref.value.sum(there), img.value.sum(in)
	vr, vi := ref.square.sum(there)-sr*sr/n, img.square.sum(in)-si*si/n
	if vr <= 1e-3*n || vi <= 1e-3*n {
		return -1
	}
	return float32((products - sr*si/n) / math.Sqrt(vr*vi))
}

// peaks lists the n highest local maxima, given as shifts from (ox, oy).
func peaks(score plane, ox, oy, n int) []candidate {
	var found []candidate
	for y := 1; y < score.h-1; y++ {
		for x := 1; x < score.w-1; x++ {
			if v := score.row(y)[x]; v > 0 && isPeak(score, x, y) {
				found = append(found, candidate{x - ox, y - oy, float64(v)})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.correlation, a.correlation) })
	return found[:min(n, len(found))]
}

func isPeak(score plane, x, y int) bool {
	v := score.row(y)[x]
	for dy := -1; dy <= 1; dy++ {
		for dx := -1; dx <= 1; dx++ {
			if score.row(y + dy)[x+dx] > v {
				return false
			}
		}
	}
	return true
}
