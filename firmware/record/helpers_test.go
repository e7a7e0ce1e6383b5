package record

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/firmware/alarm"
	"kensa/hw/handler"
	"kensa/vision/defect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

var (
	ctx   = context.Background()
	start = time.Date(2026, 3, 1, 8, 0, 0, 123456789, time.UTC)
)

// open opens a new store in a folder of the test's own.
func open(t testing.TB) *Store {
	t.Helper()
	return openAt(t, filepath.Join(folder(t), "kensa.db"))
}

// folder is a folder of the test's own, in memory where the system has such a
// place: what these tests ask of the store does not depend on the disk, and
// waiting for a busy one takes minutes.
func folder(t testing.TB) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "record")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func openAt(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// sample is a wafer of so many dies, defects and images, the nth of its lot.
func sample(n, dies, defects, images int) *Wafer {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	began := start.Add(time.Duration(n) * time.Minute)
	w := &Wafer{
		Material: handler.Material{Carrier: "FOUP-7", Lot: "LOT-1", Slot: n%25 + 1, Substrate: fmt.Sprintf("W%03d", n)},
		Recipe:   "sram", RecipeVersion: "3", RecipeHash: "ab12", Calibration: "5x/0007 281cefdd7e832cf3",
		Started: began, Finished: began.Add(30 * time.Second), Fields: 12, FieldsInspected: 12,
		Layout: wafer.Layout{Kind: wafer.DieGrid, Diameter: 200 * length.Millimetre, EdgeExclusion: 3 * length.Millimetre,
			PitchX: 8000.0 / 3, PitchY: 7654.3217, DieWidth: 2600, DieHeight: 7600, OffsetX: 0.3247, Notch: wafer.Down,
			FieldColumns: 4, FieldRows: 3, Path: wafer.Serpentine, PixelSize: 0.3247},
		BinNames: map[wafer.Bin]string{wafer.Good: "good", 7: "short"},
	}
	for i := range dies {
		w.Dies = append(w.Dies, Die{Index: wafer.DieIndex{Column: i % 20, Row: -i / 20}, Bin: wafer.Good})
	}
	for i := range defects {
		w.Defects = append(w.Defects, sampleDefect(random, i, w.Dies[i%dies].Index, i < images))
	}
	if n%2 == 1 {
		w.Climate = &Climate{Temperature: physic.ZeroCelsius + 21437*physic.MilliKelvin, Humidity: 43*physic.PercentRH + 7*physic.TenthMicroRH}
	}
	w.Summary = wafer.Summary{Dies: dies, Inspected: dies, Good: dies, Defects: defects, Area: 0.5, Verdict: wafer.Pass}
	return w
}

func sampleDefect(random *rand.Rand, i int, die wafer.DieIndex, withImage bool) Defect {
	x, y := random.IntN(4000), random.IntN(3000)
	d := Defect{Number: i + 1, Die: die, Field: i % 12,
		X: length.Length(random.Float64() * 2600), Y: length.Length(random.Float64() * 7600), SizeX: 3.3, SizeY: 1.0 / 3, Size: 3.1, SizeUncertainty: 0.7,
		Defect: defect.Defect{Box: image.Rect(x, y, x+10, y+1), CX: float64(x) + 1.0/3, CY: float64(y), Area: 7,
			Class: defect.Short, Polarity: defect.Bright, Confidence: 0.9, Contrast: 12.25}}
	if withImage {
		d.Image = make([]byte, 8000) // a crop of 96×96 pixels as PNG
		for j := range d.Image {
			d.Image[j] = byte(random.Uint32())
		}
	}
	return d
}

// raised is an alarm as the set of alarms makes it.
func raised(k alarm.Kind, at time.Time) alarm.Alarm {
	return alarm.Alarm{Kind: k, Detail: "field 3", Count: 1, Set: at, Latest: at}
}

// both publishes one message on each plane, whose payload tells its number.
func both(t *Tx) error {
	for _, p := range []Plane{MES, Ledger} {
		if err := numbered(t, p); err != nil {
			return err
		}
	}
	return nil
}

func numbered(t *Tx, p Plane) error {
	_, err := t.Publish(p, func(seq uint64) ([]byte, error) { return payload(t.Epoch(), p, seq), nil })
	return err
}

// put publishes a message that does not tell its number.
func put(t *Tx, p Plane, payload []byte) error {
	_, err := t.Publish(p, func(uint64) ([]byte, error) { return payload, nil })
	return err
}

func payload(epoch string, p Plane, seq uint64) []byte {
	return fmt.Appendf(nil, "%s %s %d", epoch, p, seq)
}

func commit(t testing.TB, s *Store, w *Wafer, publish func(*Tx) error) {
	t.Helper()
	if err := s.Commit(ctx, w, publish); err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v; want %v", err, want)
	}
}
