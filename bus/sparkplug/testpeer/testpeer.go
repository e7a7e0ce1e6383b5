// Package testpeer asks an independent Sparkplug B codec, the npm package
// sparkplug-payload, what it reads in payloads. It serves tests alone.
//
// The package is installed beside this file with npm ci.
package testpeer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Answer is what the peer says of one payload.
type Answer struct {
	View  View   `json:"view"`
	Again string `json:"again"` // the payload as the peer writes it, hexadecimal
	Error string `json:"error"` // why it could not read it
}

// View is a payload as the peer reads it, with numbers and times (in ms) as
// decimal strings, floating point numbers and bytes as hexadecimal ones, and
// what is missing empty.
type View struct {
	Timestamp string   `json:"timestamp"`
	Seq       string   `json:"seq"`
	UUID      string   `json:"uuid"`
	Body      string   `json:"body"`
	Metrics   []Metric `json:"metrics"`
}

// Metric is a metric as the peer reads it.
type Metric struct {
	Name        string     `json:"name"`
	Alias       string     `json:"alias"`
	Timestamp   string     `json:"timestamp"`
	Type        string     `json:"type"`
	Value       string     `json:"value"`
	Historical  bool       `json:"historical"`
	Transient   bool       `json:"transient"`
	Description string     `json:"description"`
	Properties  []Property `json:"properties"`
}

// Property is a metric's property as the peer reads it.
type Property struct {
	Key   string `json:"key"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Ask has the peer read payloads. folder is this package's. The test is skipped
// where node or the npm package is not installed.
func Ask(t *testing.T, folder string, encoded [][]byte) []Answer {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skipf("node is not installed; the independent decoder was not asked: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "sparkplug-payload")); err != nil {
		t.Skipf("run npm ci in bus/sparkplug/testpeer; the independent decoder was not asked: %v", err)
	}
	var lines bytes.Buffer
	for _, b := range encoded {
		fmt.Fprintf(&lines, "%x\n", b)
	}
	cmd := exec.CommandContext(t.Context(), "node", "peer.js")
	cmd.Dir, cmd.Stdin, cmd.Stderr = folder, &lines, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node peer.js: %v", err)
	}
	return read(t, string(out), len(encoded))
}

func read(t *testing.T, lines string, want int) []Answer {
	t.Helper()
	var answers []Answer
	for line := range strings.Lines(lines) {
		var a Answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		answers = append(answers, a)
	}
	if len(answers) != want {
		t.Fatalf("the peer gave %d answers to %d payloads", len(answers), want)
	}
	return answers
}
