package ledger_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
)

// object is as much of JSON Schema as schema.json uses for an object.
type object struct {
	Required   []string            `json:"required"`
	Properties map[string]property `json:"properties"`
}

type property struct {
	Const   any      `json:"const"`
	Enum    []any    `json:"enum"`
	Type    any      `json:"type"`
	Pattern string   `json:"pattern"`
	Minimum *float64 `json:"minimum"`
	Maximum *float64 `json:"maximum"`
}

// What is sent must match the published schema, field by field.
func TestMessagesMatchTheSchema(t *testing.T) {
	text, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	i := identity(t, "node-1")
	var envelope ledger.Envelope
	sent := seal(t, i, fullRecord(), 3)
	var detail struct {
		Detail json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(sent, &envelope); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(envelope.Body, &detail); err != nil {
		t.Fatal(err)
	}
	messages := map[string]any{
		"envelope": json.RawMessage(sent), "record": envelope.Body, "detail": detail.Detail,
		"void":    ledger.Void{Schema: ledger.VoidSchema, Node: "node-1", Epoch: ledgertest.EpochA, Seq: 4, Reason: ledger.Missing},
		"horizon": ledger.Horizon{Schema: ledger.HorizonSchema, Node: "node-1", Epoch: ledgertest.EpochA, First: 4},
		"ack":     ledger.Ack{Schema: ledger.AckSchema, Node: "node-1", Epoch: ledgertest.EpochA},
		"replay":  ledger.Replay{Schema: ledger.ReplaySchema, Node: "node-1", Epoch: ledgertest.EpochA, From: 1},
		"word":    json.RawMessage(word(t, service(t), ledgertest.EpochA, 3)),
	}
	if len(messages) != len(schema.Defs) {
		t.Errorf("the schema has %d messages; want %d", len(schema.Defs), len(messages))
	}
	for name, m := range messages {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range schema.Defs[name].violations(text) {
			t.Errorf("%s: %s: %s", name, problem, text)
		}
	}
}

// The check itself must see what is wrong.
func TestSchemaCheckSeesViolations(t *testing.T) {
	least := 1.0
	o := object{[]string{"a", "b"}, map[string]property{"a": {Type: "integer", Minimum: &least}, "b": {Type: "string", Pattern: "^x$"}}}
	for text, want := range map[string]int{`{"a":1,"b":"x"}`: 0, `{"a":0,"b":"y"}`: 2, `{"a":1}`: 1, `{"a":1,"b":"x","c":1}`: 1, `{"a":"1","b":2}`: 2} {
		if got := o.violations([]byte(text)); len(got) != want {
			t.Errorf("%s: %q; want %d violations", text, got, want)
		}
	}
}

func (o object) violations(text []byte) (found []string) {
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return []string{err.Error()}
	}
	for _, name := range o.Required {
		if _, ok := fields[name]; !ok {
			found = append(found, name+" is missing")
		}
	}
	for name, value := range fields {
		p, ok := o.Properties[name]
		if !ok {
			found = append(found, name+" is not in the schema")
		} else if !p.allows(value) {
			found = append(found, fmt.Sprintf("%s is %v", name, value))
		}
	}
	return found
}

func (p property) allows(value any) bool {
	if p.Const != nil && value != p.Const || p.Enum != nil && !slices.Contains(p.Enum, value) {
		return false
	}
	types, ok := p.Type.([]any)
	if !ok && p.Type != nil {
		types = []any{p.Type}
	}
	if types != nil && !slices.ContainsFunc(types, func(t any) bool { return is(value, t) }) {
		return false
	}
	if s, ok := value.(string); ok && p.Pattern != "" && !regexp.MustCompile(p.Pattern).MatchString(s) {
		return false
	}
	n, ok := value.(float64)
	return !ok || (p.Minimum == nil || n >= *p.Minimum) && (p.Maximum == nil || n <= *p.Maximum)
}

func is(value, kind any) bool {
	switch v := value.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case float64:
		return kind == "number" || kind == "integer" && v == float64(int64(v))
	case map[string]any:
		return kind == "object"
	}
	return false
}
