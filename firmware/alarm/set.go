package alarm

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Errors of Acknowledge.
var (
	ErrNotSet     = errors.New("alarm: not set")
	ErrNoOperator = errors.New("alarm: no operator; an acknowledgement needs a name")
)

// keptCleared is how many cleared alarms a Set remembers for Since: more than
// a wafer can see, for each kind is at most once in the set.
const keptCleared = 256

// Set is the alarms of one appliance: those set now, and the latest that were
// cleared. Its methods may be called from any goroutine.
type Set struct {
	now func() time.Time

	mu          sync.Mutex
	active      map[ID]Alarm
	cleared     []clearing // oldest first, at most keptCleared
	clearings   Mark       // how many there ever were
	subscribers map[*subscriber]struct{}
}

type clearing struct {
	number Mark
	alarm  Alarm
}

// NewSet makes an empty set. now gives the wall clock's time.
func NewSet(now func() time.Time) *Set {
	return &Set{now: now, active: map[ID]Alarm{}, subscribers: map[*subscriber]struct{}{}}
}

// Raise sets an alarm of the kind. Where it is set already it is counted, its
// detail becomes the new one, and an acknowledgement stands.
func (s *Set) Raise(k Kind, detail string) Alarm {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	a, set := s.active[k.ID]
	if !set {
		a = Alarm{Kind: k, Set: now}
	}
	a.Count++
	a.Detail, a.Latest = detail, now
	s.active[k.ID] = a
	s.tell(a)
	return a
}

// Clear ends the alarm of that number and returns it. It does nothing, and
// reports false, where none is set.
func (s *Set) Clear(id ID) (Alarm, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, set := s.active[id]
	if !set {
		return Alarm{}, false
	}
	a.Cleared = s.now()
	delete(s.active, id)
	s.remember(a)
	s.tell(a)
	return a, true
}

func (s *Set) remember(a Alarm) {
	s.clearings++
	if len(s.cleared) == keptCleared {
		s.cleared = slices.Delete(s.cleared, 0, 1)
	}
	s.cleared = append(s.cleared, clearing{s.clearings, a})
}

// Acknowledge notes that the operator has seen the alarm, which stays set. The
// first acknowledgement stands. Errors are ErrNotSet and ErrNoOperator.
func (s *Set) Acknowledge(id ID, operator string) (Alarm, error) {
	operator = strings.TrimSpace(operator)
	if operator == "" {
		return Alarm{}, ErrNoOperator
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, set := s.active[id]
	if !set {
		return Alarm{}, fmt.Errorf("%w: %d", ErrNotSet, id)
	}
	if a.AckBy == "" {
		a.AckBy, a.Acked = operator, s.now()
		s.active[id] = a
		s.tell(a)
	}
	return a, nil
}

// Active lists the alarms that are set, the most severe first, among equals the
// latest set first.
func (s *Set) Active() []Alarm {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sorted()
}

func (s *Set) sorted() []Alarm {
	list := make([]Alarm, 0, len(s.active))
	for _, a := range s.active {
		list = append(list, a)
	}
	sortAlarms(list)
	return list
}

func sortAlarms(list []Alarm) {
	slices.SortFunc(list, func(a, b Alarm) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), b.Set.Compare(a.Set), cmp.Compare(a.ID, b.ID))
	})
}

// Mark is a point in a Set's history. It does not depend on the clock, which
// may be set back.
type Mark uint64

// Mark returns the present point, such as a wafer's begin.
func (s *Set) Mark() Mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clearings
}

// Since lists the alarms that were set at any time after the mark: those set
// now and those cleared since, ordered as Active orders them.
func (s *Set) Since(m Mark) []Alarm {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.sorted()
	for _, c := range s.cleared {
		if c.number > m {
			list = append(list, c.alarm)
		}
	}
	sortAlarms(list)
	return list
}
