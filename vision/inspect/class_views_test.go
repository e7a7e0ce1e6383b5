package inspect_test

import (
	"testing"

	"kensa/vision/defect"
	"kensa/vision/internal/testdie"
)

// agreement counts pairs of views of one defect.
type agreement struct{ pairs, agree int }

func (a agreement) share() float64 { return float64(a.agree) / float64(max(1, a.pairs)) }

// TestClassesHoldFromViewToView draws the same defects again and again, at other
// shifts, light and noise. What is said to be sure must get the same class from
// view to view; where views differ, the confidence must have told.
func TestClassesHoldFromViewToView(t *testing.T) {
	const views = 8
	in := inspector(t, trained(t))
	r := source(71)
	var all [10]agreement // by confidence
	for range frames(24) {
		var truth [9]testdie.Disc
		for n := range truth {
			truth[n] = testdie.Disc{X: 10 + (width-20)*r.Float64(), Y: 10 + (height-20)*r.Float64(), Radius: 1.5 + 4*r.Float64(), Delta: 35 + 65*r.Float64()}
			if r.IntN(2) == 0 {
				truth[n].Delta *= -1
			}
		}
		var seen [9][]defect.Defect
		for range views {
			f := layout.Draw(testdie.Usual(), r, func(die int) []testdie.Disc { return truth[die : die+1] })
			for n, d := range dies(t, in, f) {
				if len(d.Defects) == 1 {
					seen[n] = append(seen[n], d.Defects[0])
				}
			}
		}
		for _, one := range seen {
			compareViews(one, &all)
		}
	}
	var sure, unsure agreement
	for n, a := range all {
		t.Logf("confidence from %.1f: %5d pairs of views, %.1f %% of one class", float64(n)/10, a.pairs, 100*a.share())
		switch {
		case n >= 9:
			sure.pairs, sure.agree = sure.pairs+a.pairs, sure.agree+a.agree
		case n < 6:
			unsure.pairs, unsure.agree = unsure.pairs+a.pairs, unsure.agree+a.agree
		}
	}
	if sure.pairs < 50*frames(24) || sure.share() < 0.98 {
		t.Errorf("from 0.9: %.1f %% of %d pairs of views agree; want 98 %% of many", 100*sure.share(), sure.pairs)
	}
	if unsure.share() > 0.85 {
		t.Errorf("below 0.6: %.1f %% of %d pairs of views agree; they could be surer", 100*unsure.share(), unsure.pairs)
	}
}

// compareViews compares each view of a defect with the others.
func compareViews(views []defect.Defect, by *[10]agreement) {
	for k, d := range views {
		a := &by[min(int(10*d.Confidence), 9)]
		for j, other := range views {
			if j != k {
				a.pairs++
			}
			if j != k && other.Class == d.Class {
				a.agree++
			}
		}
	}
}
