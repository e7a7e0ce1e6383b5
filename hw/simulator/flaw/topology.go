package flaw

import (
	"kensa/hw/simulator/die"
)

// topology is what the classes of pattern flaws are about: how many conductors
// there are, and how many holes and surroundings.
type topology struct {
	conductors, spaces int // connected parts
	metal              int // cells
}

// topologyOf counts the parts of a raster. Conductors connect across edges,
// spaces across corners too, so that the two never cross.
func topologyOf(r *die.Raster) topology {
	h := r.Rows()
	labels := newForest(len(r.Cells))
	t := topology{}
	for y := range h {
		for x := range r.Stride {
			i := y*r.Stride + x
			conducts := r.Cells[i].Conducts()
			same := func(j int) bool { return r.Cells[j].Conducts() == conducts }
			if conducts {
				t.metal++
			}
			if x > 0 && same(i-1) {
				labels.join(i, i-1)
			}
			if y == 0 {
				continue
			}
			if same(i - r.Stride) {
				labels.join(i, i-r.Stride)
			}
			if !conducts && x > 0 && same(i-r.Stride-1) {
				labels.join(i, i-r.Stride-1)
			}
			if !conducts && x+1 < r.Stride && same(i-r.Stride+1) {
				labels.join(i, i-r.Stride+1)
			}
		}
	}
	for i, c := range r.Cells {
		if labels.root(i) != i {
			continue
		}
		if c.Conducts() {
			t.conductors++
		} else {
			t.spaces++
		}
	}
	return t
}

// forest is a union-find over cells.
type forest []int32

func newForest(n int) forest {
	f := make(forest, n)
	for i := range f {
		f[i] = int32(i)
	}
	return f
}

func (f forest) root(i int) int {
	for f[i] != int32(i) {
		f[i] = f[f[i]]
		i = int(f[i])
	}
	return i
}

func (f forest) join(a, b int) {
	a, b = f.root(a), f.root(b)
	f[max(a, b)] = int32(min(a, b))
}

// true tells whether what was done to a die is of the class that it should be.
func (c Class) isTrue(before, after topology) bool {
	conductors, spaces := after.conductors-before.conductors, after.spaces-before.spaces
	added := after.metal - before.metal
	switch c {
	case Open:
		return conductors == 1 && added < 0
	case Short:
		return conductors == -1 && added > 0
	case MouseBite:
		return conductors == 0 && spaces == 0 && added < 0
	case Spur:
		return conductors == 0 && spaces == 0 && added > 0
	case Copper:
		return conductors == 1 && spaces == 0 && added > 0
	case PinHole:
		return conductors == 0 && spaces == 1 && added < 0
	default:
		return added == 0
	}
}
