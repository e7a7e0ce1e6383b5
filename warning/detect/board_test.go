package detect_test

import (
	"testing"
	"time"

	"kensa/bus/ledger"
	"kensa/warning/detect"
)

// feed gives a board a stream of deviations; nil is a wafer of the baseline.
type feed struct {
	board *detect.Board
	epoch string
	seq   uint64
}

func (f *feed) add(deviation *float64, complete bool) *detect.Warning {
	f.seq++
	return f.board.Add(ledger.Record{
		Node: "n", Epoch: f.epoch, Product: "p", Seq: f.seq, Complete: complete, Deviation: deviation,
		Time: time.Unix(int64(f.seq), 0),
	})
}

func (f *feed) many(n int, deviation float64) (begun []*detect.Warning) {
	for range n {
		if w := f.add(&deviation, true); w != nil {
			begun = append(begun, w)
		}
	}
	return begun
}

func one(t *testing.T, b *detect.Board) detect.Stream {
	t.Helper()
	s := b.Streams()
	if len(s) != 1 {
		t.Fatalf("%d streams; want 1", len(s))
	}
	return s[0]
}

func TestLifeOfAStream(t *testing.T) {
	f := &feed{board: detect.NewBoard(), epoch: "a"}
	for range 7 {
		f.add(nil, true)
	}
	f.add(nil, false)
	if s := one(t, f.board); s.State != detect.Learning || s.Learnt != 7 || s.Wafers != 8 {
		t.Errorf("%+v; want 7 of 8 wafers learnt", s)
	}
	if w := f.many(10, 0.1); w != nil {
		t.Errorf("calm wafers gave %+v", w)
	}
	if s := one(t, f.board); s.State != detect.Watching || len(s.Points) != 10 {
		t.Errorf("%+v; want a watched stream with 10 points", s)
	}
	begun := f.many(20, -2)
	if len(begun) != 1 {
		t.Fatalf("a drop of 2σ began %d warnings; want 1", len(begun))
	}
	if s := one(t, f.board); s.State != detect.Alarmed {
		t.Errorf("state %s; want a warning", s.State)
	}
	f.many(40, 0.5)
	w := f.board.Warnings()
	if len(w) != 1 || w[0].Until == nil || w[0].Seq != begun[0].Seq || w[0].Average > begun[0].Average || w[0].Wafers < 2 {
		t.Errorf("warnings %+v; want one that ended, lower than at its beginning", w)
	}
	if s := one(t, f.board); s.State != detect.Watching {
		t.Errorf("state %s after recovery", s.State)
	}
}

func TestRisingYieldIsNoWarning(t *testing.T) {
	f := &feed{board: detect.NewBoard(), epoch: "a"}
	if w := f.many(100, 3); w != nil || len(f.board.Warnings()) != 0 {
		t.Errorf("better yield gave %+v", w)
	}
}

// A new database has a new baseline; its chart begins anew.
func TestNewEpochBeginsAnew(t *testing.T) {
	f := &feed{board: detect.NewBoard(), epoch: "a"}
	f.many(20, -3)
	f.epoch = "b"
	f.add(nil, true)
	if s := one(t, f.board); s.State != detect.Learning || s.Epoch != "b" || len(s.Points) != 0 {
		t.Errorf("%+v; want a learning stream of epoch b", s)
	}
	if w := f.board.Warnings(); len(w) != 1 || w[0].Until == nil || !w[0].Replaced {
		t.Errorf("warnings %+v; want the old one ended", w)
	}
}

func TestIncompleteWafersCountForLess(t *testing.T) {
	whole, part := &feed{board: detect.NewBoard()}, &feed{board: detect.NewBoard()}
	d := -2.0
	whole.add(&d, true)
	part.add(&d, false)
	a, b := one(t, whole.board).Points[0].Average, one(t, part.board).Points[0].Average
	if a != -0.2 || b != -0.1 {
		t.Errorf("averages %v and %v; want -0.2 and -0.1", a, b)
	}
}
