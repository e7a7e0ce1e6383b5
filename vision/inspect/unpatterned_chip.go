package inspect

import (
	"image"
	"math"
	"slices"

	"kensa/vision/defect"
	"kensa/vision/frame"
)

// Sizes in the measuring of chips, pixels.
const (
	chipBeside    = 100  // of the edge beside a chip, on either side, that tell its course
	leastBeside   = 16   // of it that must be seen
	chipClearance = 10   // between the chip and what tells the edge's course
	shallowEnd    = 30   // that a chip may at first reach beyond the notch as found
	courseSteps   = 4    // of course and chip, each found by the other
	chipInward    = 40   // beyond the chip that is looked at across the edge
	leastDepth    = 1.5  // of the edge below its course, from which it is chipped
	levelError    = 0.05 // of the edge's rise, standard deviation: light differs along the edge
	sampleMean    = 8    // samples whose mean is the grey value of the wafer, or of the dark
)

// chipMeasures are the length and depth of what is missing of the wafer's edge.
// The edge is where a line across it has half of the wafer's grey value; its
// course, a parabola through the edge beside the chip, parts what is missing
// from what never was. Where too little of the edge can be seen beside the chip, or
// it is too ragged for a course, the measures are those of the notch as found, in
// blocks, and uncertain accordingly.
//
// The ends of a chip are flat where it begins slowly: its length at the least depth
// that can be told, and at twice that, extrapolate to no depth, and a fifth of what that
// adds is as uncertain. The place of the edge between two pixels comes on top, and
// what half of the grey value is, where the edge is out of focus.
func chipMeasures(img frame.Image, e *waferEdge, blob defect.Blob) defect.Measures {
	coarse := notchMeasures(blob)
	a, ok := e.across(blob)
	if !ok {
		return coarse
	}
	profile, rise := a.profile(img)
	from, to := -a.s-shallowEnd, a.s+shallowEnd // of the chip, along the edge
	var deep, flat span
	var scatter float64
	for range courseSteps {
		var course parabola
		if course, scatter, ok = a.course(profile, from, to); !ok {
			return coarse
		}
		depth := make([]float64, len(profile))
		for n, v := range profile {
			depth[n] = course.at(a.along(n)) - v
		}
		least := max(leastDepth, 4*scatter)
		if flat, ok = a.extent(depth, least); !ok {
			return coarse
		}
		if deep, ok = a.extent(depth, 2*least); !ok {
			return coarse
		}
		from, to = min(-a.s, flat.from), max(a.s, flat.to)
	}
	const k = 2
	place := math.Hypot(0.3, levelError*rise)
	slow := max(0, flat.length()-deep.length())
	m := defect.Measures{Texture: -1, Size: flat.length() + slow, Width: flat.depth, Rise: rise}
	m.SizeUncertainty = k * math.Sqrt(2*(square(place)+square(scatter))+square(slow/5))
	if m.Size < m.Width {
		m.Size, m.Width = m.Width, m.Size
		m.SizeUncertainty = k * math.Hypot(place, scatter)
	}
	return m
}

// notchMeasures are the length and depth of a notch as found. Its ends, where it is
// shallow, are missing: by how much was found on drawn chips.
func notchMeasures(blob defect.Blob) defect.Measures {
	const missing, missingScatter, relative = 16, 22, 0.2 // pixels, pixels, of the length
	length, depth := axes(blob)
	return defect.Measures{Texture: -1, Rise: edgeFactor, Size: 0.9*length + missing, Width: depth,
		SizeUncertainty: 2 * math.Hypot(missingScatter, relative*length)}
}

// An acrossEdge is a frame of reference at a chip: s runs along the wafer's edge,
// v across it, outward; both from the middle of the notch.
type acrossEdge struct {
	x, y   float64 // its origin in the image
	nx, ny float64 // outward
	s, v   float64 // how far the notch reaches
}

// across finds which way is out by where the dark and where the wafer lies.
func (e *waferEdge) across(blob defect.Blob) (a acrossEdge, ok bool) {
	box := blob.Box.Inset(-chipBeside)
	var out, in struct{ n, x, y float64 }
	for y := max(0, box.Min.Y/edgeFactor); y < min(e.h, box.Max.Y/edgeFactor); y++ {
		for x := max(0, box.Min.X/edgeFactor); x < min(e.w, box.Max.X/edgeFactor); x++ {
			side := &in
			if e.beyond[y*e.w+x] {
				side = &out
			}
			side.n, side.x, side.y = side.n+1, side.x+float64(x), side.y+float64(y)
		}
	}
	a.nx, a.ny = out.x/out.n-in.x/in.n, out.y/out.n-in.y/in.n
	size := math.Hypot(a.nx, a.ny)
	if !(size > 0) {
		return a, false
	}
	a.nx, a.ny = a.nx/size, a.ny/size
	a.x, a.y = float64(blob.Box.Min.X+blob.Box.Max.X-1)/2, float64(blob.Box.Min.Y+blob.Box.Max.Y-1)/2
	for _, r := range blob.Runs {
		for _, x := range [2]int{r.X0, r.X1 - 1} {
			dx, dy := float64(x)-a.x, float64(r.Y)-a.y
			a.s, a.v = max(a.s, math.Abs(dy*a.nx-dx*a.ny)), max(a.v, math.Abs(dx*a.nx+dy*a.ny))
		}
	}
	return a, true
}

// along is s of the n-th line across the edge.
func (a acrossEdge) along(n int) float64 { return float64(n) - math.Ceil(a.s) - chipBeside }

// profile is where on each line across, a pixel apart, the wafer begins, NaN
// where that is not in sight; and over how many pixels the edge rises, as a rule.
func (a acrossEdge) profile(img frame.Image) (profile []float64, rise float64) {
	lines := make([][]float64, int(2*(math.Ceil(a.s)+chipBeside))+1)
	var darks, brights []float64
	for n := range lines {
		if lines[n] = a.line(img, a.along(n)); lines[n] != nil {
			darks = append(darks, average(lines[n][:sampleMean]))
			brights = append(brights, average(lines[n][len(lines[n])-sampleMean:]))
		}
	}
	profile = make([]float64, len(lines))
	if len(darks) == 0 {
		return nil, 0
	}
	dark, bright := medianOf(darks), medianOf(brights)
	var rises []float64
	for n, line := range lines {
		at, slope := begins(line, (dark+bright)/2)
		profile[n] = a.reach() - at
		if slope > 0 {
			rises = append(rises, (bright-dark)/slope)
		}
	}
	if len(rises) > 0 {
		rise = medianOf(rises)
	}
	return profile, rise
}

func (a acrossEdge) reach() float64 { return math.Ceil(a.v) + chipInward }

// line samples the image across the edge, inward, a pixel apart; nil where
// that leaves the image.
func (a acrossEdge) line(img frame.Image, s float64) []float64 {
	line := make([]float64, 0, int(2*a.reach())+1)
	for n := range cap(line) {
		v := a.reach() - float64(n)
		x, y := a.x+v*a.nx-s*a.ny, a.y+v*a.ny+s*a.nx
		x0, y0 := int(math.Floor(x)), int(math.Floor(y))
		if !image.Rect(x0, y0, x0+2, y0+2).In(img.Bounds()) {
			return nil
		}
		u, w := x-float64(x0), y-float64(y0)
		top := (1-u)*float64(img.At(x0, y0)) + u*float64(img.At(x0+1, y0))
		low := (1-u)*float64(img.At(x0, y0+1)) + u*float64(img.At(x0+1, y0+1))
		line = append(line, (1-w)*top+w*low)
	}
	return line
}

// begins is where a line first rises to a level and stays there, and how steeply;
// NaN and 0 if it never does.
func begins(line []float64, level float64) (at, slope float64) {
	const stays = 3 // samples: not a speck in the dark
	for n := 1; n+stays <= len(line); n++ {
		if line[n-1] < level && slices.Min(line[n:n+stays]) >= level {
			slope = line[n] - line[n-1]
			return float64(n) - (line[n]-level)/slope, slope
		}
	}
	return math.NaN(), 0
}

// A parabola has v = c[0] + c[1]·s + c[2]·s².
type parabola [3]float64

func (c parabola) at(s float64) float64 { return c[0] + s*(c[1]+s*c[2]) }

// course fits the edge beside the chip, and tells how far it strays from the fit.
func (a acrossEdge) course(profile []float64, from, to float64) (c parabola, scatter float64, ok bool) {
	var s, v []float64
	var before, after int
	for n, at := range profile {
		along := a.along(n)
		if math.IsNaN(at) || along > from-chipClearance && along < to+chipClearance {
			continue
		}
		if s, v = append(s, along), append(v, at); along < 0 {
			before++
		} else {
			after++
		}
	}
	if before < leastBeside || after < leastBeside {
		return c, 0, false
	}
	c, ok = fitParabola(s, v)
	var sum float64
	for n := range s {
		sum += square(v[n] - c.at(s[n]))
	}
	return c, math.Sqrt(sum / float64(len(s)-len(c))), ok
}

// fitParabola fits by least squares.
func fitParabola(s, v []float64) (c parabola, ok bool) {
	var a [3][4]float64
	for n := range s {
		powers := [3]float64{1, s[n], s[n] * s[n]}
		for i, p := range powers {
			for j, q := range powers {
				a[i][j] += p * q
			}
			a[i][3] += p * v[n]
		}
	}
	for i := range a {
		if !(a[i][i] > 1e-9) {
			return c, false
		}
		for j := i + 1; j < len(a); j++ {
			k := a[j][i] / a[i][i]
			for n := i; n < len(a[j]); n++ {
				a[j][n] -= k * a[i][n]
			}
		}
	}
	for i := len(a) - 1; i >= 0; i-- {
		c[i] = a[i][3]
		for j := i + 1; j < len(a); j++ {
			c[i] -= a[i][j] * c[j]
		}
		c[i] /= a[i][i]
	}
	return c, true
}

// A span of the edge lies deeper than its course; depth is where it is deepest.
type span struct{ from, to, depth float64 }

func (s span) length() float64 { return s.to - s.from }

// extent finds the span about the deepest place at the notch where the edge lies
// deeper than least. ok is false where it has no end in sight.
func (a acrossEdge) extent(depth []float64, least float64) (s span, ok bool) {
	top := -1
	for n, d := range depth {
		if math.Abs(a.along(n)) <= a.s+chipClearance && d > s.depth {
			top, s.depth = n, d
		}
	}
	if s.depth < least {
		return s, false
	}
	end := func(step int) float64 {
		for n := top; n+step >= 0 && n+step < len(depth); n += step {
			if next := depth[n+step]; !(next >= least) {
				share := (depth[n] - least) / (depth[n] - next)
				if depth[n]-next > 2*least { // a wall between two lines
					share = 0.5
				}
				return a.along(n) + float64(step)*share
			}
		}
		return math.NaN()
	}
	s.from, s.to = end(-1), end(1)
	return s, s.length() > 0
}

func average(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func medianOf(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
