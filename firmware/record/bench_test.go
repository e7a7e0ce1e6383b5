package record

import (
	"path/filepath"
	"testing"
)

// BenchmarkCommit commits a wafer of 220 dies, 60 defects and 20 images of 8 kB
// with a message on each plane, on the temporary folder's disk.
func BenchmarkCommit(b *testing.B) {
	s := openAt(b, filepath.Join(b.TempDir(), "kensa.db")) // on a disk, whose fsync is part of a commit
	w := sample(0, 220, 60, 20)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		next := *w
		next.Material.Slot = n // another wafer
		commit(b, s, &next, both)
	}
}

// BenchmarkPending reads a window of 100 messages out of 10,000.
func BenchmarkPending(b *testing.B) {
	s := open(b)
	err := s.Update(ctx, func(x *Tx) error {
		for range 10_000 {
			if err := put(x, Ledger, make([]byte, 600)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if list, err := s.Pending(ctx, Ledger, 5000, 100); err != nil || len(list) != 100 {
			b.Fatal(len(list), err)
		}
	}
}

// BenchmarkWafer reads a whole wafer as BenchmarkCommit commits it.
func BenchmarkWafer(b *testing.B) {
	s := open(b)
	commit(b, s, sample(1, 220, 60, 20), both)
	for b.Loop() {
		if _, err := s.Latest(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
