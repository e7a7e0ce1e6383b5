package station

import (
	"fmt"
	"strings"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/vision/defect"
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
	found := make([][]defect.Defect, len(f.looks)) // of each die, less dust
	var defects []record.Defect
	var owner []int
	for n, d := range f.Defects {
		if s.dust.Covers(d.Defect) {
			continue
		}
		defects, owner = append(defects, d), append(owner, f.owner[n])
	}
	if len(defects) == len(f.Defects) {
		return f
	}
	for n, look := range f.looks {
		for _, d := range look.Defects {
			if !s.dust.Covers(d) {
				found[n] = append(found[n], d)
			}
		}
		f.Dies[f.looked[n]].Bin = s.job.Rules.Bin(found[n], s.job.Plan.Layout.PixelSize)
	}
	f.Defects, f.owner = defects, owner
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
