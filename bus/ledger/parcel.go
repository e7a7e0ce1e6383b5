package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Limits of a parcel: envelopes in one message, as a JSON array in the order of
// their numbers. A message costs broker and both ends as much as the check of a
// signature, so what waits goes in parcels. A record that is alone travels alone,
// as its bare envelope.
const (
	maxParcel        = maxEnvelope // bytes
	maxParcelRecords = 100
)

// pack takes as many entries as fit into one message of at most so many bytes,
// and at least one.
func pack(entries []Entry, most int) (payload []byte, n int) {
	size := 1
	for n < len(entries) && n < maxParcelRecords && (n == 0 || size+len(entries[n].Envelope)+1 <= most) {
		size += len(entries[n].Envelope) + 1
		n++
	}
	if n == 1 {
		return entries[0].Envelope, 1
	}
	payload = append(make([]byte, 0, size), '[')
	for k, e := range entries[:n] {
		if k > 0 {
			payload = append(payload, ',')
		}
		payload = append(payload, e.Envelope...)
	}
	return append(payload, ']'), n
}

// unpack is the inverse of pack. It does not read the envelopes.
func unpack(payload []byte) ([][]byte, error) {
	if len(payload) > maxParcel {
		return nil, malformed(fmt.Errorf("%d bytes; limit is %d", len(payload), maxParcel))
	}
	if start := bytes.TrimLeft(payload, " \t\r\n"); len(start) == 0 || start[0] != '[' {
		return [][]byte{payload}, nil
	}
	var parcel []json.RawMessage
	if err := decode(payload, maxParcel, &parcel); err != nil {
		return nil, err
	}
	if len(parcel) == 0 || len(parcel) > maxParcelRecords {
		return nil, malformed(fmt.Errorf("%d envelopes; want 1 to %d", len(parcel), maxParcelRecords))
	}
	envelopes := make([][]byte, len(parcel))
	for n, envelope := range parcel {
		envelopes[n] = envelope
	}
	return envelopes, nil
}
