package hotpath

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"
)

// atProtectedPage copies data so that it ends, or starts, where memory must not
// be touched.
func atProtectedPage[T any](t *testing.T, data []T, atEnd bool) []T {
	t.Helper()
	page := syscall.Getpagesize()
	bytes := len(data) * int(unsafe.Sizeof(data[0]))
	pages := (bytes + page - 1) / page * page
	all, err := syscall.Mmap(-1, 0, pages+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(all); err != nil {
			t.Error(err)
		}
	})
	at := page
	if atEnd {
		at += pages - bytes
	}
	out := unsafe.Slice((*T)(unsafe.Pointer(&all[at])), len(data))
	copy(out, data)
	for _, guard := range [][]byte{all[:page], all[page+pages:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestProtectedPages lets every buffer that is only read end, or start, at a
// protected page: one byte too far is a crash.
func TestProtectedPages(t *testing.T) {
	eachTarget(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for n := range 120 {
			z := drawSize(r)
			z.left, z.top, z.right, z.bottom = r.IntN(2), r.IntN(2), r.IntN(2), r.IntN(2)
			at := Place{Gain: 1}
			if z.right > 0 {
				at.X = r.Float64()
			}
			if z.bottom > 0 {
				at.Y = r.Float64()
			}
			s := drawScene(t, r, z, at, 0.3)
			atEnd := n%2 == 0
			s.img.Pix = atProtectedPage(t, s.img.Pix, atEnd)
			s.ref.limits = atProtectedPage(t, s.ref.limits, atEnd)
			s.ref.mean, s.ref.sigma = atProtectedPage(t, s.ref.mean, atEnd), atProtectedPage(t, s.ref.sigma, atEnd)
			if s.flat != nil {
				s.flat.words = atProtectedPage(t, s.flat.words, atEnd)
			}
			agree(t, s)
		}
	})
}

// TestMarksAtProtectedPages measures a mark that fills the frame.
func TestMarksAtProtectedPages(t *testing.T) {
	eachTarget(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		for n := range 16 {
			z := size{width: MarkSide, height: MarkSide, right: 1, bottom: 1, padding: 2 * (n % 3), depth: []int{8, 12}[n%2], flat: n%4 < 2}
			s := drawScene(t, r, z, Place{X: 0.25, Y: 0.75, Gain: 1}, 0)
			s.img.Pix = atProtectedPage(t, s.img.Pix, n%8 < 4)
			m := drawMarks(t, r, MarkSide+1, MarkSide+1, 1)
			m.planes = atProtectedPage(t, m.planes, true)
			if _, ok := new(Meter).measure(m, s); !ok {
				t.Fatal("not measured")
			}
		}
	})
}
