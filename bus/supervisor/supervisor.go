// Package supervisor tells systemd how a program is: that it is ready, that it is
// alive, that it stops (sd_notify(3)). It lies here because both programs of the
// house need it; where no supervisor asks, it does nothing but look.
//
// Ready is told once, when the program says that it does its work. The watchdog is
// fed only after the program has proven that it is alive: what a mere ticker would
// feed is the ticker.
package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Service is what is supervised.
type Service struct {
	// Alive proves that the program's working parts still turn. It may wait for
	// them until the context ends.
	Alive func(context.Context) error
	// Ready says why the program does not do its work yet; nil when it does.
	Ready func(context.Context) error
	// Patience is how long to wait for Ready. After it a program that is alive
	// counts as started, its status saying what it lacks: restarting it again and
	// again would help nobody. 0 waits without end.
	Patience time.Duration
	// Status is what to say of a program that is ready.
	Status func() string
	Log    *slog.Logger

	notify   func(state string) error // nil: systemd
	interval time.Duration            // 0: from systemd
	last     string                   // status told
	ready    bool
	ill      bool
}

// Intervals between two looks.
const (
	beforeReady = 250 * time.Millisecond
	unwatched   = 10 * time.Second // where no watchdog asks
	looks       = 3                // in each of the watchdog's intervals
)

// Run looks after the service until the context ends, and then says that it stops.
func (s *Service) Run(ctx context.Context) {
	if s.notify == nil {
		s.notify = func(state string) error { _, err := daemon.SdNotify(false, state); return err }
	}
	if s.interval == 0 {
		s.interval = interval(s.Log)
	}
	started := time.Now()
	for ctx.Err() == nil {
		s.look(ctx, time.Since(started))
		pause := s.interval
		if !s.ready {
			pause = min(pause, beforeReady)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	s.tell(daemon.SdNotifyStopping, "stopping")
}

func interval(log *slog.Logger) time.Duration {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	switch {
	case err != nil:
		log.Error("watchdog: its interval cannot be read", "error", err)
		return unwatched
	case watchdog == 0:
		return unwatched
	}
	return watchdog / looks
}

// look proves life once, within the time in which the watchdog wants the next
// proof.
func (s *Service) look(ctx context.Context, since time.Duration) {
	limit, cancel := context.WithTimeout(ctx, s.interval)
	defer cancel()
	err := s.Alive(limit)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		if !s.ill && s.ready {
			s.Log.Error("the watchdog is not fed", "error", err)
		}
		s.ill = s.ready
		s.tell("", "not alive: "+err.Error())
		return
	}
	if s.ill {
		s.ill = false
		s.Log.Info("the watchdog is fed again")
	}
	s.alive(limit, since)
}

func (s *Service) alive(ctx context.Context, since time.Duration) {
	status, lacking := "", s.Ready(ctx)
	switch {
	case lacking == nil:
		status = s.Status()
	case s.ready:
		status = "in trouble: " + lacking.Error()
	default:
		status = "starting: " + lacking.Error()
	}
	if !s.ready && (lacking == nil || s.Patience > 0 && since >= s.Patience) {
		s.ready = true
		s.tell(daemon.SdNotifyReady, status)
	}
	s.tell(daemon.SdNotifyWatchdog, status)
}

// tell sends a state, and the status where it has changed.
func (s *Service) tell(state, status string) {
	message := state
	if status != s.last {
		s.last = status
		if message != "" {
			message += "\n"
		}
		message += fmt.Sprintf("STATUS=%.500s", oneLine(status))
	}
	if message == "" {
		return
	}
	if err := s.notify(message); err != nil {
		s.Log.Warn("systemd does not hear", "error", err)
	}
}

// oneLine keeps a status from being taken for more than one assignment.
func oneLine(text string) string {
	clean := []rune(text)
	for n, r := range clean {
		if r < ' ' {
			clean[n] = ' '
		}
	}
	return string(clean)
}
