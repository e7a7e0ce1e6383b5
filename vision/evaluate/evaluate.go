// Package evaluate scores findings against labelled data.
//
// Findings are matched with the labels of their image and class: in the order
// of falling confidence each takes the label, not yet taken, with which its box
// has the greatest intersection over union (IoU), if that is over a limit. A
// finding that takes none is a false alarm, a label that is not taken is
// missed.
//
// Precision, recall and F-score are those of the findings of at least a stated
// confidence. The average precision of a class is the area under its precision
// over recall as the confidence falls, every point used, precision at each
// recall being the greatest at that recall or any higher one (the all-point
// interpolation of PASCAL VOC 2010). mAP is its mean over the classes that have
// labels.
//
// Detection scores wafers on which every defect is known, as a simulated tool's:
// how many were captured, by size and contrast, and how many false alarms there
// were.
//
// Boxes are in pixels, (x1, y1) the top left corner and (x2, y2) the bottom
// right one; a box's area is (x2−x1)(y2−y1).
package evaluate

import (
	"cmp"
	"image"
	"slices"

	"kensa/vision/defect"
)

// Label is one defect as a person marked it.
type Label struct {
	Box   image.Rectangle
	Class defect.Class
}

// Finding is one defect as the inspection reports it.
type Finding struct {
	Label
	Confidence float64 // 0 to 1
}

// Image is one image's labels and findings.
type Image struct {
	Labels   []Label
	Findings []Finding
}

// Rules say what counts as found.
type Rules struct {
	IoU        float64 // a match needs more than this, 0 to 1
	Confidence float64 // least confidence of findings that count for precision, recall and F-score
}

// Count is how many labels were found and missed, and how many findings were
// false alarms.
type Count struct {
	Found, Missed, False int
}

// Precision is the share of the findings that are right; 1 without any.
func (c Count) Precision() float64 { return share(c.Found, c.False) }

// Recall is the share of the labels that were found; 1 without any.
func (c Count) Recall() float64 { return share(c.Found, c.Missed) }

// F is the harmonic mean of precision and recall; 1 where there was nothing to
// find and nothing found.
func (c Count) F() float64 { return share(2*c.Found, c.Missed+c.False) }

func share(part, rest int) float64 {
	if part+rest == 0 {
		return 1
	}
	return float64(part) / float64(part+rest)
}

func (c Count) plus(o Count) Count {
	return Count{c.Found + o.Found, c.Missed + o.Missed, c.False + o.False}
}

// ClassScore is the score of one class.
type ClassScore struct {
	Class defect.Class
	Count
	AP float64 // average precision, 0 to 1
}

// Score is the score of a set of images.
type Score struct {
	Count   // of all classes together
	MAP     float64
	Classes []ClassScore // those with labels or findings, in the order of defect.Classes
}

// Of scores images.
func Of(images []Image, r Rules) Score {
	var s Score
	results, labelled := gather(images, r.IoU), 0
	for _, class := range defect.Classes {
		of := results[class]
		if of == nil {
			continue
		}
		c := ClassScore{class, of.tally(r.Confidence), of.averagePrecision()}
		s.Classes = append(s.Classes, c)
		s.Count = s.plus(c.Count)
		if of.labels > 0 {
			labelled++
			s.MAP += c.AP
		}
	}
	s.MAP /= float64(max(1, labelled))
	return s
}

// result is what became of one class.
type result struct {
	outcomes []outcome // of its findings, the most confident first
	labels   int
}

// outcome is whether a finding of some confidence is right.
type outcome struct {
	confidence float64
	right      bool
}

// gather matches image by image. Classes without labels and findings are left
// out.
func gather(images []Image, iou float64) map[defect.Class]*result {
	results := map[defect.Class]*result{}
	of := func(c defect.Class) *result {
		if results[c] == nil {
			results[c] = &result{}
		}
		return results[c]
	}
	for _, m := range images {
		for n, taken := range Match(m, iou) {
			r := of(m.Findings[n].Class)
			r.outcomes = append(r.outcomes, outcome{m.Findings[n].Confidence, taken >= 0})
		}
		for _, l := range m.Labels {
			of(l.Class).labels++
		}
	}
	for _, r := range results {
		slices.SortStableFunc(r.outcomes, func(a, b outcome) int { return cmp.Compare(b.confidence, a.confidence) })
	}
	return results
}

// Match returns for each finding the number of the label that it takes, or -1.
func Match(m Image, iou float64) []int {
	order, takes, taken := make([]int, len(m.Findings)), make([]int, len(m.Findings)), make([]bool, len(m.Labels))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(m.Findings[b].Confidence, m.Findings[a].Confidence) })
	for _, n := range order {
		best := iou
		takes[n] = -1
		for k, l := range m.Labels {
			if v := IoU(l.Box, m.Findings[n].Box); l.Class == m.Findings[n].Class && !taken[k] && v > best {
				best, takes[n] = v, k
			}
		}
		if takes[n] >= 0 {
			taken[takes[n]] = true
		}
	}
	return takes
}

// IoU is the area that two boxes share over the area that they cover together;
// 0 where they cover none.
func IoU(a, b image.Rectangle) float64 {
	both := area(a.Intersect(b))
	if union := area(a) + area(b) - both; union > 0 {
		return both / union
	}
	return 0
}

func area(r image.Rectangle) float64 { return float64(r.Dx()) * float64(r.Dy()) }

// tally counts the findings of at least a confidence.
func (r *result) tally(confidence float64) (c Count) {
	for _, o := range r.outcomes {
		switch {
		case o.confidence < confidence:
		case o.right:
			c.Found++
		default:
			c.False++
		}
	}
	c.Missed = r.labels - c.Found
	return c
}

// averagePrecision is the area under precision over recall; 0 without labels.
// Findings of equal confidence are one point, whatever their order.
func (r *result) averagePrecision() (ap float64) {
	type point struct {
		right     int
		precision float64
	}
	points := []point{{}}
	right := 0
	for n, o := range r.outcomes {
		if o.right {
			right++
		}
		if n+1 == len(r.outcomes) || r.outcomes[n+1].confidence != o.confidence {
			points = append(points, point{right, float64(right) / float64(n+1)})
		}
	}
	best := 0.0
	for n := len(points) - 1; n > 0; n-- {
		best = max(best, points[n].precision)
		ap += best * float64(points[n].right-points[n-1].right)
	}
	return ap / float64(max(1, r.labels))
}
