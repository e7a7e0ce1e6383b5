package alarm_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"kensa/firmware/alarm"
)

// TestManualListsEveryAlarm keeps the operator's manual equal to the table.
func TestManualListsEveryAlarm(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operator.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range alarm.Kinds() {
		row := fmt.Sprintf("| %d | %s | %s |", k.ID, k.Text, k.Remedy)
		if !strings.Contains(string(manual), row) {
			t.Errorf("docs/operator.md lacks the row\n%s", row)
		}
	}
}
