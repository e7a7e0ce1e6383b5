package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen is systemd's end of the socket.
func listen(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "300000")
	return socket
}

// next is the next message; empty where none comes before the deadline.
func next(t *testing.T, socket *net.UnixConn, deadline time.Time) string {
	t.Helper()
	if err := socket.SetReadDeadline(deadline); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 4096)
	n, err := socket.Read(message)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(message[:n])
}

// until reads messages until one has the text.
func until(t *testing.T, socket *net.UnixConn, text string) (before []string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		message := next(t, socket, deadline)
		if message == "" {
			t.Fatalf("no %q; got %q", text, before)
		}
		if strings.Contains(message, text) {
			return before
		}
		before = append(before, message)
	}
}

func TestWhatSystemdHears(t *testing.T) {
	socket := listen(t)
	var camera, wedged atomic.Bool
	s := Service{
		Alive: func(ctx context.Context) error {
			if wedged.Load() {
				<-ctx.Done()
				return errors.New("station: wedged")
			}
			return nil
		},
		Ready: func(context.Context) error {
			if !camera.Load() {
				return errors.New("camera: does not\nanswer")
			}
			return nil
		},
		Status: func() string { return "inspecting" },
		Log:    slog.New(slog.DiscardHandler),
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()

	until(t, socket, "STATUS=starting: camera: does not answer")
	camera.Store(true)
	for _, early := range until(t, socket, "READY=1\nSTATUS=inspecting") {
		if strings.Contains(early, "READY") {
			t.Errorf("%q before the camera answered", early)
		}
	}
	until(t, socket, "WATCHDOG=1")
	until(t, socket, "WATCHDOG=1")

	wedged.Store(true)
	until(t, socket, "STATUS=not alive: station: wedged")
	// Several of the watchdog's intervals without food.
	if message := next(t, socket, time.Now().Add(time.Second)); message != "" {
		t.Errorf("%q from a station that is wedged", message)
	}
	wedged.Store(false)
	until(t, socket, "WATCHDOG=1\nSTATUS=inspecting")

	camera.Store(false) // an alarm, not a reason to be restarted
	until(t, socket, "WATCHDOG=1\nSTATUS=in trouble: camera")
	stop()
	until(t, socket, "STOPPING=1\nSTATUS=stopping")
	<-ended
}

func TestPatienceEnds(t *testing.T) {
	socket := listen(t)
	s := Service{
		Alive:    func(context.Context) error { return nil },
		Ready:    func(context.Context) error { return errors.New("camera: gone") },
		Patience: time.Millisecond,
		Log:      slog.New(slog.DiscardHandler),
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	until(t, socket, "READY=1")
	stop()
	<-ended
}

func TestWithoutSystemdNothingHappens(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	looked := make(chan struct{})
	s := Service{
		Alive:  func(context.Context) error { close(looked); return nil },
		Ready:  func(context.Context) error { return nil },
		Status: func() string { return "" },
		Log:    slog.New(slog.DiscardHandler),
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	<-looked
	stop()
	<-ended
}
