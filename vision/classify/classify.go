// Package classify learns a site's own classes of defects from labelled crops,
// and names defects with them where it is sure.
//
// The model is one anybody can follow: each class is a normal distribution over
// eight measures of a defect (its size, contrast, softness, evenness …), with a
// covariance drawn towards that of all classes together, which a few dozen
// samples can carry (J. H. Friedman, Regularized Discriminant Analysis, 1989). A
// defect gets the class of highest probability. The probabilities are calibrated
// on samples that the model had not learnt from, and a defect that lies further
// from every class than nearly all of those (by Mahalanobis distance) gets none:
// the rules' class stays.
package classify

import (
	"math"

	"kensa/vision/defect"
)

// Features of a defect, in this order; File holds their names, so that a model of
// others is refused.
var featureNames = []string{"log size", "log width", "contrast", "relative contrast", "log rise", "fill", "unevenness", "middle"}

const features = 8

// vector is a defect's features.
type vector [features]float64

// featuresOf are nearly normal within a class: lengths as logarithms, contrast,
// which has two signs, by the area hyperbolic sine. ok is false where a defect
// could not be measured.
func featuresOf(m defect.Measures) (v vector, ok bool) {
	if !(m.Size > 0 && m.Rise > 0) {
		return v, false
	}
	v = vector{math.Log(m.Size), math.Log(max(m.Width, 0.5)), math.Asinh(m.Step / 4), m.Step / (max(m.Below, 0) + 16),
		math.Log(m.Rise), m.Fill, m.Unevenness, min(max(m.Middle, -1), 2)}
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return v, false
		}
	}
	return v, true
}

// Model is a trained classifier. It may be used from several goroutines.
type Model struct {
	content
	classes []gaussian // of the standardised features, in the order of Classes
	hash    string
}

// content is what a file holds.
type content struct {
	// Features are the names of the model's, which must be this program's.
	Features []string
	// Measured tells that the samples carried the inspection's own measures, so
	// that a defect's are used; else they are taken from a crop of it.
	Measured bool
	Classes  []learntClass
	// Center and Scale standardise the features.
	Center, Scale []float64
	// Shrink is the part of each covariance that is that of all classes, 0 to 1.
	Shrink float64
	// Sharpness multiplies the logarithms of the likelihoods, so that the
	// probabilities are as often right as they say.
	Sharpness float64
	// Reach is the greatest squared Mahalanobis distance from a class.
	Reach float64
}

type learntClass struct {
	Name       defect.Class
	Samples    int
	Mean       []float64
	Covariance [][]float64 // shrunk
}

// Classes are the names of the model's classes, sorted.
func (m *Model) Classes() []defect.Class {
	names := make([]defect.Class, len(m.content.Classes))
	for n, c := range m.content.Classes {
		names[n] = c.Name
	}
	return names
}

// Hash is the SHA-256 of the model's file, hex.
func (m *Model) Hash() string { return m.hash }

// Measured reports whether the model knows the inspection's own measures.
func (m *Model) Measured() bool { return m.content.Measured }

// Classify names a defect by its measures, with the probability of the class, 0
// to 1. ok is false where the defect is unlike every class.
func (m *Model) Classify(of defect.Measures) (class defect.Class, probability float64, ok bool) {
	v, ok := featuresOf(of)
	if !ok {
		return defect.Unclassified, 0, false
	}
	n, probability, distance := m.judge(v)
	return m.content.Classes[n].Name, probability, distance <= m.Reach
}

// judge is the likeliest class, its probability and the squared distance from it.
func (m *Model) judge(v vector) (best int, probability, distance float64) {
	z := m.standard(v)
	logs := make([]float64, len(m.classes))
	for n, c := range m.classes {
		logs[n], _ = c.log(z)
		if logs[n] > logs[best] {
			best = n
		}
	}
	sum := 0.0
	for _, l := range logs {
		sum += math.Exp(m.Sharpness * (l - logs[best]))
	}
	_, distance = m.classes[best].log(z)
	return best, 1 / sum, distance
}

func (m *Model) standard(v vector) (z vector) {
	for k, x := range v {
		z[k] = (x - m.Center[k]) / m.Scale[k]
	}
	return z
}
