package display

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestBadRequestsAreNamed(t *testing.T) {
	r := newRig(t)
	name := `{"operator":"tanaka"}`
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/api/wafers/abc", "", 400, `wafer: \"abc\"`},
		{"GET", "/api/wafers/0", "", 400, "want a number from 1"},
		{"GET", "/api/wafers/99999999999999999999", "", 400, "want a number"},
		{"GET", "/api/wafers/77", "", 404, "wafer 77: not found"},
		{"GET", "/api/wafers?limit=100000", "", 400, "limit:"},
		{"GET", "/api/wafers/1/defects/x.png", "", 400, `defect: \"x\"`},
		{"GET", "/api/wafers/1/defects/1.jpg", "", 400, "image:"},
		{"GET", "/api/live/9/defects/1.png", "", 404, "run 9"},
		{"GET", "/api/nothing", "", 404, ""},
		{"GET", "/assets/..%2fembed.go", "", 404, ""},
		{"GET", "/api/pause", "", 405, ""},
		{"POST", "/api/alarms/x/ack", name, 400, "alarm:"},
		{"POST", "/api/alarms/5/ack", name, 404, "alarm 5: not found"},
		{"POST", "/api/optics/cleaned", "{}", 400, "operator:"},
		{"POST", "/api/resume", name, 409, "refused"},
		{"POST", "/api/pause", `{"operator":"  "}`, 400, "operator:"},
		{"POST", "/api/pause", `{"operator":"` + strings.Repeat("a", 41) + `"}`, 400, "1 to 40"},
		{"POST", "/api/pause", `{"operator":"a\u0007b"}`, 400, "operator:"},
		{"POST", "/api/pause", `{"who":"a"}`, 400, "body:"},
		{"POST", "/api/pause", `{`, 400, "body:"},
		{"POST", "/api/pause", `{"operator":"` + strings.Repeat("a", 5000) + `"}`, 413, "body:"},
	} {
		status, body := r.call(c.method, c.path, c.body, "Content-Type", "application/json")
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s %s: %d %s; want %d and %q", c.method, c.path, status, body, c.status, c.says)
		}
	}
	if done := r.commands.log(); len(done) > 0 {
		t.Errorf("bad requests did %v", done)
	}
}

func TestCommandsComeFromTheDisplaysOwnPageOnly(t *testing.T) {
	r := newRig(t)
	name := `{"operator":"tanaka"}`
	for what, headers := range map[string][]string{
		"another origin":      {"Content-Type", "application/json", "Origin", "http://evil.example"},
		"another port":        {"Content-Type", "application/json", "Origin", "http://127.0.0.1:1"},
		"a sandboxed page":    {"Content-Type", "application/json", "Origin", "null"},
		"a cross-site fetch":  {"Content-Type", "application/json", "Sec-Fetch-Site", "cross-site"},
		"a form":              {"Content-Type", "text/plain"},
		"no type":             {},
		"a rebound DNS name":  {"Content-Type", "application/json", "Host", "evil.example", "Origin", "http://evil.example"},
		"a rebound same-site": {"Content-Type", "application/json", "Host", "evil.example:8080", "Sec-Fetch-Site", "same-origin"},
	} {
		if status, _ := r.call("POST", "/api/pause", name, headers...); status < 400 || status >= 500 {
			t.Errorf("%s: %d; want a refusal", what, status)
		}
	}
	if done := r.commands.log(); len(done) > 0 {
		t.Errorf("refused commands did %v", done)
	}
	if status, body := r.post("/api/pause", name); status != http.StatusNoContent {
		t.Errorf("from the page itself: %d %s", status, body)
	}
	if done := r.commands.log(); !slices.Equal(done, []string{"pause tanaka"}) {
		t.Errorf("done: %v", done)
	}
}

func TestNothingIsReadThroughAnotherName(t *testing.T) {
	r := newRig(t)
	for host, want := range map[string]int{
		"evil.example": 421, "localhost:8080": 200, "LOCALHOST": 200, "[::1]:8080": 200, "10.0.0.7": 200, "": 200,
		"127.0.0.1.evil.example": 421,
	} {
		if status, _ := r.call("GET", "/api/state", "", "Host", host); status != want {
			t.Errorf("host %q: %d; want %d", host, status, want)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/", "/assets/app.js", "/api/state", "/api/nothing", "/metrics", "/healthz"} {
		answer, err := http.Get(r.url + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		policy := answer.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
}

// FuzzOperator holds that a command's body gives a printable name or an error.
func FuzzOperator(f *testing.F) {
	for _, seed := range []string{`{"operator":"tanaka"}`, `{"operator":" 佐藤 "}`, `{"operator":""}`, `{"operator":"a\u0000"}`, `{}`, `[]`, `{"operator":1}`, `{"x":1}`, "{"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		request := httptest.NewRequest("POST", "/api/pause", bytes.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		name, err := operatorOf(httptest.NewRecorder(), request)
		if err == nil && (name == "" || len([]rune(name)) > maxOperator || strings.ContainsFunc(name, unicode.IsControl)) {
			t.Errorf("%q gives the name %q", body, name)
		}
	})
}
