package ledger_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
)

func identity(t testing.TB, node string) *ledger.Identity {
	t.Helper()
	i, err := ledger.OpenIdentity(t.TempDir(), node)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func seal(t testing.TB, i *ledger.Identity, r ledger.Record, seq uint64) []byte {
	t.Helper()
	envelope, err := i.Seal(r, ledgertest.EpochA, seq)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

func fullRecord() ledger.Record {
	r := ledgertest.Record()
	yield, density := 0.9, 0.25
	r.Disclosure = ledger.Full
	r.Detail = &ledger.Detail{
		Lot: "L<1>&\u2028", Substrate: "検査", Recipe: "r", Dies: 110, Inspected: 100, Good: 90,
		Yield: &yield, Density: &density, Bins: map[string]int{"1": 90, "5": 10}, Calibration: "5x/0007 281cefdd7e832cf3",
	}
	return r
}

func TestSealedRecordsOpen(t *testing.T) {
	i := identity(t, "node-1")
	for _, r := range []ledger.Record{ledgertest.Record(), fullRecord()} {
		got, body, err := ledger.Open(seal(t, i, r, 7), i.Public())
		if err != nil {
			t.Fatal(err)
		}
		r.Schema, r.Node, r.Epoch, r.Seq = ledger.RecordSchema, "node-1", ledgertest.EpochA, 7
		if !reflect.DeepEqual(got, r) {
			t.Errorf("got %+v; want %+v", got, r)
		}
		if again, err := json.Marshal(got); err != nil || string(again) != string(body) {
			t.Errorf("the signed bytes %s are not the record's %s (%v)", body, again, err)
		}
	}
}

func TestForgedRecordsAreRefused(t *testing.T) {
	i, other := identity(t, "node-1"), identity(t, "node-1")
	good := string(seal(t, i, fullRecord(), 7))
	for name, c := range map[string]struct {
		envelope string
		key      ed25519.PublicKey
	}{
		"another key":  {good, other.Public()},
		"no key":       {good, nil},
		"number":       {strings.Replace(good, `"seq":7`, `"seq":8`, 1), i.Public()},
		"yield":        {strings.Replace(good, `"good":90`, `"good":91`, 1), i.Public()},
		"blank inside": {strings.Replace(good, `"seq":7`, `"seq": 7`, 1), i.Public()},
	} {
		if _, _, err := ledger.Open([]byte(c.envelope), c.key); !errors.Is(err, ledger.ErrForged) {
			t.Errorf("%s: %v; want ErrForged", name, err)
		}
	}
}

// A thing signed as one kind must not pass as another.
func TestRecordIsNoHorizon(t *testing.T) {
	i := identity(t, "node-1")
	if _, err := ledger.OpenHorizon(seal(t, i, ledgertest.Record(), 1), i.Public()); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("a record opened as horizon: %v", err)
	}
}

func TestMalformedEnvelopes(t *testing.T) {
	i := identity(t, "node-1")
	good := string(seal(t, i, ledgertest.Record(), 1))
	for name, envelope := range map[string]string{
		"empty":           "",
		"no JSON":         "yield",
		"truncated":       good[:len(good)-1],
		"doubled":         good + good,
		"unknown field":   strings.Replace(good, `{"body"`, `{"x":1,"body"`, 1),
		"short signature": `{"body":{},"signature":"AAAA"}`,
		"no UTF-8":        strings.Replace(good, "kensa", "kens\xff", 1),
		"too long":        good + strings.Repeat(" ", 64<<10),
	} {
		if _, _, err := ledger.Open([]byte(envelope), i.Public()); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%s: %v; want ErrMalformed", name, err)
		}
	}
}

func TestSealRefusesNonsense(t *testing.T) {
	i := identity(t, "node-1")
	huge, half := 1e7, 0.5
	for want, change := range map[string]func(r *ledger.Record){
		"time":       func(r *ledger.Record) { r.Time = time.Time{} },
		"product":    func(r *ledger.Record) { r.Product = "chip" },
		"deviation":  func(r *ledger.Record) { r.Deviation = &huge },
		"disclosure": func(r *ledger.Record) { r.Disclosure = "some" },
		"detail":     func(r *ledger.Record) { r.Disclosure = ledger.Relative },
		"lot":        func(r *ledger.Record) { r.Detail.Lot = strings.Repeat("l", 129) },
		"good":       func(r *ledger.Record) { r.Detail.Good = 101 },
		"dies":       func(r *ledger.Record) { r.Detail.Dies = 99 },
		"yield":      func(r *ledger.Record) { r.Detail.Yield = &half },
		"bins":       func(r *ledger.Record) { r.Detail.Bins["5"] = -1 },
	} {
		r := fullRecord()
		change(&r)
		if _, err := i.Seal(r, ledgertest.EpochA, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error that names it", want, err)
		}
	}
	for _, epoch := range []string{"", "e", strings.ToUpper(ledgertest.EpochA)} {
		if _, err := i.Seal(ledgertest.Record(), epoch, 1); err == nil {
			t.Errorf("epoch %q was sealed", epoch)
		}
	}
	for _, seq := range []uint64{0, 1 << 53} {
		if _, err := i.Seal(ledgertest.Record(), ledgertest.EpochA, seq); err == nil {
			t.Errorf("seq %d was sealed", seq)
		}
	}
}

// The hashes of "a" and "foobar" are FNV's own test vectors: e40c292c, bf9cf968.
func TestShardIsFNV1a(t *testing.T) {
	for node, want := range map[string]int{"a": 0x2c, "foobar": 0x28} {
		if got := ledger.Shard(node); got != want {
			t.Errorf("%s: shard %d; want %d", node, got, want)
		}
	}
	if got := ledger.Topic(ledger.KindYield, "foobar"); got != "kensa/v1/yield/40/foobar" {
		t.Errorf("topic %s", got)
	}
}

func TestHostileTopicsAreRefused(t *testing.T) {
	if k, node, err := ledger.ParseTopic("kensa/v1/ack/40/foobar"); k != ledger.KindAck || node != "foobar" || err != nil {
		t.Errorf("got %s, %s, %v", k, node, err)
	}
	for _, topic := range []string{
		"", "kensa", "kensa/v1/yield/40", "kensa/v1/yield/41/foobar", "kensa/v1/yield/040/foobar",
		"kensa/v1/yield/40/foobar/", "kensa/v1/gold/40/foobar", "kensa/v2/yield/40/foobar",
		"kensa/v1/yield/40/FOOBAR", "kensa/v1/yield/00/-a", "kensa/v1/yield/00/" + strings.Repeat("a", 65),
	} {
		if _, _, err := ledger.ParseTopic(topic); err == nil {
			t.Errorf("%q passed", topic)
		}
	}
}

func TestMemoryKeepsTheContracts(t *testing.T) {
	ledgertest.TestStore(t, func(t *testing.T) (ledger.Store, func() ledger.Store) {
		s := ledgertest.NewStore()
		return s, func() ledger.Store { return s }
	})
	ledgertest.TestOutbox(t, func(t *testing.T) (ledger.Outbox, func(string)) {
		o := ledgertest.NewOutbox()
		return o, func(payload string) {
			if err := o.Add(func(string, uint64) ([]byte, error) { return []byte(payload), nil }); err != nil {
				t.Fatal(err)
			}
		}
	})
}
