package record

import (
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// What the store keeps in memory of a plane is what the database has.
func checkMemory(t *rapid.T, s *Store) {
	for _, p := range []Plane{MES, Ledger} {
		o := s.Outbox(p)
		n, err := s.Numbering(ctx, p)
		acknowledged, last, err2 := o.Bounds(ctx)
		if err != nil || err2 != nil || acknowledged != n.Acknowledged || last != n.Last {
			t.Fatalf("%s: bounds %d, %d, %v; the database has %+v, %v", p, acknowledged, last, err2, n, err)
		}
		after, limit := rapid.Uint64Range(0, last+1).Draw(t, "after"), rapid.IntRange(1, 20).Draw(t, "limit")
		got, err := o.Pending(ctx, after, limit)
		want, err2 := s.Pending(ctx, p, after, limit)
		if err != nil || err2 != nil || len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("%s after %d, %d of them: %v, %v; the database has %v, %v", p, after, limit, got, err, want, err2)
		}
	}
}

// TestMemoryAgainstDatabase does to a database whatever can be done to its outbox.
func TestMemoryAgainstDatabase(t *testing.T) {
	s := open(t)
	broken := errors.New("broken")
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(5, 15).Draw(t, "steps") {
			o := s.Outbox(rapid.SampledFrom([]Plane{MES, Ledger}).Draw(t, "plane"))
			acknowledged, last, err := o.Bounds(ctx)
			if err != nil {
				t.Fatal(err)
			}
			seq := rapid.Uint64Range(acknowledged, last+1).Draw(t, "seq")
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0, 1, 2:
				err = s.Update(ctx, func(x *Tx) error {
					for range rapid.IntRange(1, maxTail+4).Draw(t, "messages") {
						if err := numbered(x, o.plane); err != nil {
							return err
						}
					}
					return nil
				})
			case 3:
				if err := s.Update(ctx, func(x *Tx) error { return errors.Join(both(x), broken) }); !errors.Is(err, broken) {
					t.Fatal(err)
				}
			case 4:
				if err = o.Acknowledge(ctx, seq); seq > last && errors.Is(err, ErrAhead) {
					err = nil
				}
			case 5:
				if seq > acknowledged && seq <= last {
					err = o.Replace(ctx, seq, []byte("void"))
				}
			case 6:
				if acknowledged < last {
					err = o.SetAside(ctx, acknowledged+1)
				}
			case 7:
				_, err = o.Begin(ctx, seq, func(Message, string, uint64) ([]byte, error) { return []byte("anew"), nil })
			}
			if err != nil {
				t.Fatal(err)
			}
			checkMemory(t, s)
		}
	})
}
