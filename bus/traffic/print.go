package traffic

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// String is the message for a person: a line, and one more for each metric.
func (m Message) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", m.Time.Local().Format("15:04:05.000"), clean(m.Topic))
	if m.Retained {
		b.WriteString(" (retained)")
	}
	switch {
	case m.Problem != "":
		fmt.Fprintf(&b, "  ! %d bytes: %s", m.Bytes, clean(m.Problem))
	case m.Sparkplug != nil:
		m.Sparkplug.print(&b)
	case m.JSON != nil:
		m.print(&b)
	default:
		fmt.Fprintf(&b, "  %s", clean(m.Text))
	}
	return b.String()
}

// print shows JSON as it is; of several ledger records in one message each on a line.
func (m Message) print(b *strings.Builder) {
	var records []json.RawMessage
	if m.Plane != Ledger || json.Unmarshal(m.JSON, &records) != nil {
		fmt.Fprintf(b, "  %s", clean(string(m.JSON)))
		return
	}
	fmt.Fprintf(b, "  %d records", len(records))
	for _, r := range records {
		fmt.Fprintf(b, "\n    %s", clean(string(r)))
	}
}

func (s *Sparkplug) print(b *strings.Builder) {
	if s.Seq != nil {
		fmt.Fprintf(b, "  seq %d", *s.Seq)
	}
	for _, m := range s.Metrics {
		name := m.Name
		if name == "" && m.Alias != nil {
			name = fmt.Sprintf("alias %d (no birth heard)", *m.Alias)
		}
		fmt.Fprintf(b, "\n    %-26s %s", clean(name), m.text())
	}
}

func (m Metric) text() string {
	text := clean(fmt.Sprint(m.Value))
	switch v := m.Value.(type) {
	case nil:
		text = "null"
	case Table:
		text = fmt.Sprintf("%d rows of %s", v.Rows(), clean(strings.Join(v.names(), ", ")))
	}
	if m.Unit != "" && m.Unit != "1" {
		text += " " + clean(m.Unit)
	}
	if m.Historical {
		text += "  (history)"
	}
	return text
}

// clean keeps what comes from outside from steering the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
