package display

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Health is whether the appliance can inspect. An older version's update asks a
// newer one for it: keys may come, none may go or change.
type Health struct {
	Version string   `json:"version"`
	Wrong   []string `json:"wrong"` // empty where all is well
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	health := Health{Wrong: []string{}}
	if s.Health != nil {
		health = s.Health(r.Context())
	}
	status := http.StatusOK
	if len(health.Wrong) > 0 {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Cache-Control", "no-store")
	s.writeJSON(w, r, status, health)
}

// Screen is what a screen told of itself.
type Screen struct {
	Beats uint64  `json:"beats"`
	Age   float64 `json:"age_seconds"` // of the last one
}

// maxNamed and maxScreenName bound what anyone may have the box remember.
const (
	maxNamed      = 64
	maxScreenName = 64 // bytes
)

// screens remembers the named ones.
type screens struct {
	mu    sync.Mutex
	named map[string]pulse
}

type pulse struct {
	beats uint64
	last  time.Time
}

// beat takes a screen's sign of life in; the most silent one is forgotten where
// there are too many.
func (n *screens) beat(name string, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.named == nil {
		n.named = map[string]pulse{}
	}
	if _, known := n.named[name]; !known && len(n.named) >= maxNamed {
		oldest := ""
		for other, p := range n.named {
			if oldest == "" || p.last.Before(n.named[oldest].last) {
				oldest = other
			}
		}
		delete(n.named, oldest)
	}
	n.named[name] = pulse{n.named[name].beats + 1, now}
}

func (n *screens) get(name string) (pulse, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p, ok := n.named[name]
	return p, ok
}

func (s *Server) beat(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if name == "" || len(name) > maxScreenName {
		s.fail(w, r, badRequest{fmt.Errorf("screen: a name of %d bytes; want 1 to %d", len(name), maxScreenName)})
		return
	}
	s.screens.beat(name, time.Now())
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) screen(r *http.Request) (any, error) {
	p, ok := s.screens.get(r.PathValue("name"))
	if !ok {
		return nil, fmt.Errorf("screen: %w", ErrNotFound)
	}
	return Screen{p.beats, time.Since(p.last).Seconds()}, nil
}
