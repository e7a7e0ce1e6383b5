package uns

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"kensa/bus/sparkplug/payload"
	"kensa/bus/traffic"
)

// However a sample is written, it says what the package json would.
func TestSampleText(t *testing.T) {
	set, err := payload.NewDataSet(payload.Column{Name: "X", Type: payload.TypeInt32}, payload.Column{Name: "<name>", Type: payload.TypeString})
	if err == nil {
		err = set.AddRow(payload.Int32(-3), payload.String("\"&\u2028"))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []any{nil, 0.25, "a<b", true, traffic.Table{DataSet: set}} {
		s := Sample{Value: value, Timestamp: time.UnixMilli(1_800_000_000_123).UTC(), Quality: "good", Unit: "1/cm²"}
		text, err := s.text()
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := decoded(t, text), decoded(t, want); !reflect.DeepEqual(got, want) {
			t.Errorf("%s; want %v", text, want)
		}
	}
}

func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
