package capability

import "kensa/vision/evaluate"

// Trials are what the curve of detection is fitted to.
func (p *Procedure) Trials() []evaluate.Trial { return p.trials() }
