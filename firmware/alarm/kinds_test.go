package alarm

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// shipped pins every number that left the house to what it means. A line may be
// added; none may change or go, even when the kind does.
var shipped = map[ID]string{
	101: "Field trigger missed",
	102: "Field trigger doubled",
	103: "Camera frame missing",
	104: "Camera frame late",
	105: "Camera frame without trigger",
	106: "Frame queue full, tool held",
	107: "Wafer not fully inspected",
	108: "Field trigger without a wafer",
	109: "Count of fields does not fit the recipe",
	110: "Line to the tool failed",
	111: "Wafer without identity",
	201: "Camera not responding",
	202: "Light has drifted",
	203: "Frame unreadable or of wrong format",
	204: "Dust on the optics",
	205: "Camera restarted by itself",
	206: "Exposure withheld",
	207: "Light cannot be set",
	208: "Wafer turned against the camera",
	209: "Dust on the optics or repeating defect",
	210: "Calibration expired",
	211: "Pixel size not as calibrated",
	212: "Strobe was on for too long",
	301: "Many dies not registered",
	302: "Yield below limit",
	303: "Recipe cannot be used",
	401: "Message broker unreachable",
	402: "Ledger backlog near its limit",
	403: "Primary host offline",
	404: "Appliance's name used twice on broker",
	405: "Host message refused",
	406: "MES backlog grows",
	407: "Warning service's key not trusted",
	408: "Ledger records gone unacknowledged",
	409: "Database older than its ledger",
	410: "Outbox row unreadable, set aside",
	411: "Outbox cannot be read",
	412: "Certificate ends soon",
	501: "Disk nearly full",
	502: "Result not stored, wafer held",
	503: "Clock not synchronised",
	504: "Environment sensor not answering",
	505: "Tower lamp cannot be driven",
	506: "Host command done, not written down",
	507: "Surroundings out of limits",
	508: "Clock was set back",
}

func TestNumbersKeepTheirMeaning(t *testing.T) {
	seen := map[ID]bool{}
	for _, k := range Kinds() {
		if seen[k.ID] {
			t.Errorf("ALID %d is given twice", k.ID)
		}
		seen[k.ID] = true
		if want, ok := shipped[k.ID]; !ok {
			t.Errorf("ALID %d %q is not in the list of shipped numbers", k.ID, k.Text)
		} else if k.Text != want {
			t.Errorf("ALID %d means %q; was shipped as %q", k.ID, k.Text, want)
		}
	}
}

func TestKindsAreFitForOperators(t *testing.T) {
	for _, k := range Kinds() {
		switch {
		case utf8.RuneCountInString(k.Text) > 40 || len(k.Text) > 40:
			t.Errorf("%d: text %q is longer than E5's 40 characters", k.ID, k.Text)
		case k.Text == "" || strings.TrimSpace(k.Text) != k.Text:
			t.Errorf("%d: text %q", k.ID, k.Text)
		case !strings.HasSuffix(k.Remedy, "."):
			t.Errorf("%d: remedy %q is no sentence", k.ID, k.Remedy)
		case k.Category < 1 || k.Category > 8:
			t.Errorf("%d: category %d; E5 has 1 to 8", k.ID, k.Category)
		case k.Severity < Notice || k.Severity > Fault || k.Severity.String() == "unknown":
			t.Errorf("%d: severity %d", k.ID, k.Severity)
		}
		if found, ok := ByID(k.ID); !ok || found != k {
			t.Errorf("ByID(%d) = %v, %v", k.ID, found, ok)
		}
	}
	if _, ok := ByID(-1); ok {
		t.Error("ByID(-1) found a kind")
	}
}
