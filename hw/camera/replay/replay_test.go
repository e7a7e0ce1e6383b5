package replay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"kensa/hw/camera"
	"kensa/hw/handler"
	"kensa/hw/handshake"
	"kensa/hw/handshake/handshaketest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// decode reads a grey PNG.
func decode(path string) (camera.Frame, error) {
	file, err := os.Open(path)
	if err != nil {
		return camera.Frame{}, err
	}
	defer file.Close()
	m, err := png.Decode(file)
	if err != nil {
		return camera.Frame{}, err
	}
	g, ok := m.(*image.Gray)
	if !ok {
		return camera.Frame{}, fmt.Errorf("%s: not grey", path)
	}
	return camera.Frame{Pix: g.Pix, Format: camera.Format{Width: g.Rect.Dx(), Height: g.Rect.Dy(), Stride: g.Stride, Depth: 8}}, nil
}

// put writes a picture of one grey value and returns its pixels' hash.
func put(t *testing.T, grey byte, path ...string) [sha256.Size]byte {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	m := image.NewGray(image.Rect(0, 0, 8, 6))
	for i := range m.Pix {
		m.SetGray(i%8, i/8, color.Gray{Y: grey})
	}
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(file, m), file.Close()); err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(m.Pix)
}

// play runs a folder past the test appliance.
func play(t *testing.T, o Options) []handshaketest.Wafer {
	t.Helper()
	o.Decode, o.Pace, o.Timeout = decode, handshake.Unlimited, 30*time.Second
	tool, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer tool.Close()
	a := handshaketest.Appliance{Tool: tool}
	done := make(chan error)
	go func() { done <- a.Run(context.Background()) }()
	if err := errors.Join(tool.Run(context.Background()), <-done); err != nil {
		t.Fatal(err)
	}
	return a.Wafers
}

func TestAFolderIsShownAsARealTool(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "recorded")
	first := put(t, 10, dir, "LOT7", "W01", "field-2.png")
	second := put(t, 20, dir, "LOT7", "W01", "field-10.PNG")
	put(t, 30, dir, "LOT7", "W02", "field-0.png")
	wafers := play(t, Options{Folder: dir})
	if len(wafers) != 2 {
		t.Fatalf("%d wafers", len(wafers))
	}
	w := wafers[0]
	if want := (handler.Material{Lot: "LOT7", Slot: 1, Substrate: "W01"}); w.Material != want {
		t.Errorf("material %+v, want %+v", w.Material, want)
	}
	if len(w.Pulses) != 2 || len(w.Frames) != 2 {
		t.Fatalf("%d pulses, %d frames", len(w.Pulses), len(w.Frames))
	}
	if w.Frames[0].Hash != first || w.Frames[1].Hash != second {
		t.Error("the pictures came changed or in another order")
	}
	for i, f := range w.Frames {
		if f.Time != w.Pulses[i].Time+Latency || f.Sequence != uint64(i+1) || filepath.Ext(f.Source) == "" {
			t.Errorf("frame %d: %+v for pulse %+v", i, f, w.Pulses[i])
		}
	}
	if !(w.Arrived < w.Pulses[0].Time && w.Pulses[0].Time < w.Pulses[1].Time && w.Pulses[1].Time < w.Left && w.Left < wafers[1].Arrived) {
		t.Error("time stamps are not in the order of the handshake")
	}
}

func TestNamesOfLotAndSubstrate(t *testing.T) {
	for _, test := range []struct{ path, lot, substrate string }{
		{"a.png", "root", "root"},
		{"W3/a.png", "root", "W3"},
		{"L1/W3/a.png", "L1", "W3"},
		{"2026/L1/W3/a.png", "L1", "W3"},
	} {
		dir := filepath.Join(t.TempDir(), "root")
		put(t, 1, dir, test.path)
		wafers, err := Find(dir)
		if err != nil || len(wafers) != 1 {
			t.Fatalf("%s: %v, %v", test.path, wafers, err)
		}
		if m := wafers[0].Material; m.Lot != test.lot || m.Substrate != test.substrate {
			t.Errorf("%s: %+v", test.path, m)
		}
	}
}

func TestALinkToAFolderIsFollowed(t *testing.T) {
	dir := t.TempDir()
	put(t, 1, dir, "real", "a.png")
	if err := os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	wafers, err := Find(filepath.Join(dir, "link"))
	if err != nil || len(wafers) != 1 || wafers[0].Material.Substrate != "link" {
		t.Fatalf("%+v, %v", wafers, err)
	}
}

func TestAnUnreadableFileIsAPulseWithoutFrame(t *testing.T) {
	dir := t.TempDir()
	put(t, 1, dir, "W", "a.png")
	put(t, 3, dir, "W", "c.png")
	broken := filepath.Join(dir, "W", "b.png")
	if err := os.WriteFile(broken, []byte("\x89PNG\r\n\x1a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var told []string
	wafers := play(t, Options{Folder: dir, Unreadable: func(path string, err error) {
		if err == nil {
			t.Error("no error given")
		}
		told = append(told, path)
	}})
	w := wafers[0]
	if len(w.Pulses) != 3 || len(w.Frames) != 2 || w.Frames[0].Sequence != 1 || w.Frames[1].Sequence != 3 {
		t.Errorf("%d pulses, frames %+v", len(w.Pulses), w.Frames)
	}
	if !slices.Equal(told, []string{broken}) {
		t.Errorf("told of %v", told)
	}
}

func TestAFolderWithoutImagesIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "truth.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := New(Options{Folder: dir, Decode: decode})
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), ".tiff") {
		t.Errorf("got %v; want the folder and the extensions", err)
	}
	if _, err := New(Options{Folder: filepath.Join(dir, "nowhere"), Decode: decode}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
	if _, err := Find(filepath.Join(dir, "truth.json")); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("a file: %v", err)
	}
}

func TestRunEndsWithoutAnAppliance(t *testing.T) {
	dir := t.TempDir()
	put(t, 1, dir, "a.png")
	open := func(timeout time.Duration) *Tool {
		tool, err := New(Options{Folder: dir, Decode: decode, Timeout: timeout, Pace: handshake.Unlimited})
		if err != nil {
			t.Fatal(err)
		}
		return tool
	}
	if err := open(time.Millisecond).Run(context.Background()); !errors.Is(err, handshake.ErrTimeout) {
		t.Errorf("nobody answers: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := open(0).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNaturalOrder(t *testing.T) {
	names := []string{"a10", "a2", "b", "a", "a02", "a1b20", "a1b3", "", "10", "9"}
	slices.SortFunc(names, Natural)
	want := []string{"", "9", "10", "a", "a1b3", "a1b20", "a02", "a2", "a10", "b"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestNaturalIsATotalOrder(t *testing.T) {
	name := rapid.StringMatching(`[ab0-2/]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := name.Draw(t, "a"), name.Draw(t, "b"), name.Draw(t, "c")
		if Natural(a, b) != -Natural(b, a) || (Natural(a, b) == 0) != (a == b) {
			t.Fatalf("not antisymmetric: %q, %q", a, b)
		}
		if Natural(a, b) <= 0 && Natural(b, c) <= 0 && Natural(a, c) > 0 {
			t.Fatalf("not transitive: %q, %q, %q", a, b, c)
		}
	})
}
