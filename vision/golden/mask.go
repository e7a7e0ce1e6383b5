package golden

import "image"

// Mask is a region of the die with wider limits.
type Mask struct {
	Rect image.Rectangle // in the golden's pixels; what lies outside does not count
	// Factor widens the limits' distance from the mean, 1 or more. At infinity
	// every value is good: the region is not inspected. Where masks overlap the
	// greatest counts.
	Factor float64
}

// Masked is the golden with the masks, which Planes then heeds. It is for
// inspection and lacks what only Update needs.
func (g *Golden) Masked(masks []Mask) *Golden {
	masked := *g
	masked.masks, masked.sums = masks, nil
	return &masked
}
