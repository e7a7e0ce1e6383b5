package display

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kensa/firmware/alarm"
)

// routes is the whole service behind its guards.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page.index)
	mux.HandleFunc("GET /assets/{file}", s.page.asset)
	mux.HandleFunc("GET /api/events", s.events)
	mux.HandleFunc("GET /api/state", s.answer(func(*http.Request) (any, error) { return s.state() }))
	mux.HandleFunc("GET /api/wafers", s.answer(s.wafers))
	mux.HandleFunc("GET /api/wafers/{wafer}", s.answer(s.wafer))
	mux.HandleFunc("GET /api/wafers/{wafer}/defects/{image}", s.picture(s.recordedImage))
	mux.HandleFunc("GET /api/live/{run}/defects/{image}", s.picture(s.liveImage))
	mux.HandleFunc("POST /api/alarms/{alid}/ack", s.command(s.acknowledge))
	mux.HandleFunc("POST /api/pause", s.command(func(r *http.Request, who string) error { return s.Commands.Pause(r.Context(), who) }))
	mux.HandleFunc("POST /api/resume", s.command(func(r *http.Request, who string) error { return s.Commands.Resume(r.Context(), who) }))
	mux.HandleFunc("POST /api/control/remote", s.command(func(r *http.Request, who string) error { return s.Commands.SetRemote(r.Context(), true, who) }))
	mux.HandleFunc("POST /api/control/local", s.command(func(r *http.Request, who string) error { return s.Commands.SetRemote(r.Context(), false, who) }))
	mux.HandleFunc("POST /api/optics/cleaned", s.command(func(r *http.Request, who string) error { return s.Commands.OpticsCleaned(r.Context(), who) }))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("POST /api/screens/{name}", s.beat)
	mux.HandleFunc("GET /api/screens/{name}", s.answer(s.screen))
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{}))
	return s.guard(mux)
}

func (s *Server) state() (json.RawMessage, error) { return s.Board.JSON() }

// The most and the usual number of wafers in a list.
const (
	maxWafers     = 1000
	defaultWafers = 100
)

func (s *Server) wafers(r *http.Request) (any, error) {
	limit := int64(defaultWafers)
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if limit, err = number("limit", text, 1, maxWafers); err != nil {
			return nil, err
		}
	}
	wafers, err := s.Archive.Wafers(r.Context(), int(limit))
	return nonNil(wafers), err
}

func (s *Server) wafer(r *http.Request) (any, error) {
	id, err := number("wafer", r.PathValue("wafer"), 1, maxID)
	if err != nil {
		return nil, err
	}
	w, err := s.Archive.Wafer(r.Context(), id)
	w.DieMap = w.DieMap.complete()
	return w, err
}

// complete keeps JSON's null out of a map's lists.
func (m DieMap) complete() DieMap {
	m.Geometry.Dies, m.Geometry.Fields = nonNil(m.Geometry.Dies), nonNil(m.Geometry.Fields)
	m.Bins, m.Legend, m.Defects = nonNil(m.Bins), nonNil(m.Legend), nonNil(m.Defects)
	if m.Reasons == nil {
		m.Reasons = map[int]string{}
	}
	return m
}

func (s *Server) recordedImage(r *http.Request, defect int) ([]byte, error) {
	id, err := number("wafer", r.PathValue("wafer"), 1, maxID)
	if err != nil {
		return nil, err
	}
	return s.Archive.Image(r.Context(), id, defect)
}

func (s *Server) liveImage(r *http.Request, defect int) ([]byte, error) {
	run, err := number("run", r.PathValue("run"), 1, maxID)
	if err != nil {
		return nil, err
	}
	return s.Board.image(uint64(run), defect)
}

func (s *Server) acknowledge(r *http.Request, operator string) error {
	id, err := number("alarm", r.PathValue("alid"), 1, maxID)
	if err != nil {
		return err
	}
	return s.Commands.Acknowledge(r.Context(), alarm.ID(id), operator)
}

// answer sends what a function returns as JSON.
func (s *Server) answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := f(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		s.writeJSON(w, r, http.StatusOK, value)
	}
}

// picture sends the PNG that a function returns for {n}.png.
func (s *Server) picture(f func(r *http.Request, defect int) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutSuffix(r.PathValue("image"), ".png")
		if !ok {
			s.fail(w, r, badRequest{fmt.Errorf("image: %q; want a defect's number and .png", name)})
			return
		}
		n, err := number("defect", name, 1, 1<<31-1)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		png, err := f(r, int(n))
		if err != nil {
			s.fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "image/png")
		w.Header().Set("Cache-Control", "private, max-age=3600")
		s.write(r, w, png)
	}
}

// command runs what an operator asked for, with the operator's name.
func (s *Server) command(f func(r *http.Request, operator string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		operator, err := operatorOf(w, r)
		if err == nil {
			err = f(r, operator)
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.Log.Info("command", "path", r.URL.Path, "operator", operator)
		w.WriteHeader(http.StatusNoContent)
	}
}

const maxOperator = 40 // letters

// operatorOf reads {"operator": name} from a command.
func operatorOf(w http.ResponseWriter, r *http.Request) (string, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return "", badRequest{fmt.Errorf("content-type: %q; want application/json", r.Header.Get("Content-Type"))}
	}
	var body struct {
		Operator string `json:"operator"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		return "", badRequest{fmt.Errorf("body: %w", err)}
	}
	operator := strings.TrimSpace(body.Operator)
	if n := utf8.RuneCountInString(operator); n < 1 || n > maxOperator || strings.ContainsFunc(operator, unicode.IsControl) {
		return "", badRequest{fmt.Errorf("operator: %q; want a name of 1 to %d letters", operator, maxOperator)}
	}
	return operator, nil
}

// badRequest marks an error as the caller's.
type badRequest struct{ error }

func (b badRequest) Unwrap() error { return b.error }

// maxID is the largest number that JavaScript holds without loss.
const maxID = 1<<53 - 1

func number(what, text string, low, high int64) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || n > high {
		return 0, badRequest{fmt.Errorf("%s: %q; want a number from %d to %d", what, text, low, high)}
	}
	return n, nil
}

// fail answers with the error that fits.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	var bad badRequest
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		status = http.StatusRequestEntityTooLarge
	case errors.As(err, &bad):
		status = http.StatusBadRequest
	case errors.Is(err, ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, ErrRefused):
		status = http.StatusConflict
	case errors.Is(err, errTooMany), errors.Is(err, context.Canceled):
		status = http.StatusServiceUnavailable
	default:
		s.Log.Error("request failed", "path", r.URL.Path, "err", err)
	}
	s.writeJSON(w, r, status, map[string]string{"error": err.Error()})
}

func (s *Server) writeJSON(w http.ResponseWriter, r *http.Request, status int, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		s.Log.Error("answer has no JSON", "path", r.URL.Path, "err", err)
		http.Error(w, `{"error":"answer has no JSON"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	s.write(r, w, append(data, '\n'))
}

// write sends a body; the one thing that can go wrong is a caller who left.
func (s *Server) write(r *http.Request, w http.ResponseWriter, data []byte) {
	if _, err := w.Write(data); err != nil {
		s.Log.Debug("caller left", "path", r.URL.Path, "err", err)
	}
}
