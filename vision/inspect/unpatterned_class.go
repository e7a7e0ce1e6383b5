package inspect

import (
	"math"

	"kensa/vision/defect"
)

// Limits of the classes, in pixels and shares.
const (
	scratchAspect = 4.0  // length over width
	scratchLength = 24.0 // pixels
	stainSide     = 40.0 // pixels: diameter of a disc of the same area
	stainContrast = 0.2  // of the background's grey value
	chipShare     = 0.3  // of the area that lies in a notch of the edge
)

// class names a finding by its measures: what lies in a notch of the edge is a
// chip, what is long and thin a scratch, what is wide and faint a stain, what
// the edge's margin cuts off has no class, and the rest are particles. The
// sureness, 0.5 to 1, grows with the distance from the limits.
func (b *bare) class(blob defect.Blob) (defect.Class, float64) {
	if share := b.notchShare(blob); share > chipShare {
		return defect.Chip, sureness(share / chipShare)
	}
	length, width := axes(blob)
	thin := length / max(width, 1)
	diameter := 2 * math.Sqrt(float64(blob.Area)/math.Pi)
	faint := stainContrast / max(b.contrast(blob), 1e-3)
	wide := diameter / stainSide
	switch {
	case b.atRim(blob) && (thin > scratchAspect || wide > 1):
		return defect.Unclassified, 1
	case thin > scratchAspect && length > scratchLength:
		return defect.Scratch, sureness(min(thin/scratchAspect, length/scratchLength))
	case wide > 1 && faint > 1:
		return defect.Stain, sureness(min(wide, faint))
	}
	return defect.Particle, sureness(max(1/min(thin/scratchAspect, length/scratchLength), 1/min(wide, faint)))
}

// atRim reports whether the blob ends at the margin of the wafer's edge, so that
// its shape is the margin's as much as its own.
func (b *bare) atRim(blob defect.Blob) bool {
	const near = edgeFactor
	for _, r := range blob.Runs {
		for _, y := range []int{max(r.Y-near, 0), min(r.Y+near, b.diff.h-1)} {
			if row := y * b.diff.w; b.edge.found && (!b.valid[row+max(r.X0-near, 0)] || !b.valid[row+min(r.X1+near, b.diff.w-1)]) {
				return true
			}
		}
	}
	return false
}

// sureness grows from a half where a measure is at its limit towards 1.
func sureness(ratio float64) float64 { return 1 - 0.5/max(ratio, 1) }

func (b *bare) notchShare(blob defect.Blob) float64 {
	n := 0
	for _, r := range blob.Runs {
		for x := r.X0; x < r.X1; x++ {
			if b.edge.notched(x, r.Y) {
				n++
			}
		}
	}
	return float64(n) / float64(blob.Area)
}

// axes are the length and width of an ellipse of the blob's second moments.
func axes(blob defect.Blob) (length, width float64) {
	var n, sx, sy, sxx, sxy, syy float64
	for _, r := range blob.Runs {
		y := float64(r.Y) - blob.CY
		for x := r.X0; x < r.X1; x++ {
			u := float64(x) - blob.CX
			n, sx, sy = n+1, sx+u, sy+y
			sxx, sxy, syy = sxx+u*u, sxy+u*y, syy+y*y
		}
	}
	xx, xy, yy := sxx/n-square(sx/n)+1./12, sxy/n-sx/n*sy/n, syy/n-square(sy/n)+1./12
	mean, diff := (xx+yy)/2, math.Hypot((xx-yy)/2, xy)
	return 4 * math.Sqrt(mean+diff), 4 * math.Sqrt(max(mean-diff, 1./12))
}

// contrast is the mean difference from the background as a share of it.
func (b *bare) contrast(blob defect.Blob) float64 {
	var diff, surface float64
	for _, r := range blob.Runs {
		for x := r.X0; x < r.X1; x++ {
			i := r.Y*b.diff.w + x
			diff, surface = diff+float64(b.diff.v[i]), surface+float64(b.surface.v[i])
		}
	}
	return abs(diff) / max(surface, 1)
}
