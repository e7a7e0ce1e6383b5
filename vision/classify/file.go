package classify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"kensa/vision/defect"
	"kensa/vision/durable"
)

// The file: a line "kensa-classifier 1 <SHA-256 of the rest, hex>", then the
// model as JSON.
const (
	magic   = "kensa-classifier "
	version = "1"
	maxFile = 1 << 22 // bytes
)

// Errors of a classifier's file, for errors.Is.
var (
	ErrNotClassifier = errors.New("not a classifier")
	ErrVersion       = errors.New("unknown version of a classifier")
	ErrDamaged       = errors.New("damaged classifier; train it again or restore it")
)

// Write writes the model to a file, durably and as a whole.
func (m *Model) Write(path string) error {
	data, err := m.encode()
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return durable.WriteFile(path, 0o644, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func (m *Model) encode() ([]byte, error) {
	text, err := json.MarshalIndent(m.content, "", " ")
	if err != nil {
		return nil, err
	}
	text = append(text, '\n')
	return append([]byte(magic+version+" "+hashOf(text)+"\n"), text...), nil
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// seal gives a new model its hash.
func (m *Model) seal() error {
	text, err := json.MarshalIndent(m.content, "", " ")
	m.hash = hashOf(append(text, '\n'))
	return err
}

// Read reads a model's file. Errors name the path and are an ErrNotClassifier,
// ErrVersion or ErrDamaged where the file is at fault.
func Read(path string) (*Model, error) {
	return durable.ReadFile(path, maxFile, decode)
}

func decode(data []byte) (*Model, error) {
	head, text, _ := bytes.Cut(data, []byte("\n"))
	if !bytes.HasPrefix(head, []byte(magic)) {
		return nil, ErrNotClassifier
	}
	given, sum, _ := bytes.Cut(head[len(magic):], []byte(" "))
	if string(given) != version {
		return nil, fmt.Errorf("%w: %q; this program reads %s", ErrVersion, given, version)
	}
	m := &Model{hash: hashOf(text)}
	if string(sum) != m.hash {
		return nil, fmt.Errorf("%w: wrong checksum", ErrDamaged)
	}
	if err := json.Unmarshal(text, &m.content); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return m, m.prepare()
}

// check reports what a model cannot be used with.
func (m *Model) check() error {
	if !slices.Equal(m.Features, featureNames) {
		return fmt.Errorf("features %q; this program knows %q", m.Features, featureNames)
	}
	if len(m.Center) != features || len(m.Scale) != features || !positive(m.Scale...) || !positive(m.Sharpness, m.Reach) || !finite(m.Center...) {
		return errors.New("scale, sharpness or reach out of range")
	}
	if n := len(m.content.Classes); n < leastClasses || n > mostClasses {
		return fmt.Errorf("%d classes; want %d to %d", n, leastClasses, mostClasses)
	}
	seen := map[defect.Class]bool{}
	for _, c := range m.content.Classes {
		if err := CheckName(string(c.Name)); err != nil || seen[c.Name] {
			return fmt.Errorf("class %q: empty, twice, or no name", c.Name)
		}
		seen[c.Name] = true
		if len(c.Mean) != features || len(c.Covariance) != features || !finite(c.Mean...) {
			return fmt.Errorf("class %q: want %d features", c.Name, features)
		}
		for _, row := range c.Covariance {
			if len(row) != features || !finite(row...) {
				return fmt.Errorf("class %q: covariance is no %d×%d matrix", c.Name, features, features)
			}
		}
	}
	return nil
}

func positive(values ...float64) bool {
	return finite(values...) && !slices.ContainsFunc(values, func(v float64) bool { return v <= 0 })
}

func finite(values ...float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// maxName bounds a class's name, bytes.
const maxName = 40

// CheckName reports why a class cannot be called so: its name goes into files,
// messages and the operator's screen.
func CheckName(name string) error {
	good := func(r rune) bool { return r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' }
	if name == "" || len(name) > maxName || slices.ContainsFunc([]rune(name), func(r rune) bool { return !good(r) }) {
		return fmt.Errorf("class %q: want 1 to %d of a to z, 0 to 9, - and _", name, maxName)
	}
	return nil
}

// prepare makes what judging needs of the content.
func (m *Model) prepare() error {
	m.classes = nil
	for _, c := range m.content.Classes {
		var covariance matrix
		for k, row := range c.Covariance {
			copy(covariance[k][:], row)
		}
		g, err := newGaussian(vector(c.Mean), covariance)
		if err != nil {
			return fmt.Errorf("%w: class %q: %w", ErrDamaged, c.Name, err)
		}
		m.classes = append(m.classes, g)
	}
	return nil
}
