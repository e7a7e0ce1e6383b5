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

// run is a stretch of cells in one row that all conduct, or all do not.
type run struct {
	from, to int // half open
	conducts bool
}

// topologyOf counts the parts of a raster, by joining runs of neighbouring rows.
// Conductors connect across edges, spaces across corners too, so that the two
// never cross.
func topologyOf(r *die.Raster) topology {
	var t topology
	var f forest
	above, first := []run(nil), 0 // the row above, and the number of its first run
	for y := range r.Rows() {
		row := runs(r.Cells[y*r.Stride : (y+1)*r.Stride])
		next := len(f)
		for i, c := range row {
			f = append(f, next+i)
			t.count(c)
		}
		join := func(i, a int) {
			if i < len(row) && row[i].touches(above[a]) && f.join(next+i, first+a) {
				t.merge(row[i])
			}
		}
		for i, a := 0, 0; i < len(row) && a < len(above); {
			join(i, a)
			switch {
			case row[i].to < above[a].to:
				i++
			case row[i].to == above[a].to:
				join(i+1, a) // across the corner
				fallthrough
			default:
				a++
			}
		}
		above, first = row, next
	}
	return t
}

// runs takes a row apart.
func runs(cells []die.Material) []run {
	var list []run
	for x, c := range cells {
		if last := len(list) - 1; last >= 0 && list[last].conducts == c.Conducts() {
			list[last].to = x + 1
			continue
		}
		list = append(list, run{x, x + 1, c.Conducts()})
	}
	return list
}

// touches tells whether two runs of neighbouring rows belong together.
func (r run) touches(above run) bool {
	corner := 1
	if r.conducts {
		corner = 0
	}
	return r.conducts == above.conducts && r.from < above.to+corner && above.from < r.to+corner
}

// count takes a run as a part of its own, merge takes it as joined to another.
func (t *topology) count(r run) {
	if r.conducts {
		t.conductors++
		t.metal += r.to - r.from
	} else {
		t.spaces++
	}
}

func (t *topology) merge(r run) {
	if r.conducts {
		t.conductors--
	} else {
		t.spaces--
	}
}

// forest is a union-find.
type forest []int

func (f forest) root(i int) int {
	for f[i] != i {
		f[i] = f[f[i]]
		i = f[i]
	}
	return i
}

// join reports whether the two were apart.
func (f forest) join(a, b int) bool {
	a, b = f.root(a), f.root(b)
	f[max(a, b)] = min(a, b)
	return a != b
}

// isTrue tells whether what was done to a die is of the class that it should be.
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
