package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"

	"kensa/calibration"
	"kensa/vision/frame"
)

// name_ is what procedures, maps and objectives may be called: they become
// names of files.
var name_ = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// planeMagic begins a map's file; width and height (32 bits, little-endian) and
// the values (float32, little-endian, by rows) follow.
const planeMagic = "KENSAMAP"

const planeHead = len(planeMagic) + 8

func (f *MapFile) check() error {
	switch {
	case !name_.MatchString(f.Name):
		return fmt.Errorf("map %q; want lower-case letters, digits and hyphens", f.Name)
	case f.Width < 1 || f.Height < 1 || f.Width > frame.MaxPixels/f.Height:
		return fmt.Errorf("map %s of %d×%d; want 1×1 to %d values", f.Name, f.Width, f.Height, frame.MaxPixels)
	case f.File != filepath.Base(f.File) || filepath.Ext(f.File) != ".map":
		return fmt.Errorf("map %s in file %q; want a .map beside the TOML file", f.Name, f.File)
	}
	return nil
}

// encodePlane writes a map as its file's bytes.
func encodePlane(m *calibration.Map) []byte {
	out := make([]byte, planeHead+4*len(m.Values))
	copy(out, planeMagic)
	binary.LittleEndian.PutUint32(out[len(planeMagic):], uint32(m.Width))
	binary.LittleEndian.PutUint32(out[len(planeMagic)+4:], uint32(m.Height))
	for i, v := range m.Values {
		binary.LittleEndian.PutUint32(out[planeHead+4*i:], math.Float32bits(v))
	}
	return out
}

// decodePlane reads a map that f describes.
func decodePlane(data []byte, f *MapFile) (*calibration.Map, error) {
	if len(data) < planeHead || !bytes.HasPrefix(data, []byte(planeMagic)) {
		return nil, fmt.Errorf("%s: not a map", f.File)
	}
	width := binary.LittleEndian.Uint32(data[len(planeMagic):])
	height := binary.LittleEndian.Uint32(data[len(planeMagic)+4:])
	if int64(width) != int64(f.Width) || int64(height) != int64(f.Height) || len(data) != planeHead+4*f.Width*f.Height {
		return nil, fmt.Errorf("%s: %d bytes for %d×%d values; the TOML file says %d×%d", f.File, len(data), width, height, f.Width, f.Height)
	}
	m := &calibration.Map{Name: f.Name, Title: f.Title, Unit: f.Unit, Width: f.Width, Height: f.Height, Values: make([]float32, f.Width*f.Height)}
	for i := range m.Values {
		m.Values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[planeHead+4*i:]))
	}
	return m, nil
}

// readPlanes fills the section's maps from a folder, once their checksums were
// found right.
func (s *Section) readPlanes(folder string) error {
	s.Maps = nil
	for i := range s.Files {
		f := &s.Files[i]
		path := filepath.Join(folder, f.File)
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if want := int64(planeHead + 4*f.Width*f.Height); info.Size() != want {
			return fmt.Errorf("%s: %w: %d bytes; want %d", path, ErrTampered, info.Size(), want)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.SHA256 {
			return fmt.Errorf("%s: %w: its checksum differs", path, ErrTampered)
		}
		m, err := decodePlane(data, f)
		if err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		s.Maps = append(s.Maps, *m)
	}
	return nil
}

// planes describes the section's maps as files of a procedure, and gives their
// bytes by name.
func (s *Section) planes(procedure string) ([]MapFile, map[string][]byte) {
	var files []MapFile
	contents := map[string][]byte{}
	for i := range s.Maps {
		m := &s.Maps[i]
		data := encodePlane(m)
		sum := sha256.Sum256(data)
		file := procedure + "-" + m.Name + ".map"
		files = append(files, MapFile{m.Name, m.Title, m.Unit, m.Width, m.Height, file, hex.EncodeToString(sum[:])})
		contents[file] = data
	}
	return files, contents
}
