package gauge_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"kensa/calibration/gauge"
)

// houfBerman is a published study (Houf and Berman, 1988): ten parts, operators
// A|B|C, three readings of two digits each.
const houfBerman = `373837|414140|414241; 424143|424242|434243; 303131|313131|293028; 424342|434343|424242; 283029|293029|312929;
	424243|454545|444645; 252627|282830|292727; 404040|434242|434341; 252525|272928|262626; 353434|353534|353435`

func published() gauge.Study {
	var s gauge.Study
	for _, part := range strings.Split(houfBerman, ";") {
		var operators [][]float64
		for _, cell := range strings.Split(strings.TrimSpace(part), "|") {
			var readings []float64
			for i := 0; i < len(cell); i += 2 {
				readings = append(readings, float64(cell[i]-'0')*10+float64(cell[i+1]-'0'))
			}
			operators = append(operators, readings)
		}
		s = append(s, operators)
	}
	return s
}

func near(t *testing.T, name string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s %.5f; want %v", name, got, want)
	}
}

// TestPublishedStudy comes out to the digit.
func TestPublishedStudy(t *testing.T) {
	c, err := published().ANOVA()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "repeatability", c.Repeatability, 0.511, 5e-4)
	near(t, "operator", c.Operator, 0.565, 5e-4)
	near(t, "part×operator", c.Interaction, 0.728, 5e-4)
	near(t, "part", c.Part, 48.293, 5e-4)
	near(t, "GRR", c.GRR(), 1.804, 5e-4)
	near(t, "total", c.Total(), 50.096, 6e-4)
	near(t, "contribution", 100*c.GRR()/c.Total(), 3.60, 5e-3)
	near(t, "%GRR", c.Percent(), 18.97, 5e-3)
	if c.Categories() != 7 {
		t.Errorf("ndc %d; want 7", c.Categories())
	}
	r, err := published().Ranges()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "%GRR by ranges", r.Percent(), 18.07, 5e-3)
}

// draw makes a study of which the components are known.
func draw(c gauge.Components, parts, operators, trials int, random *rand.Rand) gauge.Study {
	offset := make([]float64, operators)
	for o := range offset {
		offset[o] = math.Sqrt(c.Operator) * random.NormFloat64()
	}
	s := make(gauge.Study, parts)
	for p := range s {
		part := 100 + math.Sqrt(c.Part)*random.NormFloat64()
		s[p] = make([][]float64, operators)
		for o := range s[p] {
			cell := part + offset[o] + math.Sqrt(c.Interaction)*random.NormFloat64()
			for range trials {
				s[p][o] = append(s[p][o], cell+math.Sqrt(c.Repeatability)*random.NormFloat64())
			}
		}
	}
	return s
}

// TestIntervalCovers: of many studies at least 95 in 100 have the true %GRR
// within the interval.
func TestIntervalCovers(t *testing.T) {
	truth := gauge.Components{Repeatability: 0.5, Operator: 0.5, Interaction: 0.2, Part: 40}
	random := rand.New(rand.NewPCG(7, 7))
	studies, covered := 200, 0
	for range studies {
		low, high, err := draw(truth, 10, 3, 3, random).Interval(gauge.Components.Percent)
		if err != nil {
			t.Fatal(err)
		}
		if low <= truth.Percent() && truth.Percent() <= high {
			covered++
		}
	}
	t.Logf("%d of %d covered", covered, studies)
	if covered < studies*95/100 {
		t.Errorf("%d of %d studies have the true %%GRR in their interval; want 95 %%", covered, studies)
	}
}

// TestScaleAndOffset: what is measured may have any unit and zero.
func TestScaleAndOffset(t *testing.T) {
	plain, err := published().ANOVA()
	if err != nil {
		t.Fatal(err)
	}
	s := published()
	for p := range s {
		for o := range s[p] {
			for k := range s[p][o] {
				s[p][o][k] = 1e3*s[p][o][k] - 5
			}
		}
	}
	scaled, err := s.ANOVA()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "%GRR", scaled.Percent(), plain.Percent(), 1e-9)
	near(t, "part", scaled.Part, 1e6*plain.Part, 1e-3)
}

// TestBadStudies are refused with the place of the fault.
func TestBadStudies(t *testing.T) {
	uneven := published()
	uneven[3][1] = uneven[3][1][:2]
	missing := published()
	missing[4] = missing[4][:2]
	nan := published()
	nan[9][2][0] = math.NaN()
	for want, s := range map[string]gauge.Study{
		"part 4, operator 2: 2 readings; want 3":       uneven,
		"part 5 has 2 operators; part 1 has 3":         missing,
		"part 10, operator 3, reading 1 is NaN":        nan,
		"at least 2 parts, 2 operators and 2 readings": published()[:1],
	} {
		if _, err := s.ANOVA(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}
