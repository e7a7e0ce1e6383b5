// Package ledger carries the early-warning plane: numbered, signed records that
// leave the appliance's outbox only when the receiver has said, after its own
// commit, that it has them.
//
// The sender numbers records (node, epoch, seq) without gaps: an epoch is a
// database's life, seq counts from 1 within it. The receiver keeps one of each,
// sees gaps, and acknowledges cumulatively. A broker's PUBACK means nothing here:
// brokers lose acknowledged messages when they die.
package ledger

import (
	"encoding/json"
	"time"
)

// Schema names the record format that this package writes.
const Schema = "kensa.yield/1"

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
	Node       string     `json:"node"`  // the appliance's name, [a-z0-9-], at most 64
	Epoch      string     `json:"epoch"` // random, new with each new database
	Seq        uint64     `json:"seq"`   // from 1, without gaps within an epoch
	Time       time.Time  `json:"time"`  // when the wafer was finished, UTC
	Disclosure Disclosure `json:"disclosure"`
	// Product is a pseudonym: equal for equal products of one node, and of no
	// meaning to anyone else.
	Product string `json:"product"`
	// Complete tells that every die was inspected; an incomplete wafer's
	// deviation counts for less.
	Complete bool `json:"complete"`
	// Deviation is the wafer's yield in standard deviations from the node's own
	// frozen baseline, negative when it fell. It is nil until there is a baseline.
	Deviation *float64 `json:"deviation"`
	// Detail is there under full disclosure only.
	Detail *Detail `json:"detail,omitempty"`
}

// Detail is what a fab discloses in full.
type Detail struct {
	Lot       string         `json:"lot"`
	Substrate string         `json:"substrate"`
	Recipe    string         `json:"recipe"`
	Dies      int            `json:"dies"`
	Inspected int            `json:"inspected"`
	Good      int            `json:"good"`
	Yield     float64        `json:"yield"`   // good over inspected, 0 to 1
	Density   float64        `json:"density"` // defects per cm²
	Bins      map[string]int `json:"bins"`    // dies by bin code
}

// Envelope is what travels: the record's exact bytes and their Ed25519 signature.
type Envelope struct {
	Record    json.RawMessage `json:"record"`
	Signature []byte          `json:"signature"` // 64 bytes, over Record's bytes
}

// Ack is the receiver's cumulative acknowledgement: every record of the epoch
// up to Seq is committed.
type Ack struct {
	Node  string `json:"node"`
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// Replay is the receiver's request for records it misses, from a seq on.
type Replay struct {
	Node  string `json:"node"`
	Epoch string `json:"epoch"`
	From  uint64 `json:"from"`
}
