package alarm

// Change is an alarm as it stands after it was set, raised again, acknowledged
// or cleared.
type Change struct {
	Alarm
	// Dropped is how many changes this subscriber has lost so far because it was
	// slow. When it rises, what is set is to be read anew with Active.
	Dropped uint64
}

type subscriber struct {
	changes chan Change
	dropped uint64
}

// Subscribe returns the changes from now on, in order. The channel holds up to
// buffer of them (at least 1); when it is full the oldest is dropped, so that a
// slow reader holds up nobody. cancel ends the subscription and closes the
// channel; it may be called more than once.
func (s *Set) Subscribe(buffer int) (changes <-chan Change, cancel func()) {
	sub := &subscriber{changes: make(chan Change, max(buffer, 1))}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers[sub] = struct{}{}
	return sub.changes, func() { s.unsubscribe(sub) }
}

func (s *Set) unsubscribe(sub *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, subscribed := s.subscribers[sub]; subscribed {
		delete(s.subscribers, sub)
		close(sub.changes)
	}
}

// tell is called with the lock held, so that every subscriber sees one order.
func (s *Set) tell(a Alarm) {
	for sub := range s.subscribers {
		sub.tell(a)
	}
}

func (sub *subscriber) tell(a Alarm) {
	select {
	case sub.changes <- Change{a, sub.dropped}:
		return
	default:
	}
	select {
	case <-sub.changes:
		sub.dropped++
	default: // the reader was faster
	}
	sub.changes <- Change{a, sub.dropped} // cannot block: there is one sender, and it has just made room
}
