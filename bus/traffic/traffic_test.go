package traffic_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode"

	"kensa/bus/sparkplug/payload"
	"kensa/bus/traffic"
)

var at = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func encoded(metrics ...payload.Metric) []byte {
	return payload.Payload{Timestamp: at, Seq: new(uint8(3)), Metrics: metrics}.Encode()
}

func TestAliasesAndTypesComeFromBirths(t *testing.T) {
	d := traffic.NewDecoder()
	data := encoded(payload.Metric{Alias: new(uint64(7)), Value: payload.UInt32(5).Untyped(), Historical: true})
	before := d.Decode(at, "spBv1.0/g/DDATA/n/d", false, data)
	if m := before.Sparkplug.Metrics[0]; m.Name != "" || *m.Alias != 7 || !strings.Contains(before.String(), "alias 7 (no birth heard)") {
		t.Errorf("before the birth: %+v\n%s", m, before)
	}
	d.Decode(at, "spBv1.0/g/DBIRTH/n/d", false, encoded(payload.Metric{Name: "Slot", Alias: new(uint64(7)), Value: payload.Null(payload.TypeUInt32)}))
	after := d.Decode(at, "spBv1.0/g/DDATA/n/d", false, data)
	if m := after.Sparkplug.Metrics[0]; m.Name != "Slot" || m.Type != "UInt32" || m.Value != uint64(5) || !m.Historical {
		t.Errorf("after the birth: %+v", m)
	}
	if other := d.Decode(at, "spBv1.0/g/DDATA/other/d", false, data); other.Sparkplug.Metrics[0].Name != "" {
		t.Error("another node's alias was taken for this one's")
	}
	d.Decode(at, "spBv1.0/g/NBIRTH/n", false, encoded())
	if again := d.Decode(at, "spBv1.0/g/DDATA/n/d", false, data); again.Sparkplug.Metrics[0].Name != "" {
		t.Error("a new birth did not forget the old one")
	}
}

func TestEveryKindOfMessageIsShown(t *testing.T) {
	for _, c := range []struct {
		topic, content string
		plane          traffic.Plane
		shown          string
	}{
		{"spBv1.0/STATE/mes", `{"online":true,"timestamp":1}`, traffic.MES, `{"online":true,"timestamp":1}`},
		{"STATE/mes", "ONLINE", traffic.MES, "ONLINE"},
		{"spBv1.0/g/DDATA/n/d", "\xff", traffic.MES, "!"},
		{"spBv1.0/g", "", traffic.MES, "no Sparkplug topic"},
		{"kensa/v1/ack/35/n", `{"seq":1}`, traffic.Ledger, `{"seq":1}`},
		{"kensa/v1/ack/35/n", strings.Repeat("\xfe", 300), traffic.Ledger, "neither JSON nor a short text"},
		{"kensa/v1/yield/35/n", `[{"seq":1},{"seq":2}]`, traffic.Ledger, "  2 records\n    {\"seq\":1}\n    {\"seq\":2}"},
		{"fab/line/tool", "{}", traffic.Unified, "{}"},
		{"fab/\x1b[2J", "\x1b[31m", traffic.Unified, "\uFFFD[31m"},
	} {
		m := traffic.NewDecoder().Decode(at, c.topic, true, []byte(c.content))
		if m.Plane != c.plane || !strings.Contains(m.String(), c.shown) || strings.Contains(m.String(), "\x1b") {
			t.Errorf("%s: plane %s\n%q", c.topic, m.Plane, m)
		}
	}
}

func TestEveryValueHasJSON(t *testing.T) {
	set, err := payload.NewDataSet(payload.Column{Name: "bin", Type: payload.TypeUInt32})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.AddRow(payload.UInt32(4)); err != nil {
		t.Fatal(err)
	}
	for want, v := range map[string]payload.Value{
		"null": payload.Null(payload.TypeDouble), "-3": payload.Int8(-3), "18446744073709551615": payload.UInt64(math.MaxUint64),
		`"NaN"`: payload.Double(math.NaN()), "true": payload.Boolean(true), `"a"`: payload.String("a"),
		`"2026-03-01T08:00:00.000Z"`: payload.DateTime(at), `{"columns":["bin"],"rows":[[4]]}`: set.Value(),
	} {
		m := traffic.NewDecoder().Decode(at, "spBv1.0/g/NDATA/n", false, encoded(payload.Metric{Name: "x", Value: v}))
		got, err := json.Marshal(m.Sparkplug.Metrics[0].Value)
		if err != nil || string(got) != want {
			t.Errorf("%v: %s, %v; want %s", v, got, err, want)
		}
	}
}

// Whatever comes, it has JSON and a clean text.
func FuzzDecode(f *testing.F) {
	f.Add("spBv1.0/g/DBIRTH/n/d", encoded(payload.Metric{Name: "a", Alias: new(uint64(1)), Value: payload.Double(1)}))
	f.Add("STATE", []byte{})
	f.Add("kensa/v1/ack/00/n", []byte("{}"))
	f.Fuzz(func(t *testing.T, topic string, content []byte) {
		d := traffic.NewDecoder()
		for range 2 {
			m := d.Decode(at, topic, false, content)
			if _, err := json.Marshal(m); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsFunc(strings.ReplaceAll(m.String(), "\n", ""), unicode.IsControl) {
				t.Fatalf("%q", m)
			}
		}
	})
}
