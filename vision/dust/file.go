package dust

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"kensa/vision/durable"
	"kensa/vision/frame"
)

// The file: a line of its name, version and the SHA-256 of what follows, which is
// the map as JSON.
const (
	fileName    = "kensa-dust"
	fileVersion = 1
	maxFile     = 1 << 20 // bytes
)

// Errors of a dust file, for errors.Is.
var (
	ErrNotDust = errors.New("not a dust file")
	ErrVersion = errors.New("unknown version of a dust file")
	ErrDamaged = errors.New("damaged dust file; remove it, or learn the dust again")
)

// Write writes the map to a file, durably and as a whole.
func (m Map) Write(path string) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	body, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return durable.WriteFile(path, 0o644, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s %d %x\n%s", fileName, fileVersion, sha256.Sum256(body), body)
		return err
	})
}

// ReadMap reads a dust file. Errors name the path and are an ErrNotDust,
// ErrVersion or ErrDamaged where the file is at fault.
func ReadMap(path string) (Map, error) {
	return durable.ReadFile(path, maxFile, decode)
}

func decode(data []byte) (m Map, err error) {
	head, body, _ := bytes.Cut(data, []byte("\n"))
	words := strings.Fields(string(head))
	switch {
	case len(words) != 3 || words[0] != fileName:
		return m, ErrNotDust
	case words[1] != fmt.Sprint(fileVersion):
		return m, fmt.Errorf("%w: %.20s; this program reads %d", ErrVersion, words[1], fileVersion)
	case len(data) > maxFile:
		return m, fmt.Errorf("%w: more than %d bytes", ErrDamaged, maxFile)
	}
	if sum := sha256.Sum256(body); words[2] != hex.EncodeToString(sum[:]) {
		return m, fmt.Errorf("%w: wrong checksum", ErrDamaged)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return Map{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := m.check(); err != nil {
		return Map{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return m, nil
}

// check reports what no camera's dust can be: spots beyond the frame, or so many
// or so wide that they would hide its defects.
func (m Map) check() error {
	if m.Width < 1 || m.Height < 1 || m.Width > frame.MaxPixels/m.Height {
		return fmt.Errorf("dust: frames of %d×%d pixels; want at least 1×1", m.Width, m.Height)
	}
	if len(m.Spots) > maxSpots {
		return fmt.Errorf("dust: %d spots; limit is %d", len(m.Spots), maxSpots)
	}
	for _, s := range m.Spots {
		inside := s.Box.Min.X >= 0 && s.Box.Min.Y >= 0 && s.Box.Max.X <= m.Width && s.Box.Max.Y <= m.Height
		if s.Box.Empty() || !inside || s.MinArea < 0 || s.MaxArea < s.MinArea || !(s.Contrast >= 0 && s.Contrast <= math.MaxFloat64) ||
			!(s.CX >= 0 && s.CX <= float64(m.Width) && s.CY >= 0 && s.CY <= float64(m.Height)) {
			return fmt.Errorf("dust: spot %+v in frames of %d×%d pixels", s, m.Width, m.Height)
		}
	}
	return nil
}
