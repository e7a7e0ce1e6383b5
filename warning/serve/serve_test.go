package serve_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/warning/detect"
	"kensa/warning/intake"
	"kensa/warning/serve"
)

// source has nothing, and a store that may be broken.
type source struct{ broken error }

func (source) Nodes() []intake.Node  { return []intake.Node{} }
func (source) Elsewhere() uint64     { return 0 }
func (source) Board() *detect.Board  { return detect.NewBoard() }
func (source) Broker() session.State { return session.State{Err: errors.New("refused")} }

func (s source) Positions(context.Context) ([]ledger.Position, error) {
	return []ledger.Position{}, s.broken
}

func start(t *testing.T, s serve.Source) string {
	t.Helper()
	server, err := serve.Listen("127.0.0.1:0", s, "v1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		goleak.VerifyNone(t)
	})
	return "http://" + server.Addr().String()
}

func get(t *testing.T, method, url string, want int) (http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		t.Errorf("%s %s: %s, %v; want %d", method, url, response.Status, err, want)
	}
	return response.Header, string(body)
}

func TestEmptyListsAreLists(t *testing.T) {
	url := start(t, source{})
	_, body := get(t, http.MethodGet, url+"/api/status", http.StatusOK)
	var fields map[string]any
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nodes", "streams", "warnings", "positions"} {
		if list, ok := fields[name].([]any); !ok || len(list) != 0 {
			t.Errorf("%s is %v; want an empty list", name, fields[name])
		}
	}
}

func TestOnlyReading(t *testing.T) {
	get(t, http.MethodPost, start(t, source{})+"/api/status", http.StatusMethodNotAllowed)
}

func TestBrokenStoreIsIll(t *testing.T) {
	url := start(t, source{errors.New("disk gone")})
	for _, path := range []string{"/healthz", "/api/positions"} {
		if _, body := get(t, http.MethodGet, url+path, http.StatusServiceUnavailable); !strings.Contains(body, "disk gone") {
			t.Errorf("%s says %s; want the reason", path, body)
		}
	}
}

// The page asks for nothing outside, and its own policy forbids it to.
func TestPageStaysAtHome(t *testing.T) {
	url := start(t, source{})
	outside := regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]+`)
	for _, path := range []string{"/", "/page.js", "/style.css", "/icon.svg"} {
		header, body := get(t, http.MethodGet, url+path, http.StatusOK)
		if !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s has no content security policy", path)
		}
		for _, found := range outside.FindAllString(body, -1) {
			if found != "http://www.w3.org" { // SVG's name, never fetched
				t.Errorf("%s names %s", path, found)
			}
		}
	}
}
