package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
)

// Void is the node's word that it has no record of a number any more: the row
// was damaged before the receiver had it. It stands in the record's place, so
// that the loss of one record is told, and those behind it flow.
type Void struct {
	Schema string `json:"schema"`
	Node   string `json:"node"`
	Epoch  string `json:"epoch"`
	Seq    uint64 `json:"seq"`
	Reason Cause  `json:"reason"`
}

// Cause is why a record is void.
type Cause string

// Causes.
const (
	Unreadable Cause = "unreadable" // the row is not what the node signed
	Missing    Cause = "missing"    // there is no row
)

func (i *Identity) sealVoid(epoch string, seq uint64, why Cause) ([]byte, error) {
	return i.seal(Void{VoidSchema, i.Node, epoch, seq, why})
}

// openEntry is Open for whatever stands under a number, a record or a void.
func openEntry(envelope []byte, key ed25519.PublicKey) (Received, error) {
	var e struct {
		Record
		Reason *Cause `json:"reason"`
	}
	body, err := open(envelope, key, &e)
	if err != nil {
		return Received{}, err
	}
	r := Received{Record: e.Record, Body: body, Digest: sha256.Sum256(body)}
	switch {
	case e.Schema == VoidSchema && e.Reason != nil:
		r.Void = *e.Reason
		err = checkVoid(e.Record, r.Void)
	case e.Reason != nil:
		err = fmt.Errorf("reason: present; only a void has it")
	default:
		err = e.check()
	}
	return r, malformed(err)
}

// checkVoid wants a number and a cause, and nothing else.
func checkVoid(r Record, why Cause) error {
	if err := checkNumber(r.Node, r.Epoch, "seq", r.Seq); err != nil {
		return err
	}
	switch {
	case why != Unreadable && why != Missing:
		return fmt.Errorf("reason: %.40q; want %q or %q", why, Unreadable, Missing)
	case r != Record{Schema: r.Schema, Node: r.Node, Epoch: r.Epoch, Seq: r.Seq}:
		return fmt.Errorf("a void has a number and a reason; this one has a record's fields too")
	}
	return nil
}
