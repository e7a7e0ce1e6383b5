package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/tiff"
)

// MaxFileBytes bounds an image file: MaxPixels of 16 bits, in decimal text.
const MaxFileBytes = 6 * MaxPixels

// ErrUnknownFormat means that a file is none of the formats that Decode reads.
var ErrUnknownFormat = errors.New("neither PNG, JPEG, TIFF nor PGM")

// extensions are those of the formats that Decode reads.
var extensions = []string{".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm"}

// IsImage reports whether a file's name ends as an image's that Load may read.
func IsImage(name string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(name)))
}

// Load reads an image file; see Decode.
func Load(path string) (Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return Image{}, err
	}
	defer f.Close()
	return Decode(f, path)
}

// Decode reads a PNG, JPEG, TIFF or PGM, told apart by its first bytes, into
// memory of its own. Grey images keep their values: 8 bits, or 16 for all that
// is deeper (PGM also gives 10 and 12). Colour becomes grey by Rec. 601 luma,
// transparent parts black. Errors begin with name.
func Decode(r io.Reader, name string) (Image, error) {
	data, err := readAll(r, MaxFileBytes)
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", name, err)
	}
	m, err := decode(data, MaxPixels)
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// readAll reads what starts as an image, up to limit bytes.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	start := make([]byte, 4)
	n, err := io.ReadFull(r, start)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, err
	}
	if formatOf(start[:n]) == nil {
		return nil, ErrUnknownFormat
	}
	data, err := io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(start[:n]), r), limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("longer than %d bytes, the limit of an image file", limit)
	}
	return data, err
}

// format is how to read one kind of file.
type format struct {
	name  string
	magic []string // any of these starts the file
	// config reads width and height without allocating the pixels.
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func formatOf(start []byte) *format {
	for _, f := range []format{
		{"PNG", []string{"\x89PNG"}, png.DecodeConfig, png.Decode},
		{"JPEG", []string{"\xff\xd8\xff"}, jpeg.DecodeConfig, jpeg.Decode},
		{"TIFF", []string{"II*\x00", "MM\x00*"}, tiff.DecodeConfig, tiff.Decode},
		{"PGM", []string{"P5", "P2"}, nil, nil},
	} {
		for _, magic := range f.magic {
			if bytes.HasPrefix(start, []byte(magic)) {
				return &f
			}
		}
	}
	return nil
}

// decode checks the size that the header gives against limit, in pixels,
// before anything of that size is allocated.
func decode(data []byte, limit int) (Image, error) {
	f := formatOf(data)
	if f == nil {
		return Image{}, ErrUnknownFormat
	}
	if f.decode == nil {
		return decodePGM(data, limit)
	}
	config, err := f.config(bytes.NewReader(data))
	if err != nil {
		return Image{}, fmt.Errorf("%s header: %w", f.name, truncated(err))
	}
	if err := checkSize(config.Width, config.Height, limit); err != nil {
		return Image{}, err
	}
	decoded, err := f.decode(bytes.NewReader(data))
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", f.name, truncated(err))
	}
	return FromImage(decoded)
}

func checkSize(width, height, limit int) error {
	switch {
	case width <= 0 || height <= 0:
		return fmt.Errorf("size %d×%d; want at least 1×1 pixel", width, height)
	case width > limit/height:
		return fmt.Errorf("size %d×%d; limit is %d pixels", width, height, limit)
	}
	return nil
}

// truncated words the error of a file that ends too early. The PNG decoder
// gives it as text only.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || strings.Contains(err.Error(), io.ErrUnexpectedEOF.Error()) {
		return fmt.Errorf("truncated: %w", err)
	}
	return err
}

// FromImage copies an image of Go's library into a grey Image of 8 bits, or of
// 16 where it is deeper. Colour becomes grey by Rec. 601 luma.
func FromImage(from image.Image) (Image, error) {
	b := from.Bounds()
	depth := 8
	switch from.ColorModel() {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		depth = 16
	}
	if err := checkSize(b.Dx(), b.Dy(), MaxPixels); err != nil {
		return Image{}, err
	}
	to := New(b.Dx(), b.Dy(), depth)
	switch from := from.(type) {
	case *image.Gray:
		for y := range to.Height {
			copy(to.Row(y), from.Pix[from.PixOffset(b.Min.X, b.Min.Y+y):])
		}
	case *image.YCbCr: // JFIF's Y is Rec. 601 luma
		for y := range to.Height {
			copy(to.Row(y), from.Y[from.YOffset(b.Min.X, b.Min.Y+y):])
		}
	case image.RGBA64Image:
		copyLuma(to, from)
	default:
		return Image{}, fmt.Errorf("pixels of type %T; want grey or colour", from)
	}
	return to, nil
}

// copyLuma converts with the weights of Rec. 601 in 16 bits, as color.GrayModel
// does.
func copyLuma(to Image, from image.RGBA64Image) {
	origin, shift := from.Bounds().Min, 16-to.Depth
	for y := range to.Height {
		for x := range to.Width {
			c := from.RGBA64At(origin.X+x, origin.Y+y)
			luma := (19595*uint32(c.R) + 38470*uint32(c.G) + 7471*uint32(c.B) + 1<<15) >> 16
			to.Set(x, y, int(luma>>shift))
		}
	}
}

// EncodePNG writes the image as a grey PNG of 8 bits, or of 16 where it is
// deeper; 10 and 12 bits are scaled up, so that the largest value is white.
func EncodePNG(w io.Writer, m Image) error {
	if err := m.Check(); err != nil {
		return err
	}
	if m.Depth == 8 {
		return png.Encode(w, &image.Gray{Pix: m.Pix, Stride: m.Stride, Rect: m.Bounds()})
	}
	deep, shift := image.NewGray16(m.Bounds()), 16-m.Depth
	for y := range m.Height {
		row := m.Row(y)
		for x := range m.Width {
			value := binary.LittleEndian.Uint16(row[2*x:]) << shift
			binary.BigEndian.PutUint16(deep.Pix[y*deep.Stride+2*x:], value)
		}
	}
	return png.Encode(w, deep)
}
