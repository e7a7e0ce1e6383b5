package capability

import "kensa/vision/evaluate"

// Trials are what the curve of detection is fitted to.
func (p *Procedure) Trials() []evaluate.Trial { return p.trials() }

// False is the number of false counts of each scan.
func (p *Procedure) False() (counts []int) {
	for _, s := range p.state.Scans {
		counts = append(counts, len(s.False))
	}
	return counts
}
