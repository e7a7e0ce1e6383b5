package sparkplug

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"kensa/bus/session"
	"kensa/bus/sparkplug/payload"
)

// Whatever comes as a command of the device: it is refused with a reason, or
// every text of it is short and clean, and it has a name and an id.
func FuzzDeviceCommand(f *testing.F) {
	board, err := newBoard(Fab())
	if err != nil {
		f.Fatal(err)
	}
	seed := payload.Payload{Metrics: CommandMetrics(Command{ID: "a", Name: "PP-SELECT", Host: "h", Recipe: "r", RecipeVersion: "1", Substrate: "s", ALID: 7})}
	f.Add(seed.Encode())
	seed.Metrics[0].Name, seed.Metrics[0].Alias = "", new(uint64(3))
	f.Add(seed.Encode())
	f.Add([]byte{0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := board.command(session.Message{Payload: b})
		if err != nil {
			return
		}
		if c.ID == "" || c.Name == "" || c.ALID < 0 {
			t.Fatalf("taken: %+v", c)
		}
		for _, text := range []string{c.ID, c.Name, c.Host, c.Recipe, c.RecipeVersion, c.Substrate} {
			if len(text) > maxText || strings.ContainsFunc(text, unicode.IsControl) {
				t.Fatalf("taken: %q", text)
			}
		}
		again, err := board.command(session.Message{Payload: payload.Payload{Metrics: CommandMetrics(c)}.Encode()})
		if err != nil || again != c {
			t.Fatalf("%+v was read again as %+v: %v", c, again, err)
		}
	})
}

// A command's metric is of the type that its birth declares, or of none.
func TestCommandsHaveTheTypesOfTheirBirths(t *testing.T) {
	board, err := newBoard(Fab())
	if err != nil {
		t.Fatal(err)
	}
	set, err := payload.NewDataSet(payload.Column{Name: "a", Type: payload.TypeString})
	if err != nil {
		t.Fatal(err)
	}
	values := []payload.Value{
		payload.Int8(1), payload.Int16(1), payload.Int32(1), payload.Int64(1), payload.UInt8(1), payload.UInt16(1), payload.UInt32(1), payload.UInt64(1),
		payload.Float(1), payload.Double(1), payload.Boolean(true), payload.String("1"), payload.DateTime(time.Now()), payload.Text("1"),
		payload.UUID([16]byte{1}), payload.Bytes([]byte("1")), set.Value(),
	}
	for _, metric := range commandMetrics() {
		if !isOrder(metric.Name) {
			continue
		}
		for _, v := range values {
			metrics := []payload.Metric{{Name: metric.Name, Value: v}}
			for name, text := range map[string]string{CommandName: "STOP", CommandID: "x"} {
				if name != metric.Name {
					metrics = append(metrics, payload.Metric{Name: name, Value: payload.String(text)})
				}
			}
			c, err := board.command(session.Message{Payload: payload.Payload{Metrics: metrics}.Encode()})
			if taken := err == nil; taken != (v.Type() == metric.Type) {
				t.Errorf("%s as %v: %+v, %v", metric.Name, v.Type(), c, err)
			}
		}
	}
}

func FuzzHostState(f *testing.F) {
	for _, text := range []string{`{"online":true,"timestamp":1}`, `{"online":false,"timestamp":0,"x":[]}`, "ONLINE", "OFFLINE\n", "[]", ""} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, stamp, err := readState(b); err == nil && (stamp < 0 || !strings.Contains(string(b), "{")) {
			t.Fatalf("%q was read with the time %d", b, stamp)
		}
		if online, _, err := readLegacyState(b); err == nil && online != (strings.TrimSpace(string(b)) == "ONLINE") {
			t.Fatalf("%q was read as online %v", b, online)
		}
	})
}
