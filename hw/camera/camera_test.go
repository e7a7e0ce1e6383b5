package camera_test

import (
	"slices"
	"testing"

	"kensa/hw/camera"
)

func TestAtReadsByDepthAndStride(t *testing.T) {
	eight := camera.Frame{Format: camera.Format{Width: 2, Height: 2, Stride: 3, Depth: 8}, Pix: []byte{1, 2, 99, 3, 255}}
	twelve := camera.Frame{Format: camera.Format{Width: 2, Height: 2, Stride: 6, Depth: 12}, Pix: []byte{1, 0, 2, 0, 99, 99, 3, 0, 0xff, 0x0f}}
	sixteen := twelve
	sixteen.Depth = 16
	for _, c := range []struct {
		frame camera.Frame
		last  int
	}{{eight, 255}, {twelve, 4095}, {sixteen, 4095}} {
		got := [4]int{c.frame.At(0, 0), c.frame.At(1, 0), c.frame.At(0, 1), c.frame.At(1, 1)}
		if want := [4]int{1, 2, 3, c.last}; got != want {
			t.Errorf("%d bits: %v; want %v", c.frame.Depth, got, want)
		}
		if all, mean := c.frame.Greys(), c.frame.Mean(); !slices.Equal(all, []float32{1, 2, 3, float32(c.last)}) || mean != float64(6+c.last)/4 {
			t.Errorf("%d bits: %v, mean %v", c.frame.Depth, all, mean)
		}
	}
}
