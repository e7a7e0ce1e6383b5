package ledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// Errors of Open.
var (
	// ErrMalformed means that bytes from outside are not what they should be.
	ErrMalformed = errors.New("malformed")
	// ErrForged means that a signature was not made with the key it should be.
	ErrForged = errors.New("signature does not fit the key")
)

// Limits of what is taken from outside.
const (
	maxEnvelope  = 64 << 10
	maxControl   = 1 << 10   // a Word
	maxSeq       = 1<<53 - 1 // the largest integer that every JSON reader keeps exact
	maxDeviation = 1e6
	maxCount     = 10_000_000 // dies on a wafer
	maxBins      = 256
	maxName      = 128 // bytes of a lot, substrate, recipe or calibration
)

// Seal signs a record under its number and returns the envelope to be sent.
func (i *Identity) Seal(r Record, epoch string, seq uint64) ([]byte, error) {
	r.Schema, r.Node, r.Epoch, r.Seq = RecordSchema, i.Node, epoch, seq
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("ledger: record: %w", err)
	}
	return i.seal(r)
}

func (i *Identity) sealHorizon(epoch string, first uint64) ([]byte, error) {
	return i.seal(Horizon{HorizonSchema, i.Node, epoch, first})
}

// SealAck signs an acknowledgement.
func (s *Signer) SealAck(a Ack) ([]byte, error) {
	a.Schema = AckSchema
	return s.sealWord(a)
}

// SealReplay signs a request for a replay.
func (s *Signer) SealReplay(r Replay) ([]byte, error) {
	r.Schema = ReplaySchema
	return s.sealWord(r)
}

func (s *Signer) sealWord(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	word, err := json.Marshal(Word{body, s.Public(), ed25519.Sign(s.private, body)})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return word, nil
}

func (s *Signer) seal(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	envelope, err := json.Marshal(Envelope{body, ed25519.Sign(s.private, body)})
	if err == nil && len(envelope) > maxEnvelope {
		err = fmt.Errorf("envelope of %d bytes; limit is %d", len(envelope), maxEnvelope)
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return envelope, nil
}

// Open checks an envelope's signature and then reads its record. body is the
// signed bytes. Errors are ErrForged and ErrMalformed, the latter for a void too.
func Open(envelope []byte, key ed25519.PublicKey) (r Record, body []byte, err error) {
	e, err := openEntry(envelope, key)
	if err == nil && e.Void != "" {
		err = malformed(fmt.Errorf("seq %d is void (%s)", e.Record.Seq, e.Void))
	}
	return e.Record, e.Body, err
}

// OpenHorizon is Open for a Horizon.
func OpenHorizon(envelope []byte, key ed25519.PublicKey) (h Horizon, err error) {
	if _, err = open(envelope, key, &h); err != nil {
		return h, err
	}
	if h.Schema != HorizonSchema {
		return h, malformed(fmt.Errorf("schema %.40q; want %q", h.Schema, HorizonSchema))
	}
	return h, malformed(checkNumber(h.Node, h.Epoch, "first", h.First))
}

func open(envelope []byte, key ed25519.PublicKey, into any) ([]byte, error) {
	var e Envelope
	if err := decode(envelope, maxEnvelope, &e); err != nil {
		return nil, err
	}
	if len(e.Signature) != ed25519.SignatureSize {
		return nil, malformed(fmt.Errorf("signature of %d bytes; want %d", len(e.Signature), ed25519.SignatureSize))
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, e.Body, e.Signature) {
		return nil, ErrForged
	}
	return e.Body, decode(e.Body, maxEnvelope, into)
}

// OpenAck reads an acknowledgement and the key that signed it, which the caller
// must judge. Seq may be 0: nothing is committed yet.
func OpenAck(word []byte) (a Ack, key ed25519.PublicKey, err error) {
	if key, err = openWord(word, &a); err != nil {
		return a, nil, err
	}
	switch {
	case a.Schema != AckSchema:
		err = fmt.Errorf("schema %.40q; want %q", a.Schema, AckSchema)
	case a.Digest != "" && (a.Seq == 0 || !digestPattern.MatchString(a.Digest)):
		err = fmt.Errorf("digest: %.80q; want 64 hexadecimal digits, or none", a.Digest)
	default:
		err = checkNumber(a.Node, a.Epoch, "seq", max(a.Seq, 1))
	}
	return a, key, malformed(err)
}

// OpenReplay is OpenAck for a request for a replay.
func OpenReplay(word []byte) (r Replay, key ed25519.PublicKey, err error) {
	if key, err = openWord(word, &r); err != nil {
		return r, nil, err
	}
	if r.Schema != ReplaySchema {
		return r, nil, malformed(fmt.Errorf("schema %.40q; want %q", r.Schema, ReplaySchema))
	}
	return r, key, malformed(checkNumber(r.Node, r.Epoch, "from", r.From))
}

func openWord(word []byte, into any) (ed25519.PublicKey, error) {
	var w Word
	if err := decode(word, maxControl, &w); err != nil {
		return nil, err
	}
	if len(w.Key) != ed25519.PublicKeySize || len(w.Signature) != ed25519.SignatureSize {
		return nil, malformed(fmt.Errorf("key of %d, signature of %d bytes; want %d and %d",
			len(w.Key), len(w.Signature), ed25519.PublicKeySize, ed25519.SignatureSize))
	}
	if !ed25519.Verify(w.Key, w.Body, w.Signature) {
		return nil, ErrForged
	}
	return w.Key, decode(w.Body, maxControl, into)
}

// decode reads exactly one JSON value of known fields.
func decode(data []byte, limit int, into any) error {
	if len(data) > limit {
		return malformed(fmt.Errorf("%d bytes; limit is %d", len(data), limit))
	}
	if !utf8.Valid(data) {
		return malformed(errors.New("not UTF-8"))
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return malformed(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return malformed(errors.New("something follows the JSON value"))
	}
	return nil
}

func malformed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

func checkNumber(node, epoch, name string, seq uint64) error {
	if err := CheckNode(node); err != nil {
		return err
	}
	if !epochPattern.MatchString(epoch) {
		return fmt.Errorf("epoch: %.80q; want 32 hexadecimal digits", epoch)
	}
	if seq < 1 || seq > maxSeq {
		return fmt.Errorf("%s: %d; want 1 to %d", name, seq, int64(maxSeq))
	}
	return nil
}

func (r Record) check() error {
	if r.Schema != RecordSchema {
		return fmt.Errorf("schema: %.40q; want %q", r.Schema, RecordSchema)
	}
	if err := checkNumber(r.Node, r.Epoch, "seq", r.Seq); err != nil {
		return err
	}
	switch year := r.Time.Year(); {
	case year < 1970 || year > 9999: // 1970 is what a box without a clock believes
		return fmt.Errorf("time: %v; want the years 1970 to 9999", r.Time)
	case !productPattern.MatchString(r.Product):
		return fmt.Errorf("product: %.80q; want a pseudonym of 16 hexadecimal digits", r.Product)
	case r.Deviation != nil && !(math.Abs(*r.Deviation) <= maxDeviation):
		return fmt.Errorf("deviation: %v; want at most %g either way", *r.Deviation, maxDeviation)
	}
	switch {
	case r.Disclosure == Relative && r.Detail == nil:
		return nil
	case r.Disclosure == Relative:
		return errors.New("detail: present; a relative record has none")
	case r.Disclosure == Full && r.Detail != nil:
		return r.Detail.check()
	case r.Disclosure == Full:
		return errors.New("detail: missing; a full record has it")
	}
	return fmt.Errorf("disclosure: %.40q; want %q or %q", r.Disclosure, Full, Relative)
}

func (d Detail) check() error {
	for _, s := range []struct{ name, value string }{{"lot", d.Lot}, {"substrate", d.Substrate}, {"recipe", d.Recipe}, {"calibration", d.Calibration}} {
		if len(s.value) > maxName {
			return fmt.Errorf("%s: %d bytes; limit is %d", s.name, len(s.value), maxName)
		}
	}
	if d.Good < 0 || d.Good > d.Inspected || d.Inspected > d.Dies || d.Dies > maxCount {
		return fmt.Errorf("good, inspected, dies: %d, %d, %d; want 0 ≤ good ≤ inspected ≤ dies ≤ %d", d.Good, d.Inspected, d.Dies, maxCount)
	}
	if (d.Yield == nil) != (d.Inspected == 0) || d.Yield != nil && math.Abs(*d.Yield*float64(d.Inspected)-float64(d.Good)) > 0.5 {
		return fmt.Errorf("yield: not good over inspected (%d of %d)", d.Good, d.Inspected)
	}
	if d.Density != nil && !(*d.Density >= 0) {
		return fmt.Errorf("density: %v; want 0 or more", *d.Density)
	}
	if len(d.Bins) > maxBins {
		return fmt.Errorf("bins: %d; limit is %d", len(d.Bins), maxBins)
	}
	for bin, dies := range d.Bins {
		if len(bin) > maxName || dies < 0 || dies > d.Dies {
			return fmt.Errorf("bins: %.40q: %d dies; want 0 to %d", bin, dies, d.Dies)
		}
	}
	return nil
}
