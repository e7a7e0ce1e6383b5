package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
)

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

// The signature would hide the decoder from the fuzzer here too.
func FuzzWord(f *testing.F) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"schema":"kensa.ack/1","node":"a","epoch":"000102030405060708090a0b0c0d0e0f","seq":0,"digest":""}`))
	f.Add([]byte(`{"schema":"kensa.replay/1","node":"a","epoch":"000102030405060708090a0b0c0d0e0f","from":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		word, err := json.Marshal(ledger.Word{Body: body, Key: public, Signature: ed25519.Sign(private, body)})
		if err != nil {
			return // no JSON
		}
		if a, key, err := ledger.OpenAck(word); err == nil && (ledger.CheckNode(a.Node) != nil || a.Seq > 1<<53 || !public.Equal(key)) {
			t.Errorf("passed: %+v", a)
		}
		if r, key, err := ledger.OpenReplay(word); err == nil && (ledger.CheckNode(r.Node) != nil || r.From == 0 || !public.Equal(key)) {
			t.Errorf("passed: %+v", r)
		}
	})
}

func FuzzAck(f *testing.F) {
	f.Add([]byte(`{"body":null,"key":null,"signature":null}`))
	f.Add(word(f, service(f), ledgertest.EpochA, 3))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, _, err := ledger.OpenAck(data); err == nil && (ledger.CheckNode(a.Node) != nil || a.Seq > 1<<53) {
			t.Errorf("passed: %+v", a)
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

// Key files come from other people's machines.
func FuzzPublicKey(f *testing.F) {
	folder := f.TempDir()
	i, err := ledger.OpenIdentity(folder, "node-1")
	if err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "node-1.pub"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(bytes.Replace(text, []byte("PUBLIC"), []byte("PRIVATE"), 2))
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"))
	path := filepath.Join(f.TempDir(), "fuzzed.pub")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := ledger.ReadPublicKey(path)
		if err == nil && len(key) != ed25519.PublicKeySize {
			t.Errorf("a key of %d bytes", len(key))
		}
		if bytes.Equal(content, text) && !i.Public().Equal(key) {
			t.Errorf("%v, %v; want the node's key", key, err)
		}
	})
}
