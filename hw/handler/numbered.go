package handler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Numbered names the wafers of a tool that does not: by a lot and the time at
// which each came, so that no two have one name, also after a restart.
type Numbered struct {
	lot string
	now func() time.Time

	mu   sync.Mutex
	last string
	same int
}

// NewNumbered makes the names. Without a lot there are none.
func NewNumbered(lot string, now func() time.Time) *Numbered { return &Numbered{lot: lot, now: now} }

// ErrNameless means that neither the tool nor the configuration names the wafer.
var ErrNameless = errors.New("handler: the tool does not say which wafer it is; source.lot may name it")

// Material implements Handler.
func (n *Numbered) Material(context.Context) (Material, error) {
	if n.lot == "" {
		return Material{}, ErrNameless
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	name := fmt.Sprintf("%s-%s", n.lot, n.now().UTC().Format("20060102T150405"))
	if n.same++; name != n.last {
		n.last, n.same = name, 0
	}
	if n.same > 0 {
		name = fmt.Sprintf("%s.%d", name, n.same)
	}
	return Material{Lot: n.lot, Substrate: name}, nil
}
