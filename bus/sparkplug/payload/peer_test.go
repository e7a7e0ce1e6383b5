package payload

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"
)

const peerFolder = "../testpeer"

// The types with a view of a payload that both sides can print.
type (
	view struct {
		Timestamp string       `json:"timestamp"`
		Seq       string       `json:"seq"`
		UUID      string       `json:"uuid"`
		Body      string       `json:"body"`
		Metrics   []metricView `json:"metrics"`
	}
	metricView struct {
		Name        string         `json:"name"`
		Alias       string         `json:"alias"`
		Timestamp   string         `json:"timestamp"`
		Type        string         `json:"type"`
		Value       string         `json:"value"`
		Historical  bool           `json:"historical"`
		Transient   bool           `json:"transient"`
		Description string         `json:"description"`
		Properties  []propertyView `json:"properties"`
	}
	propertyView struct {
		Key   string `json:"key"`
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	answer struct {
		View  view   `json:"view"`
		Again string `json:"again"`
		Error string `json:"error"`
	}
)

// askPeer has the independent codec read payloads. It skips the test where node
// or the module is not installed.
func askPeer(t *testing.T, encoded [][]byte) []answer {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skipf("node is not installed; the independent decoder was not asked: %v", err)
	}
	if _, err := os.Stat(peerFolder + "/node_modules/sparkplug-payload"); err != nil {
		t.Skipf("run npm ci in bus/sparkplug/testpeer; the independent decoder was not asked: %v", err)
	}
	var lines bytes.Buffer
	for _, b := range encoded {
		fmt.Fprintf(&lines, "%x\n", b)
	}
	cmd := exec.CommandContext(t.Context(), "node", "peer.js")
	cmd.Dir, cmd.Stdin, cmd.Stderr = peerFolder, &lines, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node peer.js: %v", err)
	}
	var answers []answer
	for line := range strings.Lines(string(out)) {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(encoded) {
		t.Fatalf("%d answers to %d payloads", len(answers), len(encoded))
	}
	return answers
}

// The peer must read in our payloads what we wrote, and we in what it writes.
func TestAnIndependentCodecAgrees(t *testing.T) {
	const n = 400
	var sent []Payload
	var encoded [][]byte
	for i := range n {
		p := payloads.Example(i)
		sent, encoded = append(sent, p), append(encoded, p.Encode())
	}
	for i, a := range askPeer(t, encoded) {
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

func viewOf(p Payload) view {
	v := view{Timestamp: timeView(p.Timestamp), UUID: p.UUID, Body: hex.EncodeToString(p.Body), Metrics: []metricView{}}
	if p.Seq != nil {
		v.Seq = fmt.Sprint(*p.Seq)
	}
	for _, m := range p.Metrics {
		v.Metrics = append(v.Metrics, m.view())
	}
	return v
}

func (m Metric) view() metricView {
	v := metricView{
		Name: m.Name, Timestamp: timeView(m.Timestamp), Type: m.Value.Type().String(), Value: valueView(m.Value),
		Historical: m.Historical, Transient: m.Transient, Description: m.Description, Properties: []propertyView{},
	}
	if m.Alias != nil {
		v.Alias = fmt.Sprint(*m.Alias)
	}
	for _, p := range m.Properties {
		v.Properties = append(v.Properties, propertyView{p.Key(), p.Value().Type().String(), valueView(p.Value())})
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
