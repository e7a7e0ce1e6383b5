package training

import (
	"errors"
	"math"

	"kensa/vision/golden"
)

// errNotLearnt means that Result was asked for without dies.
var errNotLearnt = errors.New("no dies were taken")

// priorDies is the weight, in dies, that training gives its model of σ against a
// pixel's own scatter (kensa/vision/golden, spread.go).
const priorDies = 10

// parts is into how many parts the fields are divided at least, those of a wafer by
// themselves.
const parts = 8

// known is how well the dies determine σ.
type known struct {
	golden   *golden.Golden
	rejected []golden.Rejected
	dies     int // learnt from
	// error is the relative standard error of σ, a part, rms over pixels, and off its
	// own, of free degrees of freedom.
	error, off, free float64
	// errors are those of the pixels.
	errors []float32
	// wander is the error where other wafers are thought of, not only other dies of these;
	// 0 with one wafer.
	wander float64
	sigma  float64 // median over pixels, grey levels
}

// know trains on all dies, and on all without a part, for each.
func (p *Procedure) know(dies []Die) (known, error) {
	all, rejected, err := p.train(dies)
	if err != nil {
		return known{}, err
	}
	k := known{golden: all, rejected: rejected, dies: all.Dies, sigma: median(all.Sigma())}
	j := divide(dies, p.options.Wafers)
	j.whole = logs(all.Sigma())
	for n := range j.wafer {
		g, _, err := p.train(j.without(dies, n))
		if err != nil {
			return known{}, err
		}
		j.planes = append(j.planes, logs(g.Sigma()))
	}
	j.influence()
	k.error, k.off, k.free, k.errors = j.spread()
	k.wander = j.wander()
	return k, nil
}

func logs(plane []float32) []float64 {
	out := make([]float64, len(plane))
	for n, v := range plane {
		out[n] = math.Log(float64(v))
	}
	return out
}

// jackknife is what σ becomes without a part of the dies (Efron, The Jackknife, the
// Bootstrap and Other Resampling Plans, 1982, chapter 3; for parts of unequal size Busing,
// Meijer and van der Leeden, Statistics and Computing 9, 1999). Wafers are its strata.
type jackknife struct {
	part  []int     // of each die
	wafer []int     // of each part
	share []float64 // of all dies, of each part
	whole []float64 // ln σ of all dies
	// planes are ln σ without each part, then the part's influence on the whole.
	planes [][]float64
}

// divide deals the fields of each wafer out into parts, in turn: dies of one frame
// have more in common than dies of two.
func divide(dies []Die, wafers int) *jackknife {
	each := (parts + wafers - 1) / wafers
	number, fields, dealt := map[[2]int]int{}, map[Visit]int{}, map[int]int{}
	j := &jackknife{}
	for _, d := range dies {
		w := d.From.Wafer
		if _, seen := fields[d.From]; !seen {
			fields[d.From] = dealt[w] % each
			dealt[w]++
		}
		key := [2]int{w, fields[d.From]}
		if _, seen := number[key]; !seen {
			number[key] = len(j.wafer)
			j.wafer, j.share = append(j.wafer, w), append(j.share, 0)
		}
		j.part = append(j.part, number[key])
		j.share[number[key]] += 1 / float64(len(dies))
	}
	return j
}

// without is all dies but a part's.
func (j *jackknife) without(dies []Die, part int) (rest []Die) {
	for n, d := range dies {
		if j.part[n] != part {
			rest = append(rest, d)
		}
	}
	return rest
}

// influence turns the planes without each part into what the part does to the whole:
// of a mean it would be the part's own, less the whole's.
func (j *jackknife) influence() {
	for n, plane := range j.planes {
		for k := range plane {
			plane[k] = (1/j.share[n] - 1) * (j.whole[k] - plane[k])
		}
	}
}

// strata are the numbers of parts by wafer. Wafers of one part are put together, or to
// another: how they differ is then taken for how dies do.
func (j *jackknife) strata() (strata [][]int) {
	by := map[int][]int{}
	var wafers, single []int
	for n, w := range j.wafer {
		if by[w] == nil {
			wafers = append(wafers, w)
		}
		by[w] = append(by[w], n)
	}
	for _, w := range wafers {
		if len(by[w]) == 1 {
			single = append(single, by[w]...)
			continue
		}
		strata = append(strata, by[w])
	}
	if len(single) == 1 && len(strata) > 0 {
		strata[0] = append(strata[0], single...)
	} else if len(single) > 0 {
		strata = append(strata, single)
	}
	return strata
}

// spread is the standard error of ln σ: its root mean square over pixels, that one's
// own standard error and its degrees of freedom, and pixel by pixel. With the influences I and the shares m it is
//
//	s² = Σ_w h/(h−1) Σ_i m_i² (I_i − Ī_w)²
//
// over the h parts i of each wafer w. How well s² itself is known follows from how far
// pixels go together; see relativeVariance.
func (j *jackknife) spread() (rms, off, free float64, each []float32) {
	away, strata := make([][]float64, len(j.planes)), j.strata()
	for _, of := range strata {
		j.centre(of, away)
	}
	each = make([]float32, len(j.whole))
	sum := 0.0
	for k := range each {
		square := 0.0
		for _, a := range away {
			square += a[k] * a[k]
		}
		each[k] = float32(math.Sqrt(square))
		sum += square / float64(len(each))
	}
	rms = math.Sqrt(sum)
	return rms, rms / 2 * math.Sqrt(relativeVariance(away, len(strata))), float64(len(away) - len(strata)), each
}

// centre sets away to the influences of a wafer's parts about their mean, weighted.
func (j *jackknife) centre(of []int, away [][]float64) {
	h, all := float64(len(of)), 0.0
	for _, n := range of {
		away[n] = make([]float64, len(j.whole))
		all += j.share[n]
	}
	scale := math.Sqrt(h / math.Max(1, h-1))
	for k := range j.whole {
		mean := 0.0
		for _, n := range of {
			mean += j.planes[n][k] * j.share[n] / all
		}
		for _, n := range of {
			away[n][k] = scale * j.share[n] * (j.planes[n][k] - mean)
		}
	}
}

// relativeVariance is that of the sum of squares of planes that were centred in
// strata: if each is a sum of independent normal patterns of weights λ, the products M
// have the moments E(tr M)² = d²a₁² + 2d·a₂ and E tr M² = d·a₁² + d(d+1)·a₂, with a₁ = Σλ
// and a₂ = Σλ².
func relativeVariance(planes [][]float64, strata int) float64 {
	var trace, squares float64
	for n, a := range planes {
		for m, b := range planes[:n+1] {
			product := 0.0
			for k := range a {
				product += a[k] * b[k]
			}
			switch m {
			case n:
				trace, squares = trace+product, squares+product*product
			default:
				squares += 2 * product * product
			}
		}
	}
	d := float64(len(planes) - strata)
	if d < 2 {
		return 2 // one pattern, seen once
	}
	a2 := math.Max(0, (squares-trace*trace/d)/((d+2)*(d-1)))
	a1 := math.Max(trace*trace-2*d*a2, 1e-300) / (d * d) // squared
	return math.Min(2, 2*a2/(d*a1))
}

// wander is the standard error of ln σ where whole wafers come and go, rms over
// pixels; 0 with one wafer.
func (j *jackknife) wander() float64 {
	by := map[int][]float64{}
	for n, w := range j.wafer {
		if by[w] == nil {
			by[w] = make([]float64, len(j.whole))
		}
		for k := range j.whole {
			by[w][k] += j.share[n] * j.planes[n][k]
		}
	}
	wafers := float64(len(by))
	if wafers < 2 {
		return 0
	}
	sum := 0.0
	for _, influence := range by {
		for _, v := range influence {
			sum += v * v / float64(len(influence))
		}
	}
	return math.Sqrt(sum * wafers / (wafers - 1))
}

// fall is how σ's error goes with the number of dies, as training estimates it.
func fall(n int) float64 {
	return math.Sqrt(float64(n-1)) / float64(n-1+priorDies)
}

// needed is how many more dies it takes until σ is known to limit, by the number
// and by what was measured; 0 if it is.
func (k known) needed(limit float64) int {
	n := max(k.dies, byCount(limit))
	for n < 100*golden.MaxDies && k.error*fall(n)/fall(k.dies) > limit {
		n++
	}
	return n - k.dies
}
