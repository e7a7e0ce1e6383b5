// Package dust tells spots of the camera's own optics from defects of the wafer:
// dust on a lens or on the sensor's window stays at the same camera pixels,
// whatever lies under it.
//
// Dust is told by voting: findings at one place of many frames are dust, for
// chance seldom puts defects there. Learn does so for a set of frames at once,
// Watch while a tool runs. In doubt a finding is a defect.
package dust

import (
	"image"
	"math"
	"slices"

	"kensa/vision/defect"
)

// Spot is a speck on the optics, as it looked in the frames that showed it. Of
// five frames and more the outermost at either end are left out, so that a
// defect that once touched the speck does not enlarge it.
type Spot struct {
	Box image.Rectangle `json:"box"` // camera pixels
	CX  float64         `json:"cx"`  // centroid, camera pixels
	CY  float64         `json:"cy"`
	// MinArea and MaxArea are the least and most pixels beyond the limits.
	MinArea  int     `json:"min_area"`
	MaxArea  int     `json:"max_area"`
	Contrast float64 `json:"contrast_sigma"` // the strongest, in standard deviations
}

// slack is how far in pixels, besides a quarter of its size, a finding may reach
// beyond a spot's box: one pixel of noise at either end of it, and one of the
// rounding of a box.
const slack = 2

// rim is how many times smaller than the spot a crumb of its rim is.
const rim = 20

// Covers reports whether a finding is no more than the spot: it lies within the
// spot's box, give or take a quarter of its size and 2 pixels; it has at least
// half the spot's least area and at most twice its greatest; and at most twice
// its contrast. What is larger, stronger, or a small mark inside a wide faint
// spot is a defect that happens to lie there; but a crumb at its rim, of at
// most a twentieth of its least area and at most half its contrast, is of the
// spot, which now and then comes apart there.
func (s Spot) Covers(d defect.Defect) bool {
	dx, dy := slack+s.Box.Dx()/4, slack+s.Box.Dy()/4
	room := image.Rect(s.Box.Min.X-dx, s.Box.Min.Y-dy, s.Box.Max.X+dx, s.Box.Max.Y+dy)
	crumb := rim*d.Area <= s.MinArea && 2*d.Contrast <= s.Contrast && !d.Box.In(s.Box.Inset(min(s.Box.Dx(), s.Box.Dy())/4))
	return d.Box.In(room) && (crumb || 2*d.Area >= s.MinArea && d.Area <= 2*s.MaxArea && d.Contrast <= 2*s.Contrast)
}

// near reports whether two spots are at one place.
func (s Spot) near(o Spot) bool { return s.Box.Inset(-slack).Overlaps(o.Box) }

// tolerance is how far in pixels the centroid of a spot wanders from frame to
// frame: little for a sharp speck, a quarter of its size for a faint ring of
// which noise and what lies under it show more or less.
func tolerance(d defect.Defect) float64 { return 2 + float64(d.Box.Dx()+d.Box.Dy())/8 }

// distance is that of the centroids in pixels, and whether it is small enough
// for one and the same spot.
func distance(a, b defect.Defect) (float64, bool) {
	apart := math.Hypot(a.CX-b.CX, a.CY-b.CY)
	return apart, apart <= min(tolerance(a), tolerance(b))
}

// spot describes what findings, one a frame and at least one, have in common.
func spot(found []defect.Defect) Spot {
	x0, _ := span(found, func(d defect.Defect) float64 { return float64(d.Box.Min.X) })
	y0, _ := span(found, func(d defect.Defect) float64 { return float64(d.Box.Min.Y) })
	_, x1 := span(found, func(d defect.Defect) float64 { return float64(d.Box.Max.X) })
	_, y1 := span(found, func(d defect.Defect) float64 { return float64(d.Box.Max.Y) })
	least, most := span(found, func(d defect.Defect) float64 { return float64(d.Area) })
	_, contrast := span(found, func(d defect.Defect) float64 { return d.Contrast })
	return Spot{
		Box: image.Rect(int(x0), int(y0), int(x1), int(y1)),
		CX:  median(found, func(d defect.Defect) float64 { return d.CX }), CY: median(found, func(d defect.Defect) float64 { return d.CY }),
		MinArea: int(least), MaxArea: int(most), Contrast: contrast,
	}
}

// enough is from how many frames on the outermost values are left out.
const enough = 5

func span(found []defect.Defect, of func(defect.Defect) float64) (least, most float64) {
	v := values(found, of)
	if len(v) >= enough {
		v = v[1 : len(v)-1]
	}
	return v[0], v[len(v)-1]
}

func median(found []defect.Defect, of func(defect.Defect) float64) float64 {
	v := values(found, of)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// values are in rising order.
func values(found []defect.Defect, of func(defect.Defect) float64) []float64 {
	v := make([]float64, len(found))
	for n, d := range found {
		v[n] = of(d)
	}
	slices.Sort(v)
	return v
}
