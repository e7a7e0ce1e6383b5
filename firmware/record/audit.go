package record

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Origin is who caused an audit entry.
type Origin string

// Origins.
const (
	ByHost      Origin = "host"
	ByOperator  Origin = "operator"
	ByAppliance Origin = "appliance"
)

// Entry is one line of the audit log.
type Entry struct {
	Seq    uint64 // from 1 without gaps; given by the store
	Time   time.Time
	Origin Origin
	Who    string // the operator, or the host in its own words
	What   string // such as PP-SELECT
	Detail string
	Result string
	Hash   Hash // of this entry and, through the one before, of all before it
}

// Hash is SHA-256 over the hash before and an entry.
type Hash [sha256.Size]byte

// String is the hash in hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ErrTampered means that the audit log was changed from outside.
var ErrTampered = errors.New("audit log tampered with")

// auditHead is the stored value with the last entry's number and hash, so that
// an end that was cut off is noticed.
const auditHead = "audit head"

// chain is what an entry's hash is over. Lengths stand before texts, so that no
// two entries have the same bytes.
func (e Entry) chain(before Hash) Hash {
	b := append([]byte(nil), before[:]...)
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Time.UnixNano()))
	for _, text := range []string{string(e.Origin), e.Who, e.What, e.Detail, e.Result} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(text)))
		b = append(b, text...)
	}
	return sha256.Sum256(b)
}

// auditRoot is the hash before the first entry; another database has another.
func auditRoot(epoch string) Hash { return sha256.Sum256([]byte("kensa audit 1 " + epoch)) }

type head struct {
	seq  uint64
	hash Hash
}

func (h head) encode() []byte { return append(binary.BigEndian.AppendUint64(nil, h.seq), h.hash[:]...) }

func readHead(value []byte, epoch string) (h head, err error) {
	if value == nil {
		return head{hash: auditRoot(epoch)}, nil
	}
	if len(value) != 8+sha256.Size {
		return h, fmt.Errorf("%w: its head has %d bytes", ErrTampered, len(value))
	}
	h.seq = binary.BigEndian.Uint64(value)
	copy(h.hash[:], value[8:])
	return h, nil
}

// Audit adds an entry to the audit log; Seq and Hash are given here.
func (t *Tx) Audit(e Entry) error {
	value, err := t.Value(auditHead)
	if err != nil {
		return err
	}
	h, err := readHead(value, t.root)
	if err != nil {
		return err
	}
	e.Seq = h.seq + 1
	e.Hash = e.chain(h.hash)
	_, err = t.tx.ExecContext(t.ctx, `INSERT INTO audit (seq, at, origin, who, what, detail, result, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		e.Seq, e.Time.UnixNano(), string(e.Origin), e.Who, e.What, e.Detail, e.Result, e.Hash[:])
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return t.SetValue(auditHead, head{e.Seq, e.Hash}.encode())
}

// Audit adds an entry in a transaction of its own.
func (s *Store) Audit(ctx context.Context, e Entry) error {
	return s.Update(ctx, func(t *Tx) error { return t.Audit(e) })
}

// AuditLog lists the last entries, oldest first, at most limit of them (0: all).
func (r *Reader) AuditLog(ctx context.Context, limit int) ([]Entry, error) {
	if limit <= 0 {
		limit = -1
	}
	var list []Entry
	err := r.eachEntry(ctx, r.db, `SELECT * FROM (SELECT `+auditColumns+` FROM audit ORDER BY seq DESC LIMIT ?) ORDER BY seq`, []any{limit}, func(e Entry) error {
		list = append(list, e)
		return nil
	})
	return list, err
}

const auditColumns = `seq, at, origin, who, what, detail, result, hash`

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (r *Reader) eachEntry(ctx context.Context, from querier, query string, args []any, f func(Entry) error) error {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return r.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e Entry
		var at int64
		var hash []byte
		if err := rows.Scan(&e.Seq, &at, &e.Origin, &e.Who, &e.What, &e.Detail, &e.Result, &hash); err != nil {
			return r.explain(err)
		}
		e.Time = time.Unix(0, at).UTC()
		if copy(e.Hash[:], hash); len(hash) != sha256.Size {
			return fmt.Errorf("%w: entry %d: hash of %d bytes", ErrTampered, e.Seq, len(hash))
		}
		if err := f(e); err != nil {
			return err
		}
	}
	return r.explain(rows.Err())
}

// VerifyAudit reads the whole audit log and returns its last entry; ErrTampered
// names the first entry that was changed, removed, added or moved. Whoever can
// write the file can also make a whole new chain: to exclude that, note a hash
// elsewhere and give it as noted, in hexadecimal digits; it must be in the chain.
func (r *Reader) VerifyAudit(ctx context.Context, noted string) (last Entry, err error) {
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // entries and head as of one moment
	if err != nil {
		return last, r.explain(err)
	}
	defer tx.Rollback()
	before, found := auditRoot(r.root), noted == ""
	err = r.eachEntry(ctx, tx, `SELECT `+auditColumns+` FROM audit ORDER BY seq`, nil, func(e Entry) error {
		if e.Seq != last.Seq+1 {
			return fmt.Errorf("%w: entry %d follows %d", ErrTampered, e.Seq, last.Seq)
		}
		if e.chain(before) != e.Hash {
			return fmt.Errorf("%w: entry %d of %s does not fit its hash or the entry before", ErrTampered, e.Seq, e.Time.Format(time.RFC3339))
		}
		last, before, found = e, e.Hash, found || e.Hash.String() == noted
		return nil
	})
	if err != nil {
		return last, err
	}
	var value []byte
	err = tx.QueryRowContext(ctx, selectValue, auditHead).Scan(&value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return last, r.explain(err)
	}
	switch h, err := readHead(value, r.root); {
	case err != nil:
		return last, err
	case h.seq != last.Seq || !bytes.Equal(h.hash[:], before[:]):
		return last, fmt.Errorf("%w: it ends with entry %d; %d were written", ErrTampered, last.Seq, h.seq)
	case !found:
		return last, fmt.Errorf("%w: no entry has the noted hash %.64s", ErrTampered, noted)
	}
	return last, nil
}
