package evaluate_test

import (
	"image"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/defect"
	"kensa/vision/evaluate"
)

func box(x0, y0, x1, y1 int) image.Rectangle { return image.Rect(x0, y0, x1, y1) }

func label(c defect.Class, r image.Rectangle) evaluate.Label { return evaluate.Label{Box: r, Class: c} }

func finding(c defect.Class, r image.Rectangle, confidence float64) evaluate.Finding {
	return evaluate.Finding{Label: label(c, r), Confidence: confidence}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-12 }

func TestIoU(t *testing.T) {
	for _, c := range []struct {
		a, b image.Rectangle
		want float64
	}{
		{box(0, 0, 10, 10), box(0, 0, 10, 10), 1},
		{box(0, 0, 10, 10), box(5, 0, 15, 10), 1.0 / 3}, // 50 of 150
		{box(0, 0, 10, 10), box(5, 5, 15, 15), 1.0 / 7}, // 25 of 175
		{box(0, 0, 10, 10), box(2, 2, 4, 4), 0.04},
		{box(0, 0, 10, 10), box(10, 0, 20, 10), 0},
		{box(3, 3, 3, 9), box(3, 3, 3, 9), 0},
	} {
		if got := evaluate.IoU(c.a, c.b); !near(got, c.want) || !near(evaluate.IoU(c.b, c.a), c.want) {
			t.Errorf("%v and %v: %v; want %v", c.a, c.b, got, c.want)
		}
	}
}

// ranked is one image in which the findings, from the most confident down, are
// right or wrong, with so many labels.
func ranked(labels int, right ...bool) evaluate.Image {
	var m evaluate.Image
	for n := range labels {
		m.Labels = append(m.Labels, label(defect.Open, box(100*n, 0, 100*n+20, 20)))
	}
	next := 0
	for n, ok := range right {
		at := box(0, 500+100*n, 20, 520+100*n)
		if ok {
			at, next = m.Labels[next].Box, next+1
		}
		m.Findings = append(m.Findings, finding(defect.Open, at, 1-float64(n)/100))
	}
	return m
}

// TestAveragePrecision is worked by hand: the area under the greatest precision
// at each recall or beyond.
func TestAveragePrecision(t *testing.T) {
	for _, c := range []struct {
		name string
		m    evaluate.Image
		want float64
	}{
		{"all right", ranked(3, true, true, true), 1},
		{"none found", ranked(3), 0},
		{"all wrong", ranked(3, false, false), 0},
		// One of two found, no false alarm: recall ends at 1/2.
		{"half found", ranked(2, true), 0.5},
		// Precision 1 at recall 1/2; 2/3 at recall 1: 1/2 + 1/3.
		{"right wrong right", ranked(2, true, false, true), 5.0 / 6},
		// Precision at the first is 1/2, but 2/3 at recall 1 is better for both.
		{"wrong right right", ranked(2, false, true, true), 2.0 / 3},
		// Precisions 1, 2/3, 3/5 at recalls 1/4, 2/4, 3/4; the fourth is missed.
		{"every other", ranked(4, true, false, true, false, true), (1 + 2.0/3 + 3.0/5) / 4},
		// False alarms after the last right one cost nothing.
		{"wrong at the end", ranked(2, true, true, false, false), 1},
	} {
		s := evaluate.Of([]evaluate.Image{c.m}, evaluate.Rules{IoU: 0.33})
		if !near(s.MAP, c.want) {
			t.Errorf("%s: AP %v; want %v", c.name, s.MAP, c.want)
		}
	}
}

// TestTiesAreOnePoint: findings of one confidence have no order.
func TestTiesAreOnePoint(t *testing.T) {
	m := ranked(2, true, false, true)
	for n := range m.Findings {
		m.Findings[n].Confidence = 0.5
	}
	if s := evaluate.Of([]evaluate.Image{m}, evaluate.Rules{IoU: 0.33}); !near(s.MAP, 2.0/3) {
		t.Errorf("AP %v; want 2/3, the precision of all", s.MAP)
	}
}

func TestMatching(t *testing.T) {
	const open, short = defect.Open, defect.Short
	at, beside, far := box(0, 0, 10, 10), box(2, 0, 12, 10), box(50, 50, 60, 60)
	for _, c := range []struct {
		name string
		m    evaluate.Image
		want []int
	}{
		{"a label is taken once, by the surer", evaluate.Image{Labels: []evaluate.Label{label(open, at)},
			Findings: []evaluate.Finding{finding(open, at, 0.5), finding(open, beside, 0.9)}}, []int{-1, 0}},
		{"the better box of two labels", evaluate.Image{Labels: []evaluate.Label{label(open, beside), label(open, at)},
			Findings: []evaluate.Finding{finding(open, at, 1)}}, []int{1}},
		{"the other label when the best is taken", evaluate.Image{Labels: []evaluate.Label{label(open, at), label(open, beside)},
			Findings: []evaluate.Finding{finding(open, at, 0.9), finding(open, at, 0.8), finding(open, at, 0.7)}}, []int{0, 1, -1}},
		{"another class", evaluate.Image{Labels: []evaluate.Label{label(open, at)}, Findings: []evaluate.Finding{finding(short, at, 1)}}, []int{-1}},
		{"elsewhere", evaluate.Image{Labels: []evaluate.Label{label(open, at)}, Findings: []evaluate.Finding{finding(open, far, 1)}}, []int{-1}},
		// 50 of 150 pixels are 1/3, more than 0.33; 49 of 151 are not.
		{"just enough", evaluate.Image{Labels: []evaluate.Label{label(open, at)}, Findings: []evaluate.Finding{finding(open, box(5, 0, 15, 10), 1)}}, []int{0}},
		{"just not", evaluate.Image{Labels: []evaluate.Label{label(open, box(0, 0, 100, 100))}, Findings: []evaluate.Finding{finding(open, box(0, 0, 33, 100), 1)}}, []int{-1}},
	} {
		if got := evaluate.Match(c.m, 0.33); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v; want %v", c.name, got, c.want)
		}
	}
}

// TestScore counts over images and classes: worked by hand.
func TestScore(t *testing.T) {
	const open, spur, hole = defect.Open, defect.Spur, defect.PinHole
	a, b, far := box(0, 0, 10, 10), box(20, 0, 30, 10), box(50, 50, 60, 60)
	images := []evaluate.Image{
		{Labels: []evaluate.Label{label(open, a), label(spur, b)}, Findings: []evaluate.Finding{finding(open, a, 0.9), finding(spur, b, 0.2)}},
		// The same place in another image is another place.
		{Labels: []evaluate.Label{label(open, b)}, Findings: []evaluate.Finding{finding(open, a, 0.8), finding(hole, far, 0.7)}},
	}
	s := evaluate.Of(images, evaluate.Rules{IoU: 0.33, Confidence: 0.5})
	if want := (evaluate.Count{Found: 1, Missed: 2, False: 2}); s.Count != want {
		t.Errorf("%+v; want %+v", s.Count, want)
	}
	if !near(s.Precision(), 1.0/3) || !near(s.Recall(), 1.0/3) || !near(s.F(), 1.0/3) {
		t.Errorf("precision %v, recall %v, F %v; want 1/3", s.Precision(), s.Recall(), s.F())
	}
	// Open: one of two found first, AP 1/2. Spur: found, whatever the confidence:
	// 1. Pin-hole has no labels and so no part in the mean.
	if !near(s.MAP, 0.75) {
		t.Errorf("mAP %v; want 3/4", s.MAP)
	}
	if len(s.Classes) != 3 || s.Classes[0].Class != open || s.Classes[2].Class != hole || s.Classes[2].False != 1 {
		t.Errorf("classes %+v; want open, spur and pin-hole with a false alarm", s.Classes)
	}
	if empty := evaluate.Of(nil, evaluate.Rules{IoU: 0.33}); empty.MAP != 0 || empty.F() != 1 || len(empty.Classes) != 0 {
		t.Errorf("nothing: %+v; want nothing found, nothing missed", empty)
	}
}

// TestScoreKnowsNoOrder: shuffled images, labels and findings score the same.
func TestScoreKnowsNoOrder(t *testing.T) {
	place := rapid.Custom(func(t *rapid.T) image.Rectangle {
		x, y := rapid.IntRange(0, 40).Draw(t, "x"), rapid.IntRange(0, 40).Draw(t, "y")
		return box(x, y, x+rapid.IntRange(1, 20).Draw(t, "w"), y+rapid.IntRange(1, 20).Draw(t, "h"))
	})
	class := rapid.SampledFrom([]defect.Class{defect.Open, defect.Short})
	rapid.Check(t, func(t *rapid.T) {
		var images []evaluate.Image
		confidence := 1.0
		for range rapid.IntRange(1, 3).Draw(t, "images") {
			var m evaluate.Image
			for range rapid.IntRange(0, 4).Draw(t, "labels") {
				m.Labels = append(m.Labels, label(class.Draw(t, "class"), place.Draw(t, "box")))
			}
			for range rapid.IntRange(0, 6).Draw(t, "findings") {
				confidence *= 0.9 // all differ
				m.Findings = append(m.Findings, finding(class.Draw(t, "class"), place.Draw(t, "box"), confidence))
			}
			images = append(images, m)
		}
		rules := evaluate.Rules{IoU: 0.33, Confidence: 0.4}
		before := evaluate.Of(images, rules)
		for _, m := range images {
			slices.Reverse(m.Findings)
		}
		slices.Reverse(images)
		after := evaluate.Of(images, rules)
		if !near(before.MAP, after.MAP) || before.Count != after.Count {
			t.Fatalf("%+v, reversed %+v", before, after)
		}
		if before.MAP < 0 || before.MAP > 1 {
			t.Fatalf("mAP %v; want 0 to 1", before.MAP)
		}
	})
}
