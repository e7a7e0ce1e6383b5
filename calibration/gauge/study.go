// Package gauge is gauge repeatability and reproducibility: how much of the
// spread of what is measured comes from measuring.
//
// A crossed study measures each of several parts (wafers) several times under
// each of several conditions (operators, loadings, stations). By analysis of
// variance, with the part×operator interaction, and by the range method, after
// AIAG, Measurement Systems Analysis, 4th edition, chapter III section B.
package gauge

import (
	"errors"
	"fmt"
	"math"
)

// Study holds readings by part, operator and trial, all in one unit:
// Study[part][operator][trial]. Every part has every operator, every cell
// equally many trials.
type Study [][][]float64

// Sizes of a study.
func (s Study) Sizes() (parts, operators, trials int) { return len(s), len(s[0]), len(s[0][0]) }

// Check refuses a study that cannot be analysed: fewer than two parts, operators
// or trials, cells of different size, readings that are no numbers.
func (s Study) Check() error {
	if len(s) < 2 || len(s[0]) < 2 || len(s[0][0]) < 2 {
		return errors.New("gauge: want at least 2 parts, 2 operators and 2 readings of each")
	}
	_, operators, trials := s.Sizes()
	for p := range s {
		if len(s[p]) != operators {
			return fmt.Errorf("gauge: part %d has %d operators; part 1 has %d", p+1, len(s[p]), operators)
		}
		for o := range s[p] {
			if len(s[p][o]) != trials {
				return fmt.Errorf("gauge: part %d, operator %d: %d readings; want %d", p+1, o+1, len(s[p][o]), trials)
			}
			for k, v := range s[p][o] {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return fmt.Errorf("gauge: part %d, operator %d, reading %d is %v; want a number", p+1, o+1, k+1, v)
				}
			}
		}
	}
	return nil
}

// Components are variances, in the reading's unit squared.
type Components struct {
	Repeatability float64 // of the same operator with the same part
	Operator      float64 // between operators
	Interaction   float64 // of operators with parts
	Part          float64 // between parts
}

// GRR is the variance that measuring adds: repeatability and reproducibility.
func (c Components) GRR() float64 { return c.Repeatability + c.Operator + c.Interaction }

// Total variance.
func (c Components) Total() float64 { return c.GRR() + c.Part }

// Percent is %GRR: the standard deviation of measuring, of the total's, in %.
func (c Components) Percent() float64 { return 100 * math.Sqrt(c.GRR()/c.Total()) }

// Categories is ndc, how many groups of parts can be told apart, cut to a whole
// number; 0 where measuring adds nothing and the parts do not differ.
func (c Components) Categories() int {
	if c.GRR() == 0 {
		return 0
	}
	return int(math.Sqrt2 * math.Sqrt(c.Part/c.GRR()))
}

// squares are the mean squares of a two-way analysis of variance with their
// degrees of freedom.
type squares struct {
	part, operator, interaction, error     float64
	dfPart, dfOperator, dfInteraction, dfE float64
	parts, operators, trials               float64
}

// ANOVA estimates the components by the crossed two-way random model. Negative
// estimates are 0.
func (s Study) ANOVA() (Components, error) {
	if err := s.Check(); err != nil {
		return Components{}, err
	}
	q := s.squares()
	return q.components(), nil
}

func (s Study) squares() squares {
	parts, operators, trials := s.Sizes()
	p, o, r := float64(parts), float64(operators), float64(trials)
	byPart, byOperator, grand := make([]float64, parts), make([]float64, operators), 0.0
	for i := range s {
		for j := range s[i] {
			m := mean(s[i][j])
			byPart[i], byOperator[j], grand = byPart[i]+m/o, byOperator[j]+m/p, grand+m/(p*o)
		}
	}
	q := squares{parts: p, operators: o, trials: r, dfPart: p - 1, dfOperator: o - 1, dfInteraction: (p - 1) * (o - 1), dfE: p * o * (r - 1)}
	for i := range s {
		q.part += o * r * sq(byPart[i]-grand) / q.dfPart
		for j := range s[i] {
			m := mean(s[i][j])
			q.interaction += r * sq(m-byPart[i]-byOperator[j]+grand) / q.dfInteraction
			for _, v := range s[i][j] {
				q.error += sq(v-m) / q.dfE
			}
		}
	}
	for j := range byOperator {
		q.operator += p * r * sq(byOperator[j]-grand) / q.dfOperator
	}
	return q
}

// components solves the expected mean squares for the variances.
func (q squares) components() Components {
	return Components{
		Repeatability: q.error,
		Interaction:   max(0, (q.interaction-q.error)/q.trials),
		Operator:      max(0, (q.operator-q.interaction)/(q.parts*q.trials)),
		Part:          max(0, (q.part-q.interaction)/(q.operators*q.trials)),
	}
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func sq(x float64) float64 { return x * x }
