// Package ledger carries the early-warning plane: numbered, signed records that
// leave the appliance's outbox only when the receiver has said, after its own
// commit, that it has them.
//
// The sender numbers records (node, epoch, seq) without gaps: an epoch is a
// database's life, seq counts from 1 within it. The receiver keeps one of each,
// takes them in order only, and acknowledges cumulatively. What it misses it
// asks for again (replay); what the sender no longer holds, the sender says so,
// signed (horizon); for a record that its disk has damaged, it signs that its
// number is void. A broker's PUBACK means nothing here: brokers lose
// acknowledged messages when they die.
//
// Topics, each for one node, whose shard lets receivers share the work:
//
//	kensa/v1/yield/<shard>/<node>    up    signed Record or Void, or an array of them
//	kensa/v1/horizon/<shard>/<node>  up    signed Horizon
//	kensa/v1/ack/<shard>/<node>      down  signed Ack
//	kensa/v1/replay/<shard>/<node>   down  signed Replay
//
// An acknowledgement carries the digest of the record that it ends with. So a
// sender whose database was put back to an older state, and has used numbers
// twice since, sees that what the receiver has is not what it has itself; it
// then begins a new epoch with the records that the receiver does not have.
package ledger

import (
	"encoding/json"
	"time"
)

// Schemas name the formats that this package writes. They stand within the
// signed bytes, so that one thing signed is never taken for another.
const (
	RecordSchema  = "kensa.yield/1"
	VoidSchema    = "kensa.void/1"
	HorizonSchema = "kensa.horizon/1"
	AckSchema     = "kensa.ack/1"
	ReplaySchema  = "kensa.replay/1"
)

// Disclosure is how much of its yield a fab lets out.
type Disclosure string

// Disclosures. Relative records hold no lot, wafer or product name and no
// absolute figure.
const (
	Full     Disclosure = "full"
	Relative Disclosure = "relative"
)

// Record is one entry of the ledger, as it is signed and sent.
type Record struct {
	Schema     string     `json:"schema"`
	Node       string     `json:"node"`  // the appliance's name: a-z, 0-9 and -, at most 64
	Epoch      string     `json:"epoch"` // 32 hexadecimal digits, random, new with each new database
	Seq        uint64     `json:"seq"`   // from 1, without gaps within an epoch
	Time       time.Time  `json:"time"`  // when the wafer was finished, UTC
	Disclosure Disclosure `json:"disclosure"`
	// Product is a pseudonym of 16 hexadecimal digits: equal for equal products
	// of one node, and of no meaning to anyone else.
	Product string `json:"product"`
	// Complete tells that every die was inspected; an incomplete wafer's
	// deviation counts for less.
	Complete bool `json:"complete"`
	// Deviation is the wafer's yield in standard deviations from the node's own
	// frozen baseline, negative when it fell. It is nil until there is a baseline
	// and where no die was inspected.
	Deviation *float64 `json:"deviation"`
	// Detail is there under full disclosure only.
	Detail *Detail `json:"detail,omitempty"`
}

// Detail is what a fab discloses in full.
type Detail struct {
	Lot       string `json:"lot"`
	Substrate string `json:"substrate"`
	Recipe    string `json:"recipe"`
	// Calibration that the result rests on; left out where there was none.
	Calibration string         `json:"calibration,omitempty"`
	Dies        int            `json:"dies"`
	Inspected   int            `json:"inspected"`
	Good        int            `json:"good"`
	Yield       *float64       `json:"yield"`   // good over inspected, 0 to 1; nil where none was
	Density     *float64       `json:"density"` // defects per cm²; nil where no die was inspected
	Bins        map[string]int `json:"bins"`    // dies by bin code
}

// Horizon is the sender's word that it no longer holds what came before First.
// The receiver then goes on from there and counts what it never got as lost.
type Horizon struct {
	Schema string `json:"schema"`
	Node   string `json:"node"`
	Epoch  string `json:"epoch"`
	First  uint64 `json:"first"`
}

// Envelope is what travels upward: the exact bytes of a Record, Void or Horizon
// and their Ed25519 signature.
type Envelope struct {
	Body      json.RawMessage `json:"body"`
	Signature []byte          `json:"signature"` // 64 bytes, in base64
}

// Word is what travels downward: an Ack's or a Replay's exact bytes, their
// Ed25519 signature, and the key to check it with, which the sender must trust.
type Word struct {
	Body      json.RawMessage `json:"body"`
	Key       []byte          `json:"key"`       // 32 bytes, in base64
	Signature []byte          `json:"signature"` // 64 bytes, in base64
}

// Ack is the receiver's cumulative acknowledgement: every record of the epoch
// up to Seq is committed.
type Ack struct {
	Schema string `json:"schema"`
	Node   string `json:"node"`
	Epoch  string `json:"epoch"`
	Seq    uint64 `json:"seq"`
	// Digest is the SHA-256 of record Seq's signed bytes, in hexadecimal; empty
	// where Seq is 0, or was skipped.
	Digest string `json:"digest"`
}

// Replay is the receiver's request for records it misses, from a seq on.
type Replay struct {
	Schema string `json:"schema"`
	Node   string `json:"node"`
	Epoch  string `json:"epoch"`
	From   uint64 `json:"from"`
}
