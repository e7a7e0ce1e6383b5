package classify

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"kensa/vision/defect"
)

// Sample is one labelled defect.
type Sample struct {
	Name     string // for messages: the crop's file
	Class    defect.Class
	Measures defect.Measures
}

// Limits of what is learnt from.
const (
	LeastSamples = 12  // of each class
	leastClasses = 2   //
	mostClasses  = 100 //
	folds        = 5
)

// Report is how well a model does on samples that it had not learnt from, by
// cross-validation: each fifth of the samples is judged by a model of the others.
type Report struct {
	Classes []defect.Class `json:"classes"`
	// Confusion counts the samples of a class, by row, that were given each class;
	// the last column is those left to the rules.
	Confusion [][]int `json:"confusion"`
	Samples   int     `json:"samples"`
	// Accuracy is the share given their own class without regard to sureness;
	// Named that of those that were sure enough, of all; Right that of the right
	// ones, of these. All 0 to 1.
	Accuracy float64 `json:"accuracy"`
	Named    float64 `json:"named"`
	Right    float64 `json:"right"`
	// Shrink, Sharpness and Reach are the model's; see the file's description.
	Shrink    float64 `json:"shrink"`
	Sharpness float64 `json:"sharpness"`
	Reach     float64 `json:"reach"`
}

// Train learns from samples. least is the probability, 0 to 1, from which the
// report counts a sample as named. measured tells that the samples' measures are
// the inspection's own. The error says which class has too few samples, or is
// all alike.
func Train(samples []Sample, measured bool, least float64) (*Model, Report, error) {
	known, err := sorted(samples)
	if err != nil {
		return nil, Report{}, err
	}
	best, score := Report{}, math.Inf(-1)
	for _, shrink := range []float64{0.1, 0.3, 0.5, 0.7, 0.9, 1} {
		r, q, err := known.validate(shrink, least)
		if err != nil {
			return nil, Report{}, err
		}
		if q > score {
			best, score = r, q
		}
	}
	m, err := known.fit(best.Shrink, func(int) bool { return true })
	if err != nil {
		return nil, Report{}, err
	}
	m.content.Measured, m.Sharpness, m.Reach = measured, best.Sharpness, best.Reach
	return m, best, m.seal()
}

// training is the samples' features by class.
type training struct {
	classes []defect.Class
	of      [][]vector
}

func sorted(samples []Sample) (*training, error) {
	by := map[defect.Class][]vector{}
	for _, s := range samples {
		v, ok := featuresOf(s.Measures)
		if !ok {
			return nil, fmt.Errorf("%s: no defect can be measured in it", s.Name)
		}
		by[s.Class] = append(by[s.Class], v)
	}
	t := &training{classes: slices.Sorted(maps.Keys(by))}
	if n := len(t.classes); n < leastClasses || n > mostClasses {
		return nil, fmt.Errorf("%d classes; want %d to %d", n, leastClasses, mostClasses)
	}
	var few []string
	for _, c := range t.classes {
		if n := len(by[c]); n < LeastSamples {
			few = append(few, fmt.Sprintf("%s has %d, %d more are needed", c, n, LeastSamples-n))
		}
		t.of = append(t.of, by[c])
	}
	if len(few) > 0 {
		return nil, fmt.Errorf("too few samples: %s; each class needs %d", strings.Join(few, "; "), LeastSamples)
	}
	return t, nil
}

// ridge is added to every variance, as a share of that of all samples: no class
// is sharper than its measuring.
const ridge = 0.01

// fit learns from the samples that use selects by their place in their class.
func (t *training) fit(shrink float64, use func(n int) bool) (*Model, error) {
	var all []vector
	parts := make([][]vector, len(t.of))
	for c, of := range t.of {
		for n, v := range of {
			if use(n) {
				parts[c], all = append(parts[c], v), append(all, v)
			}
		}
	}
	m := &Model{content: content{Features: featureNames, Shrink: shrink, Sharpness: 1, Reach: math.Inf(1)}}
	m.scale(all)
	var pooled matrix
	scatters := make([]matrix, len(parts))
	for c, part := range parts {
		for n := range part {
			part[n] = m.standard(part[n])
		}
		scatters[c] = scatter(part, meanOf(part))
		pooled = blend(1, pooled, 1/float64(len(all)-len(parts)), scatters[c])
	}
	for c, part := range parts {
		covariance := blend((1-shrink)/float64(len(part)-1), scatters[c], shrink, pooled)
		for k := range features {
			covariance[k][k] += ridge
		}
		m.add(t.classes[c], len(part), meanOf(part), covariance)
	}
	return m, m.prepare()
}

// scale finds what standardises the features.
func (m *Model) scale(all []vector) {
	mean := meanOf(all)
	s := scatter(all, mean)
	for k := range features {
		m.Center = append(m.Center, mean[k])
		m.Scale = append(m.Scale, max(math.Sqrt(s[k][k]/float64(len(all))), 1e-3))
	}
}

func (m *Model) add(name defect.Class, samples int, mean vector, covariance matrix) {
	c := learntClass{Name: name, Samples: samples, Mean: mean[:]}
	for k := range features {
		c.Covariance = append(c.Covariance, covariance[k][:])
	}
	m.content.Classes = append(m.content.Classes, c)
}

// judged is what a model said of a sample that it had not learnt from.
type judged struct {
	class, given int
	logs         []float64
	distance     float64 // squared, from its own class
	least        float64 // squared, from the class given
}

// validate judges each fold by a model of the others. The score is the mean
// logarithm of the calibrated probability of the true class.
func (t *training) validate(shrink, least float64) (Report, float64, error) {
	var all []judged
	for fold := range folds {
		m, err := t.fit(shrink, func(n int) bool { return n%folds != fold })
		if err != nil {
			return Report{}, 0, err
		}
		for c, of := range t.of {
			for n, v := range of {
				if n%folds == fold {
					all = append(all, m.try(c, v))
				}
			}
		}
	}
	sharpness, score := calibrate(all)
	r := Report{Classes: t.classes, Samples: len(all), Shrink: shrink, Sharpness: sharpness, Reach: reach(all)}
	r.count(all, least)
	return r, score, nil
}

func (m *Model) try(class int, v vector) judged {
	z := m.standard(v)
	j := judged{class: class}
	distances := make([]float64, len(m.classes))
	for n := range m.classes {
		var log float64
		log, distances[n] = m.classes[n].log(z)
		j.logs = append(j.logs, log)
		if log > j.logs[j.given] {
			j.given = n
		}
	}
	j.distance, j.least = distances[class], distances[j.given]
	return j
}

// probability of a class at a sharpness.
func (j judged) probability(class int, sharpness float64) float64 {
	sum := 0.0
	for _, l := range j.logs {
		sum += math.Exp(sharpness * (l - j.logs[j.given]))
	}
	return math.Exp(sharpness*(j.logs[class]-j.logs[j.given])) / sum
}

// calibrate finds the sharpness at which the probabilities fit best what became
// of the samples (temperature scaling; C. Guo and others, 2017).
func calibrate(all []judged) (best, score float64) {
	score = math.Inf(-1)
	for s := 0.1; s <= 1.5; s *= 1.15 {
		sum := 0.0
		for _, j := range all {
			sum += math.Log(max(j.probability(j.class, s), 1e-6))
		}
		if sum /= float64(len(all)); sum > score {
			best, score = s, sum
		}
	}
	return best, score
}

// reach is the squared distance within which all but a few of the samples lie
// from their own class.
func reach(all []judged) float64 {
	const share = 0.97
	distances := make([]float64, len(all))
	for n, j := range all {
		distances[n] = j.distance
	}
	slices.Sort(distances)
	return distances[int(share*float64(len(all)-1))]
}

func (r *Report) count(all []judged, least float64) {
	r.Confusion = make([][]int, len(r.Classes))
	for n := range r.Confusion {
		r.Confusion[n] = make([]int, len(r.Classes)+1)
	}
	var accurate, named, right float64
	for _, j := range all {
		if j.given == j.class {
			accurate++
		}
		if j.least > r.Reach || j.probability(j.given, r.Sharpness) < least {
			r.Confusion[j.class][len(r.Classes)]++
			continue
		}
		r.Confusion[j.class][j.given]++
		if named++; j.given == j.class {
			right++
		}
	}
	n := float64(len(all))
	r.Accuracy, r.Named, r.Right = accurate/n, named/n, right/max(1, named)
}
