package golden

import (
	"errors"

	"kensa/vision/register"
)

// ErrVote means that dies cannot be compared with each other.
var ErrVote = errors.New("dies cannot be compared with each other")

// MinVoters is the least number of like dies that tell which of them deviates.
const MinVoters = 3

// Vote is the die that most of the samples agree on, pixel by pixel their
// median, for comparing dies with each other where no golden exists. More than
// half of the samples, and MinVoters, must be alike; those that are not are
// returned with the reason. The error, where too few are, is an ErrVote.
//
// A defect at one place on fewer than half of the dies moves neither the median
// nor the limits; one on all of them, such as a flaw of the mask, goes unseen.
// The result is for inspecting these dies and those beside them: it has no
// product and no hash, and is not to be written.
func Vote(samples []Sample, p register.Params) (*Golden, []Rejected, error) {
	if err := checkSamples(samples, MinVoters, ErrVote); err != nil {
		return nil, nil, err
	}
	t := newTrainer(samples, p, max(MinVoters, len(samples)/2+1), ErrVote)
	if err := t.run(); err != nil {
		return nil, t.rejected, err
	}
	g := &Golden{Header: Header{Width: t.width, Height: t.height, Dies: len(t.stack)}}
	g.mean, g.sigma = consensus(t.stack, t.noise, t.width, t.height)
	return g, t.rejected, nil
}

// consensus is the dies' median and standard deviation, pixel by pixel; kept as
// in spread. σ is that of the model, or more where most of the dies scatter
// more: the scatter of a few dies may widen the limits, never narrow them.
func consensus(stack [][]uint16, kept float64, width, height int) (middle, sigma []uint16) {
	middle = medians(stack)
	slope := gradient(levels(middle), width, height)
	correct := medianOfVariance(len(stack) - 1)
	model := fitModel(slope, func(n int) float64 { return variance(stack, n) / correct })
	sigma = make([]uint16, len(middle))
	values, away := make([]uint16, len(stack)), make([]uint16, len(stack))
	dies := float64(len(stack))
	for n := range middle {
		for k, die := range stack {
			values[k] = die[n]
		}
		own := madToSigma * float64(deviation(values, middle[n], away))
		prior := model.variance(slope[n])
		seen := max(prior, (priorDies*prior+dies*own*own)/(priorDies+dies))
		sigma[n] = toSigma(seen + model.noise*(1/kept-1))
	}
	return middle, sigma
}
