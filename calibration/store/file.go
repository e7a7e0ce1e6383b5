package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// Names within a calibration's folder.
const (
	tomlName      = "calibration.toml"
	signatureName = tomlName + ".minisig"
)

// firstLine is the TOML file's first line up to the checksum of what follows it.
const firstLine = "# kensa calibration, sha256 "

// encode writes the TOML file's bytes.
func (c *Calibration) encode() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	var body bytes.Buffer
	if err := toml.NewEncoder(&body).Encode(c); err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	sum := sha256.Sum256(body.Bytes())
	return append([]byte(firstLine+hex.EncodeToString(sum[:])+"\n"), body.Bytes()...), nil
}

// decode reads a TOML file's bytes: the checksum first, then strictly, so that a
// key that nobody knows is an error.
func decode(data []byte) (*Calibration, error) {
	rest, ok := bytes.CutPrefix(data, []byte(firstLine))
	if !ok {
		return nil, fmt.Errorf("the first line is not %q and a checksum", firstLine)
	}
	sum, body, _ := bytes.Cut(rest, []byte("\n"))
	if is := sha256.Sum256(body); hex.EncodeToString(is[:]) != string(sum) {
		return nil, fmt.Errorf("%w: its checksum differs", ErrTampered)
	}
	var c Calibration
	meta, err := toml.Decode(string(body), &c)
	if err != nil {
		return nil, err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("key %s is not known", strings.Join(unknown[0], "."))
	}
	c.text = data
	return &c, c.check()
}

// read reads the calibration in a folder with its maps, every checksum looked at.
func read(folder string) (*Calibration, error) {
	path := filepath.Join(folder, tomlName)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	c, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("calibration %s: %w", path, err)
	}
	for name, s := range c.Sections {
		if err := s.readPlanes(folder); err != nil {
			return nil, fmt.Errorf("calibration %s: section %s: %w", path, name, err)
		}
	}
	return c, nil
}

// files are all that a calibration's folder holds, by name.
func (c *Calibration) files() (map[string][]byte, error) {
	all := map[string][]byte{}
	for name, s := range c.Sections {
		files, contents := s.planes(name)
		s.Files = files
		for file, data := range contents {
			all[file] = data
		}
	}
	text, err := c.encode()
	all[tomlName] = text
	return all, err
}
