// Package display serves the operator display: the page on the box's own
// screen, its live events, and the few commands that an operator may give.
//
// The appliance tells a Board what happens; the Board keeps the state that
// every screen shows and passes each change on as server-sent events. Recorded
// wafers come from an Archive, commands go to Commands. The page itself lies in
// web/ and is embedded.
//
//	GET  /                                   the page
//	GET  /assets/{file}                      its script, style and icon
//	GET  /api/state                          State as JSON
//	GET  /api/events                         server-sent events: State first, then changes, a heartbeat each second
//	GET  /api/live/{run}/defects/{n}.png     crop of a defect of the wafer on the chuck
//	GET  /api/wafers?limit=n                 finished wafers, newest first (n 1 to 1000, default 100)
//	GET  /api/wafers/{id}                    one Wafer with its map and defects
//	GET  /api/wafers/{id}/defects/{n}.png    crop of a recorded defect
//	POST /api/alarms/{alid}/ack              {"operator": name}
//	POST /api/pause, /api/resume             {"operator": name}
//	POST /api/control/remote, …/local        {"operator": name}
//	POST /api/screens/{name}                 a page that shows what it was told says so, each second
//	GET  /api/screens/{name}                 Screen: how often it did, and when last
//	GET  /healthz                            "ok" while the display serves
//	GET  /readyz                             Health: 200 while the appliance can inspect, 503 else
//	GET  /metrics                            Prometheus metrics
//
// An error answers with {"error": text}. There is no login: whoever reaches the
// address may pause the tool, so it is bound to loopback unless the fab's
// network guards it. Pages of other origins cannot send commands, nor can they
// read anything through a DNS name of their own.
package display

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kensa/firmware/alarm"
)

// Errors by which an Archive or Commands tells what went wrong. The text
// around them is shown to the operator.
var (
	ErrNotFound = errors.New("not found")
	ErrRefused  = errors.New("refused") // the station cannot do that now
)

// Archive finds what was recorded. Its methods are called from several
// goroutines; an unknown wafer, defect or image is ErrNotFound.
type Archive interface {
	// Wafers lists the newest wafers first, at most limit.
	Wafers(ctx context.Context, limit int) ([]WaferSummary, error)
	// Wafer returns one wafer with at most MaxDefects of its defects.
	Wafer(ctx context.Context, id int64) (Wafer, error)
	// Image returns the PNG of a defect's surroundings.
	Image(ctx context.Context, wafer int64, defect int) ([]byte, error)
}

// Commands are what an operator may tell the station. What a command changes
// reaches the screens through the Board. ErrRefused says that it cannot be done
// in the present state.
type Commands interface {
	// Acknowledge notes that the operator has seen an alarm; ErrNotFound where
	// it is not set.
	Acknowledge(ctx context.Context, id alarm.ID, operator string) error
	// Pause ends inspection after the wafer on the chuck, Resume goes on.
	Pause(ctx context.Context, operator string) error
	Resume(ctx context.Context, operator string) error
	// SetRemote gives the tool to the host, or takes it back.
	SetRemote(ctx context.Context, remote bool, operator string) error
	// OpticsCleaned forgets the dust that was known on the optics.
	OpticsCleaned(ctx context.Context, operator string) error
}

// Options are what a display is made of.
type Options struct {
	Board    *Board
	Archive  Archive
	Commands Commands
	// Health judges the appliance. It is called from several goroutines. Nil
	// means that there is nothing to judge.
	Health func(context.Context) Health
	// Registry is what /metrics shows; the display adds its own metrics to it.
	// Nil means a new one.
	Registry *prometheus.Registry
	// Hosts are names by which the box is reached, beside localhost and IP
	// addresses. Requests for any other name are refused.
	Hosts []string
	Log   *slog.Logger
}

// Times and sizes of the server.
const (
	heartbeatEvery = time.Second
	writeLimit     = 5 * time.Second // a screen that takes longer for one event is dropped
	closeLimit     = 3 * time.Second // for requests in progress at Close
	maxBody        = 4 << 10         // bytes of a command
	maxScreens     = 64              // event streams at once
)

// Server serves the display. Make it with New, run it with Start, end it with
// Close.
type Server struct {
	Options
	http    *http.Server
	page    page
	screens screens
	closing chan struct{} // closed to end the event streams
	shut    func()        // closes it, once
	served  chan struct{} // closed when serving has ended; nil before Start
	err     error         // why it ended
}

// New makes a display and registers its metrics; it fails where the registry
// has metrics of the same names.
func New(o Options) (*Server, error) {
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	metrics, err := newMetrics(o.Registry)
	if err != nil {
		return nil, fmt.Errorf("display: metrics: %w", err)
	}
	page, err := loadPage()
	if err != nil {
		return nil, err
	}
	o.Board.observe(metrics.count)
	s := &Server{Options: o, page: page, closing: make(chan struct{})}
	s.shut = sync.OnceFunc(func() { close(s.closing) })
	s.http = &http.Server{
		Handler:           s.routes(),
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	return s, nil
}

// Listen opens the display's address, such as "127.0.0.1:8080". It is apart
// from Start so that a taken port is known before anything else starts.
func Listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("display: address: %s is taken by another program; stop that or choose another port: %w", addr, err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("display: address: %s is not allowed for this user; choose a port from 1024 up: %w", addr, err)
	case err != nil:
		return nil, fmt.Errorf("display: address: %s: %w", addr, err)
	}
	return l, nil
}

// Start serves on the listener until Close, which also closes it.
func (s *Server) Start(l net.Listener) {
	s.served = make(chan struct{})
	go func() {
		s.err = s.http.Serve(l)
		close(s.served)
	}()
}

// Close ends all event streams, gives requests in progress a few seconds and
// waits. It returns the error that ended serving before, if any.
func (s *Server) Close() error {
	s.shut()
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	if s.served == nil {
		return err
	}
	if <-s.served; !errors.Is(s.err, http.ErrServerClosed) {
		return fmt.Errorf("display: %w", s.err)
	}
	return err
}
