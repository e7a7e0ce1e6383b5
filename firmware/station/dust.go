package station

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/vision/defect"
	"kensa/vision/dust"
	"kensa/vision/inspect"
	"kensa/vision/wafer"
)

// look is a die for the watch for dust.
func look(d inspect.Die) dust.Look {
	return dust.Look{Rect: d.Rect, Patterned: d.Light > 0, DX: d.Shift.DX, DY: d.Shift.DY, Defects: d.Defects}
}

// withoutDust shows the watch a field, in the order of the stops, and takes what
// is dust on the optics out of its defects and bins.
func (s *Station) withoutDust(f Field) Field {
	if !f.Inspected {
		return f
	}
	if s.dust.See(f.looks) {
		s.unsaved = true
		s.tellDust()
	}
	for n, look := range f.looks {
		rest := slices.DeleteFunc(slices.Clone(look.Defects), s.dust.Covers)
		if len(rest) < len(look.Defects) {
			f.Dies[f.looked[n]].Bin = s.job.Rules.Bin(rest, s.wafer.layout.PixelSize)
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

// tellDust keeps the alarms of dust by what is known now.
func (s *Station) tellDust() {
	s.tellSpots(alarm.OpticsDust, s.dust.Spots())
	s.tellSpots(alarm.DustOrRepeater, s.dust.Suspects())
}

func (s *Station) tellSpots(kind alarm.Kind, spots []dust.Spot) {
	if len(spots) == 0 {
		s.Alarms.Clear(kind.ID)
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
	s.Alarms.Raise(kind, "at camera pixel "+strings.Join(places, ", "))
}

// dustOff takes what is now known as dust out of the wafer on the chuck: the
// fields before it was recognised have counted it. What an earlier wafer lost
// to it stays.
func (s *Station) dustOff() {
	w := s.wafer.record
	lost := map[wafer.DieIndex]bool{}
	w.Defects = slices.DeleteFunc(w.Defects, func(d record.Defect) bool {
		if !s.dust.Covers(d.Defect) {
			return false
		}
		lost[d.Die] = true
		return true
	})
	if len(lost) == 0 {
		return
	}
	left := map[wafer.DieIndex][]defect.Defect{}
	for n := range w.Defects {
		d := &w.Defects[n]
		d.Number = n + 1
		left[d.Die] = append(left[d.Die], d.Defect)
	}
	for n := range w.Dies {
		if d := &w.Dies[n]; lost[d.Index] && d.Bin != wafer.NotInspected {
			d.Bin = s.job.Rules.Bin(left[d.Index], s.wafer.layout.PixelSize)
		}
	}
}

// saveDust keeps the dust over a restart. Where that fails it is learnt anew then.
func (s *Station) saveDust() {
	if !s.unsaved {
		return
	}
	if err := s.Optics.SaveDust(s.dust.Spots()); err != nil {
		s.Log.Error("dust not kept over a restart", "error", err)
		return
	}
	s.unsaved = false
}

// OpticsCleaned forgets the dust: an operator has cleaned the optics. What is
// still there is recognised anew, and told again.
func (s *Station) OpticsCleaned(ctx context.Context) error {
	return s.command(ctx, func() {
		s.dust.Forget()
		s.unsaved = true
		s.tellDust()
		s.saveDust()
	})
}
