package frame

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/tiff"
	"pgregory.net/rapid"
)

// grey returns the image as rows of values.
func grey(m Image) [][]int {
	rows := make([][]int, m.Height)
	for y := range rows {
		for x := range m.Width {
			rows[y] = append(rows[y], m.At(x, y))
		}
	}
	return rows
}

func pngOf(t testing.TB, m image.Image) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func tiffOf(t testing.TB, m image.Image) string {
	t.Helper()
	var b bytes.Buffer
	if err := tiff.Encode(&b, m, &tiff.Options{Compression: tiff.Deflate, Predictor: true}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func jpegOf(t testing.TB, m image.Image) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gray16() *image.Gray16 {
	m := image.NewGray16(image.Rect(0, 0, 2, 1))
	m.SetGray16(0, 0, color.Gray16{Y: 0x1234})
	m.SetGray16(1, 0, color.Gray16{Y: 65535})
	return m
}

func colours() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, 5, 1))
	for x, c := range []color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {77, 77, 77, 255}, {255, 255, 255, 0}} {
		m.SetNRGBA(x, 0, c)
	}
	return m
}

func TestDecode(t *testing.T) {
	gray := &image.Gray{Pix: []byte{0, 7, 200, 255}, Stride: 2, Rect: image.Rect(0, 0, 2, 2)}
	// Rec. 601: 0.299 R + 0.587 G + 0.114 B of 255.
	luma := [][]int{{76, 150, 29, 77, 0}}
	for _, c := range []struct {
		name, data string
		depth      int
		want       [][]int
	}{
		{"PNG grey", pngOf(t, gray), 8, [][]int{{0, 7}, {200, 255}}},
		{"PNG 16 bit", pngOf(t, gray16()), 16, [][]int{{0x1234, 65535}}},
		{"PNG colour", pngOf(t, colours()), 8, luma},
		{"TIFF grey", tiffOf(t, gray), 8, [][]int{{0, 7}, {200, 255}}},
		{"TIFF 16 bit", tiffOf(t, gray16()), 16, [][]int{{0x1234, 65535}}},
		{"TIFF colour", tiffOf(t, colours()), 8, luma},
		{"PGM text, an example of netpbm's manual", "P2\n# feep.pgm\n4 2\n15\n0 3 7 15\n0 0 11 15\n", 8, [][]int{{0, 51, 119, 255}, {0, 0, 187, 255}}},
		{"PGM binary", "P5 2 1 255\n\x00\xfe", 8, [][]int{{0, 254}}},
		{"PGM binary, first pixel like white space", "P5\n2 1\n255\n\n ", 8, [][]int{{10, 32}}},
		{"PGM 10 bit", "P5 2 1 1023 \x03\xff\x01\x00", 10, [][]int{{1023, 256}}},
		{"PGM 12 bit text", "P2 1 1 4095 4094", 12, [][]int{{4094}}},
		{"PGM 16 bit", "P5#c\n2 1 65535\t\x12\x34\xff\xff", 16, [][]int{{0x1234, 65535}}},
		{"PGM 14 bit scaled", "P2 2 1 16383 16383 0", 16, [][]int{{65535, 0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Decode(strings.NewReader(c.data), "x")
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Check(); err != nil {
				t.Fatal(err)
			}
			if got := grey(m); m.Depth != c.depth || fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("depth %d %v; want %d %v", m.Depth, got, c.depth, c.want)
			}
		})
	}
}

// TestDecodeJPEG allows for the codec's rounding; grey and colour differ in
// how the file is laid out.
func TestDecodeJPEG(t *testing.T) {
	for _, c := range []struct {
		name string
		from image.Image
		want int
	}{
		{"grey", image.NewUniform(color.Gray{90}), 90},
		{"colour", image.NewUniform(color.RGBA{255, 0, 0, 255}), 76},
	} {
		var canvas interface {
			image.Image
			Set(x, y int, c color.Color)
		} = image.NewGray(image.Rect(0, 0, 9, 7))
		if c.name == "colour" {
			canvas = image.NewRGBA(image.Rect(0, 0, 9, 7))
		}
		for n := range 63 {
			canvas.Set(n%9, n/9, c.from.At(0, 0))
		}
		m, err := Decode(strings.NewReader(jpegOf(t, canvas)), "x.jpg")
		if err != nil {
			t.Fatal(err)
		}
		if got := m.At(8, 6); m.Width != 9 || m.Height != 7 || got < c.want-2 || got > c.want+2 {
			t.Errorf("%s: %d×%d, %d; want 9×7, %d ±2", c.name, m.Width, m.Height, got, c.want)
		}
	}
}

func TestDecodeErrorsNameFileAndLimit(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 40, 30))
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "neither PNG"},
		{"text", "hello, world", "neither PNG"},
		{"PBM", "P4 8 1 \x00", "neither PNG"},
		{"PNG truncated", pngOf(t, gray)[:60], "truncated"},
		{"PNG header only", pngOf(t, gray)[:20], "truncated"},
		{"JPEG truncated", jpegOf(t, gray)[:300], "truncated"},
		{"TIFF truncated", tiffOf(t, gray)[:8], "truncated"},
		{"PNG of no size", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x00\x00\x00\x00\x01\x08\x00\x00\x00\x00\x00\x00\x00\x00", "PNG header"},
		{"PGM too large", "P5 20000 20000 255\n", "20000×20000; limit is 268435456 pixels"},
		{"PGM absurd", "P5 99999999999999999999 1 255\n", "limit is 1073741824"},
		{"PGM empty", "P5 0 4 255\n", "0×4"},
		{"PGM truncated", "P5 4 4 255\nabc", "3 bytes of pixels; want 16"},
		{"PGM deep, truncated", "P5 2 2 256\nabcdefg", "7 bytes of pixels; want 8"},
		{"PGM text truncated", "P2 2 2 9 1 2 3       ", "pixel (1, 1): truncated"},
		{"PGM header truncated", "P5 4", "EOF"},
		{"PGM without space", "P5 1 1 255x", "want white space"},
		{"PGM white 0", "P5 1 1 0 a", "greatest value 0"},
		{"PGM white too large", "P5 1 1 65536 ab", "greatest value 65536"},
		{"PGM pixel too large", "P2 1 1 9 10", "pixel (0, 0): 10; the header's greatest value is 9"},
		{"PGM letters", "P2 1 x 9 10", "want a digit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode(strings.NewReader(c.data), "lot/7.img")
			if err == nil || !strings.HasPrefix(err.Error(), "lot/7.img: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q; want the file's name and %q", err, c.want)
			}
		})
	}
}

// TestDecodeLimitsPixels gives a limit to well-formed images above it.
func TestDecodeLimitsPixels(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 40, 30))
	for name, data := range map[string]string{"PNG": pngOf(t, gray), "JPEG": jpegOf(t, gray), "TIFF": tiffOf(t, gray)} {
		if _, err := decode([]byte(data), 40*30); err != nil {
			t.Errorf("%s at the limit: %v", name, err)
		}
		if _, err := decode([]byte(data), 40*30-1); err == nil || !strings.Contains(err.Error(), "limit is 1199 pixels") {
			t.Errorf("%s above the limit: error %v", name, err)
		}
	}
}

func TestReadAllLimitsBytes(t *testing.T) {
	if _, err := readAll(strings.NewReader("P5 1234567"), 9); err == nil || !strings.Contains(err.Error(), "9 bytes") {
		t.Errorf("error %v; want the limit", err)
	}
}

func TestLoadMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.png")
	if _, err := Load(path); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v; want it to name %s", err, path)
	}
}

func TestIsImage(t *testing.T) {
	for name, want := range map[string]bool{"a.png": true, "A.JPG": true, "b.c.tiff": true, "d.pgm": true, "png": false, "a.txt": false, "": false} {
		if IsImage(name) != want {
			t.Errorf("IsImage(%q) is %v", name, !want)
		}
	}
}

// TestEncodePNGKeepsPixels reads back what was written, padded rows included.
func TestEncodePNGKeepsPixels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.SampledFrom([]int{8, 10, 12, 16}).Draw(t, "depth")
		whole := New(rapid.IntRange(2, 9).Draw(t, "width"), rapid.IntRange(2, 9).Draw(t, "height"), depth)
		for n := range whole.Width * whole.Height {
			whole.Set(n%whole.Width, n/whole.Width, rapid.IntRange(0, whole.Max()).Draw(t, "value"))
		}
		m := whole.Sub(image.Rect(1, 1, whole.Width, whole.Height))
		var b bytes.Buffer
		if err := EncodePNG(&b, m); err != nil {
			t.Fatal(err)
		}
		got, err := Decode(&b, "x")
		if err != nil {
			t.Fatal(err)
		}
		for n := range m.Width * m.Height {
			x, y := n%m.Width, n/m.Width
			if got.At(x, y)>>(got.Depth-depth) != m.At(x, y) {
				t.Fatalf("pixel (%d, %d) %d; want %d of %d bits", x, y, got.At(x, y), m.At(x, y), depth)
			}
		}
	})
}

func TestEncodePNGRefusesBadView(t *testing.T) {
	if err := EncodePNG(&bytes.Buffer{}, Image{Width: 4, Height: 4, Stride: 3, Depth: 8, Pix: make([]byte, 16)}); err == nil {
		t.Error("no error for a stride below the width")
	}
}

// FuzzDecode wants no panic, no memory beyond the limit, and a usable image
// wherever there is no error.
func FuzzDecode(f *testing.F) {
	gray := image.NewGray(image.Rect(0, 0, 5, 3))
	for _, seed := range []string{
		pngOf(f, gray), pngOf(f, gray16()), pngOf(f, colours()), jpegOf(f, gray), jpegOf(f, colours()), tiffOf(f, gray), tiffOf(f, gray16()),
		"P2\n# c\n2 2\n15\n0 1 2 15\n", "P5 2 2 255\nabcd", "P5 2 1 1023\n\x01\x02\x03\x00", "P5 99999 99999 255\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 16
		m, err := decode(data, limit)
		if err != nil {
			return
		}
		if err := m.Check(); err != nil || m.Width*m.Height > limit {
			t.Errorf("%d×%d: %v", m.Width, m.Height, err)
		}
	})
}
