// Package serve shows the early-warning service over HTTP: a page for people and
// JSON for programs. It only reads.
//
//	GET /                page
//	GET /api/status      all of the following in one
//	GET /api/nodes       nodes with what came of them and what was refused
//	GET /api/streams     charts: deviations, averages, limits, learning state
//	GET /api/warnings    early warnings, the newest first
//	GET /api/positions   highest seq without gaps, for each node and epoch
//	GET /healthz         200 while the store answers, 503 else
package serve

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/warning/detect"
	"kensa/warning/intake"
)

//go:embed web
var web embed.FS

// Source is what the server shows.
type Source interface {
	Nodes() []intake.Node
	Elsewhere() uint64
	Positions(ctx context.Context) ([]ledger.Position, error)
	Board() *detect.Board
	Broker() session.State
}

// Broker is the connection to the broker, for the page.
type Broker struct {
	Up    bool      `json:"up"`
	Since time.Time `json:"since"`
	URL   string    `json:"url"`
	Error string    `json:"error"` // empty where there is none
}

// Status is everything at once.
type Status struct {
	Version   string            `json:"version"`
	Started   time.Time         `json:"started"`
	Broker    Broker            `json:"broker"`
	Nodes     []intake.Node     `json:"nodes"`
	Elsewhere uint64            `json:"refused_elsewhere"`
	Streams   []detect.Stream   `json:"streams"`
	Warnings  []detect.Warning  `json:"warnings"`
	Positions []ledger.Position `json:"positions"`
}

// Server is the HTTP server.
type Server struct {
	source   Source
	version  string
	started  time.Time
	log      *slog.Logger
	listener net.Listener
	http     *http.Server
	failed   chan error
	wait     sync.WaitGroup
}

// Listen takes the address, so that a taken port is known before anything else
// starts.
func Listen(address string, source Source, version string, log *slog.Logger) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen: %s: the port is taken: %w", address, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{source: source, version: version, started: time.Now().UTC(), log: log, listener: listener, failed: make(chan error, 1)}
	handler, err := s.handler()
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Start begins to answer.
func (s *Server) Start() {
	s.wait.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("http: %w", err)
		}
	})
}

// Failed gives the error when the server stops without having been asked to.
func (s *Server) Failed() <-chan error { return s.failed }

// Close lets answers under way finish, for five seconds at most, and waits.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	s.wait.Wait()
	return err
}

func (s *Server) handler() (http.Handler, error) {
	pages, err := fs.Sub(web, "web")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(pages))
	mux.HandleFunc("GET /healthz", s.health)
	for path, get := range map[string]func(*Status) any{
		"status":    func(st *Status) any { return st },
		"nodes":     func(st *Status) any { return st.Nodes },
		"streams":   func(st *Status) any { return st.Streams },
		"warnings":  func(st *Status) any { return st.Warnings },
		"positions": func(st *Status) any { return st.Positions },
	} {
		mux.HandleFunc("GET /api/"+path, func(w http.ResponseWriter, r *http.Request) {
			st, err := s.status(r.Context())
			if err != nil {
				s.fail(w, err)
				return
			}
			s.answer(w, http.StatusOK, get(st))
		})
	}
	return headers(mux), nil
}

// headers keep the page to its own resources.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (s *Server) status(ctx context.Context) (*Status, error) {
	positions, err := s.source.Positions(ctx)
	if err != nil {
		return nil, err
	}
	b := s.source.Broker()
	st := &Status{
		Version: s.version, Started: s.started,
		Broker: Broker{Up: b.Up, Since: b.Since, URL: b.Broker},
		Nodes:  s.source.Nodes(), Elsewhere: s.source.Elsewhere(),
		Streams: s.source.Board().Streams(), Warnings: s.source.Board().Warnings(), Positions: positions,
	}
	if b.Err != nil {
		st.Broker.Error = b.Err.Error()
	}
	return st, nil
}

// health does not depend on the broker: an operator restarts a service that is
// ill, and that would not bring the broker back.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	if _, err := s.source.Positions(r.Context()); err != nil {
		s.fail(w, err)
		return
	}
	s.answer(w, http.StatusOK, map[string]any{"status": "ok", "broker": s.source.Broker().Up})
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	s.log.Error("http", "error", err)
	s.answer(w, http.StatusServiceUnavailable, map[string]string{"error": err.Error()})
}

func (s *Server) answer(w http.ResponseWriter, code int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		s.log.Error("http", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if _, err := w.Write(append(text, '\n')); err != nil {
		s.log.Debug("http: reader went away", "error", err)
	}
}
