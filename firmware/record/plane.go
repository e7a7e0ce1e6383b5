package record

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// reach is how far a plane has come, with the messages that its sender asks for next.
// It is kept in memory as the last transaction left it, because the store is the one
// writer: a sender asks several times for each message, and in the ordinary course reads
// nothing back from the database. A reach is never changed, only replaced.
type reach struct {
	acknowledged, last uint64
	tail               []Message // up to last, without a gap; at most maxTail
}

// maxTail is more messages than wait while the broker answers.
const maxTail = 16

// published is the reach with a message more.
func (r reach) published(m Message) reach {
	r.last = m.Seq
	r.tail = append(slices.Clone(r.tail), m)
	r.tail = r.tail[max(0, len(r.tail)-maxTail):]
	return r
}

// removed is the reach with the messages up to a seq acknowledged.
func (r reach) removed(upTo uint64) reach {
	r.acknowledged = max(r.acknowledged, upTo)
	return r
}

// forgotten is the reach after messages were changed.
func (r reach) forgotten() reach {
	r.tail = nil
	return r
}

// pending is what Pending returns; known is false where it must be read.
func (r reach) pending(after uint64, limit int) (list []Message, known bool) {
	after = max(after, r.acknowledged)
	if after >= r.last {
		return nil, true
	}
	if len(r.tail) == 0 || r.tail[0].Seq > after+1 {
		return nil, false
	}
	list = r.tail[after+1-r.tail[0].Seq:]
	return list[:min(limit, len(list))], true
}

// planes are all planes' reaches.
type planes map[Plane]reach

func errPlane(p Plane) error { return fmt.Errorf("outbox: plane %q; known: %q, %q", p, MES, Ledger) }

// reach changes how far a plane has come.
func (t *Tx) reach(p Plane, r reach) error {
	t.planes[p] = r
	_, err := t.do(t.often.reach).ExecContext(t.ctx, r.acknowledged, r.last, string(p))
	return err
}

// reach is that of a plane; known is false where it must be read.
func (s *Store) reach(p Plane) (r reach, known bool) {
	if all := s.planes.Load(); all != nil {
		r, known = (*all)[p]
	}
	return r, known
}

// reached is all planes' reaches, for a transaction to change.
func (s *Store) reached(t *Tx) (planes, error) {
	if all := s.planes.Load(); all != nil {
		return maps.Clone(*all), nil
	}
	return readPlanes(t)
}

func readPlanes(t *Tx) (planes, error) {
	rows, err := t.tx.QueryContext(t.ctx, `SELECT name, acknowledged, last FROM plane`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := planes{}
	for rows.Next() {
		var p Plane
		var r reach
		if err := rows.Scan(&p, &r.acknowledged, &r.last); err != nil {
			return nil, err
		}
		all[p] = r
	}
	return all, rows.Err()
}

// Outbox is one plane's messages, as its sender wants them.
type Outbox struct {
	store *Store
	plane Plane
}

// Outbox returns the outbox of a plane.
func (s *Store) Outbox(p Plane) Outbox { return Outbox{s, p} }

// Bounds are the highest seq acknowledged and the highest ever given; 0 for none.
func (o Outbox) Bounds(ctx context.Context) (acknowledged, last uint64, err error) {
	if r, known := o.store.reach(o.plane); known {
		return r.acknowledged, r.last, nil
	}
	n, err := o.store.Numbering(ctx, o.plane)
	return n.Acknowledged, n.Last, err
}

// Pending lists the messages after a seq that are not acknowledged, in order,
// at most limit of them. Their payloads are not to be changed.
func (o Outbox) Pending(ctx context.Context, after uint64, limit int) ([]Message, error) {
	if r, known := o.store.reach(o.plane); known {
		if list, known := r.pending(after, limit); known {
			return list, nil
		}
	}
	return o.store.Pending(ctx, o.plane, after, limit)
}
