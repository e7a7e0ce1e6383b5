package station

import (
	"fmt"
	"slices"
	"strings"

	"kensa/firmware/alarm"
	"kensa/vision/dust"
	"kensa/vision/inspect"
)

// look is a die for the watch for dust.
func look(d inspect.Die) dust.Look {
	return dust.Look{Rect: d.Rect, Patterned: d.Light > 0, DX: d.Shift.DX, DY: d.Shift.DY, Defects: d.Defects}
}

// withoutDust shows the watch a field, in the order of the stops, and takes what
// is dust on the optics out of its defects and bins. What was recorded before
// the dust was recognised stays.
func (s *Station) withoutDust(f Field) Field {
	if !f.Inspected {
		return f
	}
	if s.dust.See(f.looks) {
		s.tellDust()
	}
	for n, look := range f.looks {
		rest := slices.DeleteFunc(slices.Clone(look.Defects), s.dust.Covers)
		if len(rest) < len(look.Defects) {
			f.Dies[f.looked[n]].Bin = s.job.Rules.Bin(rest, s.job.Plan.Layout.PixelSize)
		}
	}
	all, owners := f.Defects, f.owner
	f.Defects, f.owner = nil, nil
	for n, d := range all {
		if !s.dust.Covers(d.Defect) {
			f.Defects, f.owner = append(f.Defects, d), append(f.owner, owners[n])
		}
	}
	return f
}

// manySpots is how many places an alarm names.
const manySpots = 5

// tellDust keeps the alarm of dust by the spots known now.
func (s *Station) tellDust() {
	spots := s.dust.Spots()
	if len(spots) == 0 {
		s.Alarms.Clear(alarm.OpticsDust.ID)
		return
	}
	var places []string
	for n, spot := range spots {
		if n == manySpots {
			places = append(places, fmt.Sprintf("and %d more", len(spots)-n))
			break
		}
		places = append(places, fmt.Sprintf("(%.0f, %.0f)", spot.CX, spot.CY))
	}
	s.Alarms.Raise(alarm.OpticsDust, "at camera pixel "+strings.Join(places, ", "))
}
