// Package monitor is a lock with conditions that can be waited for under a
// context, which sync.Cond cannot.
package monitor

import (
	"context"
	"sync"
)

// Monitor guards the state of its owner. The zero value is ready.
type Monitor struct {
	mu      sync.Mutex
	changed chan struct{} // closed at the next change; nil while nobody waits
}

// Look runs f with the state locked; f must change nothing that others wait for.
func (m *Monitor) Look(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// Change runs f with the state locked and lets all who wait look again.
func (m *Monitor) Change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// Until runs holds with the state locked, after each change, until it returns
// true. holds may take what it finds. A condition that holds already counts even
// when the context has ended.
func (m *Monitor) Until(ctx context.Context, holds func() bool) error {
	for {
		changed := m.try(holds)
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// try returns nil when the condition holds, else what tells of the next change.
func (m *Monitor) try(holds func() bool) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if holds() {
		return nil
	}
	if m.changed == nil {
		m.changed = make(chan struct{})
	}
	return m.changed
}
