package defect

import (
	"errors"
	"fmt"
	"slices"
)

// ErrTooMany means that an image has more findings than the parameters allow.
// Its text is a reason for an operator.
var ErrTooMany = errors.New("differs nearly everywhere")

// Joiner joins runs into blobs. It keeps its memory from image to image; the
// zero value is ready. It is not safe for concurrent use.
type Joiner struct {
	parent  []int32 // union-find over runs: parent of each, roots are their own
	rows    []row
	grouped []Run
	start   []int // where each root's runs start in grouped
	blobs   []Blob
}

// row is the range of runs that lie on one image row.
type row struct{ y, from, to int }

// Join returns the blobs of at least p.MinArea pixels and p.MinContrast, in the
// order of their first runs. Two pixels belong to one blob when no more than
// p.MergeDistance good pixels lie between them across and down; at 0 this is
// 8-connectedness. The cost follows the runs.
//
// Runs must be sorted by row, then column, and not overlap. The blobs and their
// runs are valid until the next call. The error is an ErrTooMany, or names
// a run out of order.
func (j *Joiner) Join(runs []Run, p Params) ([]Blob, error) {
	if len(runs) > p.MaxRuns() {
		return nil, fmt.Errorf("%w: %d runs of pixels beyond the limits; at most %d are compared", ErrTooMany, len(runs), p.MaxRuns())
	}
	if err := j.index(runs); err != nil {
		return nil, err
	}
	j.connect(runs, p.MergeDistance+1)
	j.group(runs)
	j.blobs = slices.DeleteFunc(j.blobs, func(b Blob) bool { return b.Area < p.MinArea || b.Peak < p.MinContrast })
	if len(j.blobs) > p.MaxDefects {
		return nil, fmt.Errorf("%w: %d defects; max_defects is %d", ErrTooMany, len(j.blobs), p.MaxDefects)
	}
	return j.blobs, nil
}

// index notes where each row starts and makes every run a set of its own.
func (j *Joiner) index(runs []Run) error {
	j.rows, j.parent = j.rows[:0], j.parent[:0]
	for n, r := range runs {
		if r.X0 >= r.X1 || r.Weight < int64(r.X1-r.X0) {
			return fmt.Errorf("defect: run %d (row %d, columns %d to %d, weight %d); want pixels of weight 1 or more", n, r.Y, r.X0, r.X1, r.Weight)
		}
		switch last := len(j.rows) - 1; {
		case last >= 0 && j.rows[last].y == r.Y && runs[n-1].X1 <= r.X0:
			j.rows[last].to = n + 1
		case last < 0 || j.rows[last].y < r.Y:
			j.rows = append(j.rows, row{r.Y, n, n + 1})
		default:
			return fmt.Errorf("defect: run %d (row %d, column %d) is out of order; want rows from the top, each from the left", n, r.Y, r.X0)
		}
		j.parent = append(j.parent, int32(n))
	}
	return nil
}

// connect unites runs that are at most reach pixels apart in both directions.
func (j *Joiner) connect(runs []Run, reach int) {
	for n, below := range j.rows {
		for k := below.from + 1; k < below.to; k++ {
			if runs[k].X0-runs[k-1].X1 < reach {
				j.unite(k-1, k)
			}
		}
		for m := n - 1; m >= 0 && below.y-j.rows[m].y <= reach; m-- {
			j.zip(runs, j.rows[m], below, reach)
		}
	}
}

// zip walks two rows side by side and unites runs within reach in x.
func (j *Joiner) zip(runs []Run, above, below row, reach int) {
	for a, b := above.from, below.from; a < above.to && b < below.to; {
		if runs[a].X0-runs[b].X1 < reach && runs[b].X0-runs[a].X1 < reach {
			j.unite(a, b)
		}
		if runs[a].X1 < runs[b].X1 {
			a++
		} else {
			b++
		}
	}
}

// unite joins two sets under the earlier root, so that a root is its set's
// first run.
func (j *Joiner) unite(a, b int) {
	ra, rb := j.root(int32(a)), j.root(int32(b))
	j.parent[max(ra, rb)] = min(ra, rb)
}

func (j *Joiner) root(n int32) int32 {
	for j.parent[n] != n {
		j.parent[n] = j.parent[j.parent[n]]
		n = j.parent[n]
	}
	return n
}

// group sorts the runs by blob, stably, and measures the blobs.
func (j *Joiner) group(runs []Run) {
	j.start = append(j.start[:0], make([]int, len(runs)+1)...)
	for n := range runs {
		j.start[j.root(int32(n))+1]++
	}
	for n := range runs {
		j.start[n+1] += j.start[n]
	}
	j.grouped = append(j.grouped[:0], runs...)
	for n, r := range runs {
		root := j.root(int32(n))
		j.grouped[j.start[root]] = r
		j.start[root]++
	}
	// Each start has moved to its blob's end, where the next blob begins.
	j.blobs = j.blobs[:0]
	for n, from := 0, 0; n < len(runs); n++ {
		if to := j.start[n]; to > from {
			j.blobs = append(j.blobs, Blob{Runs: j.grouped[from:to]}.measure())
			from = to
		}
	}
}
