package ledger_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
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
		Yield: &yield, Density: &density, Bins: map[string]int{"1": 90, "5": 10},
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

func TestIdentityIsMadeOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keys")
	first, err := ledger.OpenIdentity(folder, "node-1")
	if err != nil {
		t.Fatal(err)
	}
	again, err := ledger.OpenIdentity(folder, "node-1")
	if err != nil {
		t.Fatal(err)
	}
	if !first.Public().Equal(again.Public()) || first.Pseudonym("p") != again.Pseudonym("p") {
		t.Error("the second start has another identity")
	}
	for file, want := range map[string]os.FileMode{"node-1.key": 0o600, "node-1.secret": 0o600, "node-1.pub": 0o644} {
		info, err := os.Stat(filepath.Join(folder, file))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", file, info.Mode(), err, want)
		}
	}
	public, err := ledger.ReadPublicKey(filepath.Join(folder, "node-1.pub"))
	if err != nil || !public.Equal(first.Public()) {
		t.Errorf("public key file: %v, %v", public, err)
	}
}

func TestDamagedIdentityIsNotReplaced(t *testing.T) {
	for _, file := range []string{"node-1.key", "node-1.secret"} {
		folder := t.TempDir()
		if _, err := ledger.OpenIdentity(folder, "node-1"); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, file)
		if err := os.WriteFile(path, []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.OpenIdentity(folder, "node-1"); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want an error that names the file", file, err)
		}
		if text, _ := os.ReadFile(path); string(text) != "?" {
			t.Errorf("%s was replaced", file)
		}
	}
}

func wafer() ledger.Wafer {
	return ledger.Wafer{
		Finished: time.Date(2026, 3, 4, 5, 6, 7, 891_234_567, time.UTC),
		Product:  "secretchip", Lot: "LOT4711", Substrate: "WAFER09", Recipe: "secretrecipe",
		Dies: 613, Inspected: 613, Good: 577, Density: 1.2345, Bins: map[string]int{"1": 577, "7": 36},
	}
}

// A relative record holds these fields and nothing else, and none of the wafer's
// names or figures in any of them.
func TestRelativeRecordHoldsNothingAbsolute(t *testing.T) {
	i := identity(t, "node-1")
	for _, b := range []ledger.Baseline{{}, learn(t, 90, 92, 95)} {
		r, _, err := i.Record(wafer(), ledger.Relative, b)
		if err != nil {
			t.Fatal(err)
		}
		envelope := seal(t, i, r, 1)
		var e ledger.Envelope
		var fields map[string]json.RawMessage
		if err := errors.Join(json.Unmarshal(envelope, &e), json.Unmarshal(e.Body, &fields)); err != nil {
			t.Fatal(err)
		}
		allowed := map[string]bool{"schema": true, "node": true, "epoch": true, "seq": true, "time": true,
			"disclosure": true, "product": true, "complete": true, "deviation": true}
		for name := range fields {
			if !allowed[name] {
				t.Errorf("a relative record has %s", name)
			}
		}
		for _, secret := range []string{"secretchip", "LOT4711", "WAFER09", "secretrecipe", "613", "577", "36", "0.94", "1.2345", "891"} {
			if strings.Contains(string(e.Body), secret) && !strings.Contains(r.Product+ledgertest.EpochA, secret) {
				t.Errorf("a relative record holds %s: %s", secret, e.Body)
			}
		}
		if d := r.Deviation; d != nil && *d != math.Round(*d*100)/100 {
			t.Errorf("deviation %v is finer than 0.01", *d)
		}
	}
}

func TestFullRecordHoldsAll(t *testing.T) {
	i := identity(t, "node-1")
	r, next, err := i.Record(wafer(), ledger.Full, ledger.Baseline{})
	if err != nil {
		t.Fatal(err)
	}
	seal(t, i, r, 1)
	if d := r.Detail; d == nil || d.Lot != "LOT4711" || d.Good != 577 || *d.Yield != 577./613 || *d.Density != 1.2345 {
		t.Errorf("detail %+v", d)
	}
	if len(next.Values) != 1 {
		t.Errorf("baseline after it: %+v", next)
	}
	w := wafer()
	w.Good = 614
	if _, _, err := i.Record(w, ledger.Full, ledger.Baseline{}); err == nil {
		t.Error("more good dies than dies passed")
	}
}

func FuzzOpen(f *testing.F) {
	i := identity(f, "node-1")
	f.Add(seal(f, i, ledgertest.Record(), 1))
	f.Add(seal(f, i, fullRecord(), 2))
	f.Add([]byte(`{"body":null,"signature":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, _, err := ledger.Open(data, i.Public()); err == nil {
			if _, err := i.Seal(r, r.Epoch, r.Seq); err != nil {
				t.Errorf("opened but cannot be sealed: %v", err)
			}
		}
	})
}

// The signature would hide the record's decoder from the fuzzer, so that the
// fuzzed bytes are signed first.
func FuzzSignedBody(f *testing.F) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	i := identity(f, "node-1")
	for _, r := range []ledger.Record{ledgertest.Record(), fullRecord()} {
		var e ledger.Envelope
		if err := json.Unmarshal(seal(f, i, r, 3), &e); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(e.Body))
	}
	f.Add([]byte(`{"schema":"kensa.horizon/1","node":"a","epoch":"000102030405060708090a0b0c0d0e0f","first":9}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		envelope, err := json.Marshal(ledger.Envelope{Body: body, Signature: ed25519.Sign(private, body)})
		if err != nil {
			return // no JSON
		}
		if r, _, err := ledger.Open(envelope, public); err == nil && (ledger.CheckNode(r.Node) != nil || r.Seq == 0) {
			t.Errorf("passed: %+v", r)
		}
		if h, err := ledger.OpenHorizon(envelope, public); err == nil && (ledger.CheckNode(h.Node) != nil || h.First == 0) {
			t.Errorf("passed: %+v", h)
		}
	})
}

func FuzzAck(f *testing.F) {
	f.Add([]byte(`{"node":"a","epoch":"000102030405060708090a0b0c0d0e0f","seq":0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := ledger.DecodeAck(data); err == nil && (ledger.CheckNode(a.Node) != nil || a.Seq > 1<<53) {
			t.Errorf("passed: %+v", a)
		}
	})
}

func FuzzReplay(f *testing.F) {
	f.Add([]byte(`{"node":"a","epoch":"000102030405060708090a0b0c0d0e0f","from":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := ledger.DecodeReplay(data); err == nil && (ledger.CheckNode(r.Node) != nil || r.From == 0) {
			t.Errorf("passed: %+v", r)
		}
	})
}

func FuzzTopic(f *testing.F) {
	f.Add("kensa/v1/ack/40/foobar")
	f.Fuzz(func(t *testing.T, topic string) {
		if k, node, err := ledger.ParseTopic(topic); err == nil && ledger.Topic(k, node) != topic {
			t.Errorf("%q reads as %s of %s", topic, k, node)
		}
	})
}

func TestMemoryKeepsTheContracts(t *testing.T) {
	ledgertest.TestStore(t, func(t *testing.T) (ledger.Store, func() ledger.Store) {
		s := ledgertest.NewStore()
		return s, func() ledger.Store { return s }
	})
	ledgertest.TestOutbox(t, func(t *testing.T) (ledger.Outbox, func(string)) {
		o := ledgertest.NewOutbox()
		return o, func(payload string) {
			if err := o.Add(func(uint64) ([]byte, error) { return []byte(payload), nil }); err != nil {
				t.Fatal(err)
			}
		}
	})
}
