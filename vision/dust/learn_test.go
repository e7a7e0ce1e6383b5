package dust_test

import (
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/defect"
	"kensa/vision/dust"
)

// finding is a round one of the given diameter.
func finding(x, y float64, side int, contrast float64) defect.Defect {
	corner := image.Pt(int(x)-side/2, int(y)-side/2)
	return defect.Defect{Box: image.Rectangle{corner, corner.Add(image.Pt(side, side))}, CX: x, CY: y,
		Area: max(1, side*side*3/4), Contrast: contrast, Class: defect.Particle}
}

// scatter puts n findings anywhere.
func scatter(r *rand.Rand, n, width, height int) []defect.Defect {
	found := make([]defect.Defect, n)
	for i := range found {
		found[i] = finding(20+r.Float64()*float64(width-40), 20+r.Float64()*float64(height-40), 3+r.IntN(12), 8+20*r.Float64())
	}
	return found
}

// shaken is the finding as another frame shows it.
func shaken(r *rand.Rand, d defect.Defect) defect.Defect {
	return finding(d.CX+r.NormFloat64()/3, d.CY+r.NormFloat64()/3, d.Box.Dx()+r.IntN(2), d.Contrast*(0.9+0.2*r.Float64()))
}

// crumb reports a defect that looks as if it were of a speck's rim: far smaller and
// fainter, on it.
func crumb(d defect.Defect, specks []defect.Defect) bool {
	return slices.ContainsFunc(specks, func(s defect.Defect) bool { return d.Box.Overlaps(s.Box.Inset(-12)) && 8*d.Area < s.Area })
}

func TestLearnTellsDustFromDefects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frames := rapid.IntRange(dust.MinFrames, 12).Draw(t, "frames")
		specks := rapid.IntRange(0, 4).Draw(t, "specks")
		hidden := rapid.IntRange(0, frames-max(dust.MinFrames, (frames+1)/2)).Draw(t, "frames that do not show them")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var stays []defect.Defect
		for n := range specks {
			stays = append(stays, finding(200+400*float64(n), 300+100*float64(n), 3+r.IntN(30), 10+100*r.Float64()))
		}
		seen, scattered := make([][]defect.Defect, frames), make([]int, frames)
		for f := range seen {
			seen[f] = slices.DeleteFunc(scatter(r, 6, 2000, 1500), func(d defect.Defect) bool { return crumb(d, stays) })
			scattered[f] = len(seen[f])
			for _, d := range stays {
				if f >= hidden {
					seen[f] = append(seen[f], shaken(r, d))
				}
			}
		}
		m, err := dust.Learn(2000, 1500, seen)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Spots) != specks {
			t.Fatalf("%d spots %+v; want %d", len(m.Spots), m.Spots, specks)
		}
		for f, found := range seen {
			defects, spots := m.Split(found)
			if want := scattered[f]; len(defects) != want || len(spots) != len(found)-want {
				t.Fatalf("%d defects and %d of dust; want %d and %d", len(defects), len(spots), want, len(found)-want)
			}
		}
		for _, d := range stays {
			if !slices.ContainsFunc(m.Spots, func(s dust.Spot) bool { return math.Hypot(s.CX-d.CX, s.CY-d.CY) < 2 }) {
				t.Fatalf("no spot at (%v, %v): %+v", d.CX, d.CY, m.Spots)
			}
		}
	})
}

// TestScatteredDefectsAreNoDust holds Learn to its promise of at most one false
// spot in a hundred maps, where many defects make chance agreements likely.
func TestScatteredDefectsAreNoDust(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	learnt, wrong := 0, 0
	for n := range 400 {
		seen := make([][]defect.Defect, 3+n%8)
		for f := range seen {
			seen[f] = scatter(r, 60, 1000, 800)
		}
		m, err := dust.Learn(1000, 800, seen)
		if err == nil {
			learnt++
			wrong += len(m.Spots)
		}
	}
	t.Logf("%d maps learnt, %d false spots", learnt, wrong)
	if learnt < 100 || float64(wrong) > 0.02*float64(learnt) {
		t.Errorf("%d maps learnt, %d false spots; want at least 100, and one in a hundred", learnt, wrong)
	}
}

func TestLearnRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	full := [][]defect.Defect{scatter(r, 900, 600, 400), scatter(r, 900, 600, 400), scatter(r, 900, 600, 400)}
	for want, c := range map[string]struct {
		width, height int
		frames        [][]defect.Defect
	}{
		"2 frames; want at least 3": {600, 400, full[:2]},
		"0×400":                     {0, 400, full},
		"3 frames with 2700 findings: defects would": {600, 400, full},
		"0 frames; want at least 3":                  {600, 400, nil},
	} {
		if _, err := dust.Learn(c.width, c.height, c.frames); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want one with %q", err, want)
		}
	}
	if m, err := dust.Learn(600, 400, make([][]defect.Defect, 3)); err != nil || len(m.Spots) != 0 {
		t.Errorf("frames without findings: %+v, %v", m, err)
	}
}

func TestSpotCoversNoMoreThanItself(t *testing.T) {
	s := dust.Spot{Box: image.Rect(100, 100, 120, 120), CX: 110, CY: 110, MinArea: 250, MaxArea: 320, Contrast: 20}
	for name, c := range map[string]struct {
		d    defect.Defect
		want bool
	}{
		"as it was":                   {finding(110, 110, 20, 19), true},
		"a little larger":             {finding(111, 109, 24, 25), true},
		"elsewhere":                   {finding(140, 110, 20, 19), false},
		"much larger":                 {finding(110, 110, 60, 19), false},
		"much stronger":               {finding(110, 110, 20, 60), false},
		"a small mark inside it":      {finding(112, 108, 6, 15), false},
		"a scratch that runs through": {defect.Defect{Box: image.Rect(60, 105, 160, 110), CX: 110, CY: 107, Area: 300, Contrast: 15}, false},
	} {
		if got := s.Covers(c.d); got != c.want {
			t.Errorf("%s: covered %v; want %v", name, got, c.want)
		}
	}
}
