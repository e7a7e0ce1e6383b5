package simulator

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"

	"kensa/hw/camera"
)

// Good exposes n fields without defects, for training, one stop after the other
// and wafer after wafer, with all the variation of good dies. The wafers are of
// lots that Run never shows. The frame's memory is reused after each call of use,
// whose error ends the work and is returned.
func (s *Scene) Good(n int, use func(Stop, *camera.Frame) error) error {
	pix := make([]byte, s.FrameBytes())
	stops := s.options.Program.Stops
	var w *wafer
	for i := range n {
		if i%len(stops) == 0 {
			w = s.newWafer(1, -1, i/len(stops))
		}
		field := i % len(stops)
		s.render(exposure{wafer: w, field: field}, pix)
		if err := use(stops[field], &camera.Frame{Format: s.format(), Pix: pix, Sequence: uint64(i + 1)}); err != nil {
			return err
		}
	}
	return nil
}

// WriteFrames writes the frames of all wafers as folder/LOT/SUBSTRATE/field-000.png
// and their truth as truth.json beside them, a layout that replay reads. Grey
// values of more than 8 bits are scaled to 16. done is told of each finished
// wafer. Lots must have an end. Files that are there already are overwritten.
func (s *Scene) WriteFrames(ctx context.Context, folder string, done func(Truth)) error {
	if s.options.Lots == 0 && s.options.Wafers == 0 {
		return errors.New("simulator: frames of lots without end; set a number of lots or wafers")
	}
	pix := make([]byte, s.FrameBytes())
	for w, err := range s.wafers() {
		if err != nil {
			return err
		}
		truth, err := s.writeWafer(ctx, filepath.Join(folder, w.material.Lot, w.material.Substrate), w, pix)
		if err != nil {
			return fmt.Errorf("simulator: wafer %s: %w", w.material.Substrate, err)
		}
		done(*truth)
	}
	return nil
}

func (s *Scene) writeWafer(ctx context.Context, folder string, w *wafer, pix []byte) (*Truth, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	truth := s.truth(w)
	for n := range s.options.Program.Stops {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		truth.add(s.render(exposure{wafer: w, field: n}, pix))
		if err := writePNG(filepath.Join(folder, fmt.Sprintf("field-%03d.png", n)), s.format(), pix); err != nil {
			return nil, err
		}
	}
	truth.Complete = true
	return truth, writeTruth(filepath.Join(folder, "truth.json"), truth)
}

func writePNG(path string, f camera.Format, pix []byte) error {
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	return write(path, func(w *bufio.Writer) error { return encoder.Encode(w, picture(f, pix)) })
}

func writeTruth(path string, t *Truth) error {
	return write(path, func(w *bufio.Writer) error { return t.Write(w) })
}

func write(path string, fill func(*bufio.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	return errors.Join(fill(w), w.Flush(), file.Close())
}

// picture is a frame as Go's image packages see it.
func picture(f camera.Format, pix []byte) image.Image {
	bounds := image.Rect(0, 0, f.Width, f.Height)
	if f.Depth == 8 {
		return &image.Gray{Pix: pix, Stride: f.Stride, Rect: bounds}
	}
	m := image.NewGray16(bounds)
	top := uint32(1)<<f.Depth - 1
	for y := range f.Height {
		for x := range f.Width {
			v := uint32(binary.LittleEndian.Uint16(pix[y*f.Stride+2*x:]))
			m.SetGray16(x, y, color.Gray16{Y: uint16((v*65535 + top/2) / top)})
		}
	}
	return m
}
