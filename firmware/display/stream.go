package display

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// retryMillis is how long a browser waits before it connects again.
const retryMillis = 1000

// events sends the state, then every change, and a heartbeat each second, until
// the screen leaves, lags, or the display closes.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	state, changes, cancel, err := s.Board.subscribe()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	defer cancel()
	screen, err := newScreen(w)
	if err == nil {
		err = screen.send(event{"state", state})
	}
	if err == nil {
		err = screen.follow(r.Context(), s.closing, changes)
	}
	if err != nil {
		s.Log.Debug("screen dropped", "remote", r.RemoteAddr, "err", err)
	}
}

// screen is one stream of events.
type screen struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func newScreen(w http.ResponseWriter) (*screen, error) {
	control := http.NewResponseController(w)
	// The server's limits are for requests; a stream sets its own for each event.
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	_, err := fmt.Fprintf(w, "retry: %d\n\n", retryMillis)
	return &screen{w, control}, err
}

// send writes one event, within the limit that tells a slow screen from a dead one.
func (s *screen) send(e event) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", e.name, e.data); err != nil {
		return err
	}
	return s.control.Flush()
}

// follow passes changes on; a closed channel means that the screen lagged.
func (s *screen) follow(ctx context.Context, closing <-chan struct{}, changes <-chan event) error {
	heart := time.NewTicker(heartbeatEvery)
	defer heart.Stop()
	for {
		var next event
		select {
		case <-ctx.Done():
			return nil
		case <-closing:
			return nil
		case e, open := <-changes:
			if !open {
				return fmt.Errorf("more than %d events behind", queueLength)
			}
			next = e
		case now := <-heart.C:
			data, err := json.Marshal(heartbeat{now})
			if err != nil {
				return err
			}
			next = event{"heartbeat", data}
		}
		if err := s.send(next); err != nil {
			return err
		}
	}
}

// heartbeat tells a quiet display from a dead one, and the box's time.
type heartbeat struct {
	Time time.Time `json:"time"`
}
