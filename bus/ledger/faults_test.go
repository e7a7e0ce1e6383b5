package ledger_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"kensa/bus/ledger"
	"kensa/bus/session"
)

// faults are done to messages, each with its probability.
type faults struct{ lose, double, swap float64 }

// bad is a bus that loses, doubles and swaps what is sent and what comes.
type bad struct {
	*session.Session
	faults

	mu   sync.Mutex
	heal bool
	held *session.Message // to be sent after the next
}

func (b *bad) luck(p float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.heal && rand.Float64() < p
}

func (b *bad) Send(ctx context.Context, m session.Message) (*session.Receipt, error) {
	if b.luck(b.lose) {
		return nil, nil
	}
	if b.luck(b.double) {
		if _, err := b.Session.Send(ctx, m); err != nil {
			return nil, err
		}
	}
	swap := b.luck(b.swap)
	b.mu.Lock()
	late := b.held
	b.held = nil
	if swap {
		b.held = &m
	}
	b.mu.Unlock()
	var r *session.Receipt
	var err error
	if !swap {
		r, err = b.Session.Send(ctx, m)
	}
	if late != nil {
		_, lateErr := b.Session.Send(ctx, *late)
		err = errors.Join(err, lateErr)
	}
	return r, err
}

func (b *bad) Subscribe(ctx context.Context, filter string, qos byte, h session.Handler) error {
	return b.Session.Subscribe(ctx, filter, qos, func(m session.Message) {
		if b.luck(b.lose) {
			return
		}
		h(m)
		if b.luck(b.double) {
			h(m)
		}
	})
}

// flaky is a store of which some commits fail, and some fail and persist.
type flaky struct {
	ledger.Store
	mu     sync.Mutex
	chance float64
}

var errDisk = errors.New("disk says no")

func (f *flaky) Commit(ctx context.Context, records []ledger.Received) error {
	f.mu.Lock()
	luck, chance := rand.Float64(), f.chance
	f.mu.Unlock()
	switch {
	case luck < chance/2:
		return errDisk
	case luck < chance:
		return errors.Join(f.Store.Commit(ctx, records), errDisk)
	}
	return f.Store.Commit(ctx, records)
}

func (f *flaky) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.chance = 0
}
