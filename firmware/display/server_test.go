package display

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"kensa/firmware/display/web"
)

// call makes a request and returns its status and body. Headers are given as
// name, value; "Host" sets the request's host.
func (r *rig) call(method, path, body string, headers ...string) (int, string) {
	r.t.Helper()
	request, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for n := 0; n < len(headers); n += 2 {
		request.Header.Set(headers[n], headers[n+1])
		if headers[n] == "Host" {
			request.Host = headers[n+1]
		}
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer.StatusCode, string(data)
}

// post sends a command as the page does.
func (r *rig) post(path, body string, headers ...string) (int, string) {
	r.t.Helper()
	return r.call("POST", path, body, append([]string{"Content-Type", "application/json", "Origin", r.url}, headers...)...)
}

// follow opens the event stream; next reads one event, heartbeats left out.
func (r *rig) follow(ctx context.Context) (next func() (name, data string)) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(ctx, "GET", r.url+"/api/events", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { answer.Body.Close() })
	lines := bufio.NewReader(answer.Body)
	return func() (name, data string) {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return "end", err.Error()
			}
			name, isName := strings.CutPrefix(strings.TrimSpace(line), "event: ")
			if !isName || name == "heartbeat" {
				continue
			}
			data, err := lines.ReadString('\n')
			if err != nil {
				return "end", err.Error()
			}
			return name, strings.TrimPrefix(strings.TrimSpace(data), "data: ")
		}
	}
}

func TestEventsBeginWithTheStateAndGoOnWithChanges(t *testing.T) {
	r := newRig(t)
	r.startWafer()
	next := r.follow(t.Context())
	name, data := next()
	var state State
	if err := json.Unmarshal([]byte(data), &state); name != "state" || err != nil || state.Run == nil {
		t.Fatalf("first event %s, %v; want the state with its run", name, err)
	}
	r.field(0, false)
	r.raise(missedPulse())
	for _, want := range []string{"field", "alarm"} {
		if name, data := next(); name != want || !json.Valid([]byte(data)) {
			t.Errorf("event %s; want %s", name, want)
		}
	}
}

func TestTheHeartBeatsOnAQuietDisplay(t *testing.T) {
	r := newRig(t)
	answer, err := http.Get(r.url + "/api/events")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for beats := 0; beats < 2; {
		if !lines.Scan() {
			t.Fatal("stream ended:", lines.Err())
		}
		if lines.Text() == "event: heartbeat" {
			beats++
		}
	}
}

func TestAScreenThatLagsIsDropped(t *testing.T) {
	b := NewBoard(State{})
	_, lagging, cancel, err := b.subscribe()
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	for range queueLength + 1 {
		if err := b.Apply(StatusChanged{}); err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	for range lagging { // ends only because the board closed it
		got++
	}
	if got != queueLength {
		t.Errorf("%d events before the end; want %d", got, queueLength)
	}
}

func TestAScreenThatDoesNotReadIsDropped(t *testing.T) {
	r := newRig(t)
	answer, err := http.Get(r.url + "/api/events")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	connected := func() int {
		r.board.mu.Lock()
		defer r.board.mu.Unlock()
		return len(r.board.screens)
	}
	if connected() != 1 {
		t.Fatal("the screen is not connected")
	}
	for long := strings.Repeat("x", 1<<16); connected() > 0; { // until the network's buffers and the queue are full
		r.apply(StatusChanged{Status{Tool: long}})
	}
}

func TestTooManyScreensAreRefused(t *testing.T) {
	r := newRig(t)
	for range maxScreens {
		_, _, cancel, err := r.board.subscribe()
		if err != nil {
			t.Fatal(err)
		}
		defer cancel()
	}
	if status, body := r.call("GET", "/api/events", ""); status != http.StatusServiceUnavailable {
		t.Errorf("one screen too many: %d %s", status, body)
	}
}

func TestCloseEndsTheStreams(t *testing.T) {
	board := NewBoard(State{})
	server, err := New(Options{Board: board, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Start(l)
	r := &rig{story: &story{t: t, board: board}, url: "http://" + l.Addr().String()}
	next := r.follow(t.Context())
	next()
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if name, _ := next(); name != "end" {
		t.Errorf("after Close came event %s", name)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestRecordedWafers(t *testing.T) {
	r := newRig(t)
	for id := int64(1); id <= 3; id++ {
		r.record(id)
	}
	status, body := r.call("GET", "/api/wafers?limit=2", "")
	var list []WaferSummary
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != 200 || len(list) != 2 || list[0].ID != 3 {
		t.Errorf("two wafers: %d %v, %d of them", status, err, len(list))
	}
	status, body = r.call("GET", "/api/wafers/2", "")
	var w Wafer
	if err := json.Unmarshal([]byte(body), &w); err != nil || status != 200 || len(w.Bins) != len(r.plan.Dies) {
		t.Errorf("wafer 2: %d %v, %d bins", status, err, len(w.Bins))
	}
	if status, body = r.call("GET", "/api/wafers/2/defects/1.png", ""); status != 200 || !strings.HasPrefix(body, "\x89PNG") {
		t.Errorf("image: %d", status)
	}
	if status, body = r.call("GET", "/api/live/3/defects/1.png", ""); status != 200 || !strings.HasPrefix(body, "\x89PNG") {
		t.Errorf("live image: %d", status)
	}
}

func TestAcknowledgeReachesTheScreens(t *testing.T) {
	r := newRig(t)
	r.raise(missedPulse())
	next := r.follow(t.Context())
	next()
	if status, body := r.post("/api/alarms/12/ack", `{"operator":"佐藤"}`); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, body)
	}
	name, data := next()
	var a Alarm
	if err := json.Unmarshal([]byte(data), &a); name != "alarm" || err != nil || a.AckBy != "佐藤" {
		t.Errorf("event %s %s, %v", name, data, err)
	}
}

func TestMetricsCountWhatHappens(t *testing.T) {
	r := newRig(t)
	w := r.wafer(1, 3)
	r.raise(missedPulse())
	a := missedPulse()
	a.AckBy = "tanaka"
	r.apply(AlarmSet{a})
	_, body := r.call("GET", "/metrics", "")
	for _, want := range []string{
		`kensa_wafers_total{verdict="incomplete"} 1`,
		`kensa_fields_total{result="not_inspected"} 1`,
		`kensa_alarms_total{alid="12"} 1`,
		`kensa_alarm_set{alid="12"} 1`,
		`kensa_inspect_seconds_count ` + strconv.Itoa(len(r.plan.Fields)-1),
		`kensa_dies_total{bin="1"} ` + strconv.Itoa(w.Summary.Good),
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestATakenPortIsNamed(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err = Listen(l.Addr().String()); err == nil || !strings.Contains(err.Error(), l.Addr().String()+" is taken") {
		t.Errorf("error: %v", err)
	}
	if _, err = Listen("nonsense"); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("error: %v", err)
	}
}

func TestServingThatFailsIsToldAtClose(t *testing.T) {
	server, err := New(Options{Board: NewBoard(State{}), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	server.Start(l)
	<-server.served
	for range 2 { // Close may be called again
		if server.Close() == nil {
			t.Error("Close hides why serving ended")
		}
	}
}

func TestThePageSaysWhenItIsNotBuilt(t *testing.T) {
	r := newRig(t)
	_, err := web.Files().Open("index.html")
	status, body := r.call("GET", "/", "")
	if built := err == nil; built && status != 200 || !built && (status != 503 || !strings.Contains(body, "make build")) {
		t.Errorf("built %v: %d %.80s", built, status, body)
	}
}

func TestReadinessIsTheAppliances(t *testing.T) {
	r := newRig(t)
	if status, body := r.call("GET", "/readyz", ""); status != http.StatusOK || !strings.Contains(body, `"wrong":[]`) {
		t.Errorf("nothing to judge: %d %s", status, body)
	}
	r.server.Health = func(context.Context) Health {
		return Health{Version: "1.2", Wrong: []string{"the camera does not answer"}}
	}
	status, body := r.call("GET", "/readyz", "")
	if status != http.StatusServiceUnavailable || body != `{"version":"1.2","wrong":["the camera does not answer"]}`+"\n" {
		t.Errorf("%d %s; want 503 and the version with what is wrong: older versions ask for just that", status, body)
	}
}

func TestScreensAreRememberedByName(t *testing.T) {
	r := newRig(t)
	if status, _ := r.call("GET", "/api/screens/one", ""); status != http.StatusNotFound {
		t.Errorf("a screen that never called: %d", status)
	}
	for range 3 {
		if status, body := r.post("/api/screens/one", ""); status != http.StatusNoContent {
			t.Fatalf("%d %s", status, body)
		}
	}
	var s Screen
	status, body := r.call("GET", "/api/screens/one", "")
	if err := json.Unmarshal([]byte(body), &s); err != nil || status != http.StatusOK || s.Beats != 3 || s.Age < 0 {
		t.Errorf("%d %s, %v; want 3 beats", status, body, err)
	}
	if status, _ := r.post("/api/screens/"+strings.Repeat("x", maxScreenName+1), ""); status != http.StatusBadRequest {
		t.Errorf("a long name: %d", status)
	}
	if status, _ := r.post("/api/screens/one", "", "Origin", "http://elsewhere.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("a page from elsewhere: %d", status)
	}
	for n := range maxNamed {
		r.post("/api/screens/"+strconv.Itoa(n), "")
	}
	if status, _ := r.call("GET", "/api/screens/one", ""); status != http.StatusNotFound {
		t.Errorf("the most silent of too many is still remembered: %d", status)
	}
}
