package classify

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"os"
	"slices"

	"kensa/vision/defect"
	"kensa/vision/frame"
)

// LeastSide is the least side of a crop in pixels: the defect, and enough of its
// surroundings to tell it from them.
const LeastSide = 16

// Around is the part of a frame to keep as the image of a defect: at least so
// many pixels a side, and half as much again as a larger defect.
func Around(box image.Rectangle, least int) image.Rectangle {
	side := max(least, box.Dx()*3/2, box.Dy()*3/2)
	corner := box.Min.Add(box.Max).Div(2).Sub(image.Pt(side/2, side/2))
	return image.Rectangle{Min: corner, Max: corner.Add(image.Pt(side, side))}
}

// keyword names the text in a PNG that tells of the defect that it shows.
const keyword = "kensa-defect"

// Note is what the inspection knows of the defect in a crop.
type Note struct {
	Class    defect.Class // as the inspection named it
	Measures defect.Measures
}

// Annotate adds a note to a PNG, as a text chunk, which programs that do not know
// it leave alone.
func Annotate(png []byte, n Note) ([]byte, error) {
	const head = 8 + 25 // signature and IHDR, which must come first
	if len(png) < head {
		return nil, errors.New("no PNG")
	}
	text, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	data := append([]byte("tEXt"+keyword+"\x00"), text...)
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(data)-4))
	chunk = append(chunk, data...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(data))
	return slices.Concat(png[:head], chunk, png[head:]), nil
}

// Crop is the part of an image around a defect as an annotated PNG, of at least
// so many pixels a side.
func Crop(img frame.Image, d defect.Defect, least int) ([]byte, error) {
	var png bytes.Buffer
	if err := frame.EncodePNG(&png, img.Sub(Around(d.Box, least))); err != nil {
		return nil, err
	}
	return Annotate(png.Bytes(), Note{d.Class, d.Measures})
}

// noteOf reads the note of a PNG. found is false where there is none.
func noteOf(png []byte) (n Note, found bool, err error) {
	const signature = 8
	for at := signature; at+12 <= len(png); {
		long := binary.BigEndian.Uint32(png[at:])
		if int64(long) > int64(len(png)-at-12) { // before it is an int, which may have 32 bits
			return n, false, nil
		}
		size := int(long)
		data := png[at+8 : at+8+size]
		if text, ok := bytes.CutPrefix(data, []byte(keyword+"\x00")); ok && string(png[at+4:at+8]) == "tEXt" {
			return n, true, json.Unmarshal(text, &n)
		}
		at += 12 + size
	}
	return n, false, nil
}

// ReadCrop reads a labelled crop's defect. measured tells that the inspection's
// own measures came with it; else they are taken from the picture. Errors name
// the file.
func ReadCrop(path string) (m defect.Measures, measured bool, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return m, false, err
	}
	img, err := frame.Decode(bytes.NewReader(data), path)
	if err != nil {
		return m, false, err
	}
	if img.Width < LeastSide || img.Height < LeastSide {
		return m, false, fmt.Errorf("%s: %d×%d pixels; want at least %d×%d", path, img.Width, img.Height, LeastSide, LeastSide)
	}
	n, found, err := noteOf(data)
	if err != nil {
		return m, false, fmt.Errorf("%s: %s: %w", path, keyword, err)
	}
	if _, ok := featuresOf(n.Measures); found && ok {
		return n.Measures, true, nil
	}
	if m, err = Look(img); err != nil {
		return m, false, fmt.Errorf("%s: %w", path, err)
	}
	return m, false, nil
}

// ErrNothing means that a crop shows no defect.
var ErrNothing = errors.New("nothing stands out from its surroundings")

// Look measures what stands out in a crop by itself: the strongest that is near
// its middle, against the grey value of its rim.
func Look(img frame.Image) (defect.Measures, error) {
	img = img.To8()
	at := defect.Surroundings{Box: img.Bounds(), Grey: make([]float32, img.Width*img.Height), Expected: make([]float32, img.Width*img.Height)}
	middle, noise := rim(img)
	for y := range img.Height {
		for x, v := range img.Row(y) {
			at.Grey[y*img.Width+x], at.Expected[y*img.Width+x] = float32(v), float32(middle)
		}
	}
	blob, err := strongest(at, noise)
	if err != nil {
		return defect.Measures{}, err
	}
	return new(defect.Measurer).Measure(blob, at), nil
}

// rim is the median of the pixels near the crop's border and their spread, by the
// median of absolute deviations.
func rim(img frame.Image) (middle, spread float64) {
	var values []int
	width := max(2, min(img.Width, img.Height)/8)
	inner := img.Bounds().Inset(width)
	for y := range img.Height {
		for x, v := range img.Row(y) {
			if !image.Pt(x, y).In(inner) {
				values = append(values, int(v))
			}
		}
	}
	slices.Sort(values)
	m := values[len(values)/2]
	for n, v := range values {
		values[n] = max(v-m, m-v)
	}
	slices.Sort(values)
	return float64(m), max(0.7, 1.4826*float64(values[len(values)/2]))
}

// strongest is the blob of most weight, of those that reach into the middle half
// of the crop.
func strongest(at defect.Surroundings, noise float64) (best defect.Blob, err error) {
	const beyond = 5 // standard deviations
	var runs []defect.Run
	w := at.Box.Dx()
	for y := range at.Box.Dy() {
		open := false
		for x := range w {
			d := float64(at.Grey[y*w+x] - at.Expected[y*w+x])
			size := max(d, -d)
			if size < beyond*noise {
				open = false
				continue
			}
			if !open {
				runs, open = append(runs, defect.Run{Y: y, X0: x}), true
			}
			r := &runs[len(runs)-1]
			weight := 1 + int64(size)
			r.X1, r.Weight, r.MomentX = x+1, r.Weight+weight, r.MomentX+weight*int64(x-r.X0)
			r.Peak = max(r.Peak, float32(size/noise))
			if d > 0 {
				r.Bright++
			}
		}
	}
	blobs, err := new(defect.Joiner).Join(runs, defect.Params{MinArea: 3, MergeDistance: 2, MaxDefects: 1000})
	if err != nil {
		return best, err
	}
	centre := at.Box.Inset(min(at.Box.Dx(), at.Box.Dy()) / 4)
	for _, b := range blobs {
		if b.Box.Overlaps(centre) && b.Weight > best.Weight {
			best = b
		}
	}
	if best.Weight == 0 {
		return best, ErrNothing
	}
	return best, nil
}
