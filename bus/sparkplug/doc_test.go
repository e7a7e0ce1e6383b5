package sparkplug

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestTheDocumentationListsEveryMetric(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]string
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.Fields(strings.TrimPrefix(line, "//")))
	}
	for _, m := range Fab() {
		want := []string{m.Name, m.Type.String()}
		if m.Unit != "" {
			want = append(want, m.Unit)
		}
		found := slices.ContainsFunc(lines, func(words []string) bool {
			return len(words) >= len(want) && slices.Equal(want[:2], words[:2]) && (m.Unit == "" || strings.Trim(words[2], ",;") == m.Unit)
		})
		if !found {
			t.Errorf("doc.go does not list %v", want)
		}
	}
}
