package ledger

import (
	"context"

	"kensa/bus/session"
)

// Bus is what sender and receiver need of a session; *session.Session is one.
type Bus interface {
	// Send hands a message to the present connection, in order, waiting only for
	// room. An error means that it was not sent, nil nothing at all.
	Send(ctx context.Context, m session.Message) (*session.Receipt, error)
	// Subscribe calls handler for what comes under filter, on this connection and
	// all that follow.
	Subscribe(ctx context.Context, filter string, qos byte, handler session.Handler) error
	// OnUp calls f for each new connection. It is called before the session starts.
	OnUp(f func(context.Context, *session.Link))
}
