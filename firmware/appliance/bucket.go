package appliance

import "time"

// bucket is a bucket of leave to command. It is used from one goroutine.
type bucket struct {
	used int
	last time.Time
}

func (p *bucket) allow(now time.Time) bool {
	if back := int(now.Sub(p.last) / commandsInterval); back > 0 {
		p.used, p.last = max(0, p.used-back), now
	}
	if p.used >= commandsBurst {
		return false
	}
	p.used++
	return true
}
