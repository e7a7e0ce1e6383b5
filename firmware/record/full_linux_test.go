package record

import (
	"path/filepath"
	"syscall"
	"testing"
)

// fillUp commits wafers until one does not fit, and checks that the store then
// holds exactly those that did.
func fillUp(t *testing.T, s *Store) (refused *Wafer) {
	t.Helper()
	for n := range 1000 {
		w := sample(n, 20, 10, 10)
		if err := s.Commit(ctx, w, both); err != nil {
			wantError(t, err, ErrFull)
			list, err := s.Wafers(ctx, Filter{})
			if err != nil || len(list) != n {
				t.Fatalf("%d wafers, %v; want the %d before", len(list), err, n)
			}
			if numbering, err := s.Numbering(ctx, Ledger); err != nil || numbering.Last != uint64(n) {
				t.Fatalf("numbering %+v, %v; want %d", numbering, err, n)
			}
			return w
		}
	}
	t.Fatal("the disk was never full")
	return nil
}

func TestFullDatabaseIsATypedErrorAndTheWaferFitsLater(t *testing.T) {
	s := open(t)
	if _, err := s.writer.Exec(`PRAGMA max_page_count = 150`); err != nil {
		t.Fatal(err)
	}
	held := fillUp(t, s)
	if _, err := s.writer.Exec(`PRAGMA max_page_count = 100000`); err != nil {
		t.Fatal(err)
	}
	commit(t, s, held, both)
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

func TestFullFileSystem(t *testing.T) {
	folder := smallFileSystem(t, "1m")
	ballast := filepath.Join(folder, "ballast")
	write(t, ballast, make([]byte, 256<<10))
	s := openAt(t, filepath.Join(folder, "kensa.db"))
	held := fillUp(t, s)
	if _, err := s.Latest(ctx); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	wantError(t, s.Commit(ctx, held, both), ErrFull)
	remove(t, ballast)
	commit(t, s, held, both)
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

// TestOpenOnFullFileSystem leaves too little room to make the database, then
// more: what the first attempt left behind must not be in the way.
func TestOpenOnFullFileSystem(t *testing.T) {
	folder := smallFileSystem(t, "64k")
	path := filepath.Join(folder, "kensa.db")
	_, err := Open(ctx, path)
	wantError(t, err, ErrFull)
	if err := syscall.Mount("tmpfs", folder, "tmpfs", syscall.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	commit(t, s, sample(1, 5, 1, 1), both)
}

func TestReadOnlyFileSystem(t *testing.T) {
	folder := smallFileSystem(t, "4m")
	path := filepath.Join(folder, "kensa.db")
	openAt(t, path).Close()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=4m"); err != nil {
		t.Fatal(err)
	}
	_, err := Open(ctx, path)
	wantError(t, err, syscall.EROFS)
}

func smallFileSystem(t *testing.T, size string) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small file system: %v; it takes root", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return folder
}
