package ledger

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is packed is unpacked to the same, whatever the sizes, and keeps the limits.
func TestParcels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, maxParcel).Draw(t, "most")
		var entries []Entry
		for _, size := range rapid.SliceOfN(rapid.IntRange(2, 3000), 1, 150).Draw(t, "sizes") {
			entries = append(entries, Entry{Envelope: []byte("{" + strings.Repeat(" ", size-2) + "}")})
		}
		payload, n := pack(entries, most)
		if n < 1 || n > maxParcelRecords || n > 1 && len(payload) > most {
			t.Fatalf("%d records in %d bytes; want at most %d", n, len(payload), most)
		}
		if n < len(entries) && n < maxParcelRecords && n > 1 && len(payload)+1+len(entries[n].Envelope) <= most {
			t.Fatalf("room for one more after %d records in %d of %d bytes", n, len(payload), most)
		}
		envelopes, err := unpack(payload)
		if err != nil || len(envelopes) != n {
			t.Fatalf("%d envelopes, %v; want %d", len(envelopes), err, n)
		}
		for k, e := range envelopes {
			if !bytes.Equal(e, entries[k].Envelope) {
				t.Fatalf("envelope %d is %q", k, e)
			}
		}
	})
}

func TestBadParcels(t *testing.T) {
	for name, payload := range map[string]string{
		"empty":           "[]",
		"cut":             `[{},{}`,
		"followed":        `[{}] {}`,
		"too many":        "[" + strings.Repeat("{},", maxParcelRecords) + "{}]",
		"too long":        "[" + strings.Repeat(" ", maxParcel) + "{}]",
		"no UTF-8":        "[\"\xff\"]",
		"too long, alone": strings.Repeat(" ", maxParcel) + "{}",
	} {
		if _, err := unpack([]byte(payload)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v; want it refused", name, err)
		}
	}
}

func FuzzParcel(f *testing.F) {
	f.Add([]byte(`[{"body":{},"signature":""},{}]`))
	f.Add([]byte(` [ [ ] , null ]`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		envelopes, err := unpack(payload)
		total := 0
		for _, e := range envelopes {
			total += len(e)
		}
		if err == nil && (len(envelopes) == 0 || len(envelopes) > maxParcelRecords || total > len(payload)) {
			t.Errorf("%d envelopes of %d bytes from %d", len(envelopes), total, len(payload))
		}
	})
}
