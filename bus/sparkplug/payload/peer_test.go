package payload

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"kensa/bus/sparkplug/testpeer"
)

const peerFolder = "../testpeer"

// The peer must read in our payloads what we wrote, and we in what it writes.
func TestAnIndependentCodecAgrees(t *testing.T) {
	const n = 400
	var sent []Payload
	var encoded [][]byte
	for i := range n {
		p := payloads.Example(i)
		sent, encoded = append(sent, p), append(encoded, p.Encode())
	}
	for i, a := range testpeer.Ask(t, peerFolder, encoded) {
		if a.Error != "" {
			t.Fatalf("payload %d: %x: %s", i, encoded[i], a.Error)
		}
		if want := viewOf(sent[i]); !reflect.DeepEqual(a.View, want) {
			t.Fatalf("payload %d: %x\npeer reads %+v\nwant       %+v", i, encoded[i], a.View, want)
		}
		checkAgain(t, sent[i], a.Again)
	}
}

func checkAgain(t *testing.T, want Payload, digits string) {
	t.Helper()
	b, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatalf("the peer's %s: %v", digits, err)
	}
	if !reflect.DeepEqual(viewOf(got), viewOf(want)) {
		t.Fatalf("the peer's %s\nread as %+v\nwant    %+v", digits, got, want)
	}
}

func viewOf(p Payload) testpeer.View {
	v := testpeer.View{Timestamp: timeView(p.Timestamp), UUID: p.UUID, Body: hex.EncodeToString(p.Body), Metrics: []testpeer.Metric{}}
	if p.Seq != nil {
		v.Seq = fmt.Sprint(*p.Seq)
	}
	for _, m := range p.Metrics {
		v.Metrics = append(v.Metrics, m.view())
	}
	return v
}

func (m Metric) view() testpeer.Metric {
	v := testpeer.Metric{
		Name: m.Name, Timestamp: timeView(m.Timestamp), Type: m.Value.Type().String(), Value: valueView(m.Value),
		Historical: m.Historical, Transient: m.Transient, Description: m.Description, Properties: []testpeer.Property{},
	}
	if m.Alias != nil {
		v.Alias = fmt.Sprint(*m.Alias)
	}
	for _, p := range m.Properties {
		v.Properties = append(v.Properties, testpeer.Property{Key: p.Key(), Type: p.Value().Type().String(), Value: valueView(p.Value())})
	}
	return v
}

func timeView(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprint(t.UnixMilli())
}

func valueView(v Value) string {
	if v.IsNull() {
		return "null"
	}
	switch v.Type() {
	case TypeFloat, TypeDouble:
		f, _ := v.Float()
		if math.IsNaN(f) {
			return "NaN"
		}
		return fmt.Sprintf("%016x", math.Float64bits(f))
	case TypeDateTime:
		at, _ := v.Time()
		return timeView(at)
	case TypeBytes:
		b, _ := v.Bytes()
		return hex.EncodeToString(b)
	case TypeDataSet:
		set, _ := v.DataSet()
		return setView(set)
	}
	return v.String()
}

func setView(d *DataSet) string {
	names, types, rows := []string{}, []string{}, [][]string{}
	for _, c := range d.Columns() {
		names, types = append(names, c.Name), append(types, c.Type.String())
	}
	for i := range d.Rows() {
		row := []string{}
		for _, v := range d.Row(i) {
			row = append(row, valueView(v))
		}
		rows = append(rows, row)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode([]any{names, types, rows}); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}

// What the lock file says must be installable from any mirror.
func TestPeerLockNamesNoRegistry(t *testing.T) {
	b, err := fs.ReadFile(os.DirFS(peerFolder), "package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte(`"resolved"`)) || bytes.Contains(b, []byte("://")) {
		t.Error("package-lock.json names a registry; remake it with the folder's .npmrc")
	}
}
