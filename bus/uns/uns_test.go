package uns_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kensa/bus/broker"
	"kensa/bus/session"
	"kensa/bus/sparkplug/payload"
	"kensa/bus/uns"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

var names = uns.Names{Enterprise: "acme", Site: "fab-2", Area: "litho", Line: "inspection", Cell: "kensa-1"}

func line(t *testing.T, url, id string) *session.Session {
	t.Helper()
	c := session.Default()
	c.Brokers, c.ClientID, c.ReconnectMin = []string{url}, id, time.Millisecond
	s, err := session.New(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mirror(t *testing.T, url string) *uns.Mirror {
	t.Helper()
	m, err := uns.New(names, map[string]string{"Wafer/DefectDensity": "1/cm²"}, line(t, url, "mirror"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	m.Start(t.Context())
	return m
}

// reader hears the namespace as a program does that comes at any time.
type reader struct {
	t        *testing.T
	messages chan session.Message
}

func read(t *testing.T, url, id string) *reader {
	t.Helper()
	r, s := &reader{t, make(chan session.Message, 1000)}, line(t, url, id)
	if err := s.Subscribe(t.Context(), "acme/#", 1, func(m session.Message) { r.messages <- m }); err != nil {
		t.Fatal(err)
	}
	s.Start(t.Context())
	t.Cleanup(s.Close)
	return r
}

// until waits for a value under a name.
func (r *reader) until(name string, want any) uns.Sample {
	r.t.Helper()
	for {
		select {
		case m := <-r.messages:
			var s uns.Sample
			if err := json.Unmarshal(m.Payload, &s); err != nil {
				r.t.Fatalf("%s: %s: %v", m.Topic, m.Payload, err)
			}
			if m.Topic == "acme/fab-2/litho/inspection/kensa-1/"+name && s.Value == want {
				return s
			}
		case <-time.After(patience):
			r.t.Fatalf("%s = %v did not come", name, want)
		}
	}
}

func TestValuesAreMirrored(t *testing.T) {
	b, err := broker.Start("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	m := mirror(t, b.URL())
	r := read(t, b.URL(), "early")
	r.until("Status", "online")
	at := time.Date(2026, 3, 1, 8, 0, 0, 123456789, time.UTC)
	m.Update(map[string]payload.Value{
		"Wafer/DefectDensity": payload.Double(0.25), "Wafer/Yield": payload.Null(payload.TypeDouble), "Equipment/State": payload.String("STANDBY"),
	}, at)
	for range 3 { // in any order
		late := read(t, b.URL(), "late")
		if s := late.until("Wafer/DefectDensity", 0.25); s.Unit != "1/cm²" || s.Quality != "good" || !s.Timestamp.Equal(at.Truncate(time.Millisecond)) {
			t.Errorf("density: %+v", s)
		}
	}
	if s := read(t, b.URL(), "null").until("Wafer/Yield", nil); s.Quality != "bad" {
		t.Errorf("no value: %+v", s)
	}
	m.Close()
	r.until("Status", "offline")
}

// What was told before the connection was there is told with it.
func TestAllIsToldAnewWithEachConnection(t *testing.T) {
	b, err := broker.Start("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	address := b.Addr().String()
	m := mirror(t, b.URL())
	defer m.Close()
	m.Update(map[string]payload.Value{"Material/Slot": payload.UInt32(3)}, time.Now())
	read(t, b.URL(), "a").until("Material/Slot", 3.0)
	if err := b.Close(); err != nil { // it forgets what was retained
		t.Fatal(err)
	}
	m.Update(map[string]payload.Value{"Material/Slot": payload.UInt32(4)}, time.Now())
	if b, err = broker.Start(address, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	read(t, b.URL(), "b").until("Material/Slot", 4.0)
}

func TestNamesThatCannotStandInATopicAreRefused(t *testing.T) {
	if err := names.Check(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "a/b", "+", "#", strings.Repeat("x", 65), "spBv1.0", "kensa", "$SYS"} {
		n := names
		n.Enterprise = bad
		if err := n.Check(); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
