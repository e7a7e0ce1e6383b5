package store

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"aead.dev/minisign"
)

// Limits of a bundle, so that a file from outside cannot fill memory or disk.
const (
	maxText   = 32 << 20 // bytes of the TOML file
	maxPlanes = 1 << 30  // bytes of all maps
)

// sumsName lists the other files' checksums as sha256sum writes and checks them.
const sumsName = "SHA256SUMS"

// ErrBundle means that a file is not a calibration as Export writes it.
var ErrBundle = errors.New("not an exported calibration")

// ErrConflict means that the number is taken by another calibration.
var ErrConflict = errors.New("number is taken by another calibration")

// Export writes one calibration as a tar: the TOML file, its signature if it has
// one, its maps, and the checksums of all. Equal calibrations give equal bytes.
func (s Store) Export(objective string, number int, to io.Writer) error {
	c, err := s.Read(objective, number)
	if err != nil {
		return err
	}
	files := c.planeBytes()
	names := append([]string{tomlName}, slices.Sorted(maps.Keys(files))...)
	files[tomlName] = c.text
	switch signature, err := s.signature(objective, number); {
	case err == nil:
		files[signatureName] = signature
		names = slices.Insert(names, 1, signatureName)
	case !errors.Is(err, ErrUnsigned):
		return err
	}
	files[sumsName] = sums(files)
	_, latest := c.Latest()
	w := tar.NewWriter(to)
	for _, name := range append(names, sumsName) {
		head := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), ModTime: latest.At, Format: tar.FormatPAX}
		if err := w.WriteHeader(head); err != nil {
			return fmt.Errorf("export: %w", err)
		}
		if _, err := w.Write(files[name]); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return w.Close()
}

// planeBytes are the maps' files by name.
func (c *Calibration) planeBytes() map[string][]byte {
	all := map[string][]byte{}
	for _, s := range c.Sections {
		for i := range s.Files {
			all[s.Files[i].File] = encodePlane(&s.Maps[i])
		}
	}
	return all
}

func sums(files map[string][]byte) []byte {
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256(files[name])
		fmt.Fprintf(&out, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	return out.Bytes()
}

// Import reads what Export wrote and adds it to the history, under the number
// that it has; it is not put in use. Every byte is checked before the first is
// written: checksums, that nothing is missing and nothing more, that it is this
// station's. keys, where not nil, must have signed it. What is here already only
// gains the signature; another calibration of the same number is ErrConflict.
func (s Store) Import(from io.Reader, here Station, keys []minisign.PublicKey) (*Calibration, error) {
	c, files, err := Unpack(from)
	if err != nil {
		return nil, err
	}
	if err := c.Fits(here, c.Expires); err != nil {
		return nil, err
	}
	signature, signed := files[signatureName]
	switch {
	case keys != nil && !signed:
		return nil, fmt.Errorf("%w: number %d of objective %s", ErrUnsigned, c.Number, c.Station.Objective)
	case keys != nil && !fits(keys, c.text, signature):
		return nil, fmt.Errorf("%w: the signature fits none of %d keys", ErrTampered, len(keys))
	}
	return c, s.add(c, files)
}

// add writes an imported calibration's files.
func (s Store) add(c *Calibration, files map[string][]byte) error {
	folder, err := s.at(c.Station.Objective, c.Number)
	if err != nil {
		return err
	}
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return s.write(c.Station.Objective, c.Number, files)
	}
	text, err := os.ReadFile(filepath.Join(folder, tomlName))
	if err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	if !bytes.Equal(text, c.text) {
		return fmt.Errorf("%w: number %d of objective %s", ErrConflict, c.Number, c.Station.Objective)
	}
	if signature, ok := files[signatureName]; ok {
		return fill(folder, map[string][]byte{signatureName: signature})
	}
	return nil
}

// Unpack reads an exported calibration and checks all that it can say of itself.
// It takes no more memory than the TOML file declares, and that is limited.
func Unpack(from io.Reader) (*Calibration, map[string][]byte, error) {
	r := tar.NewReader(from)
	text, err := next(r, tomlName, maxText)
	if err != nil {
		return nil, nil, err
	}
	c, err := decode(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s: %w", ErrBundle, tomlName, err)
	}
	wanted, err := c.declared()
	if err != nil {
		return nil, nil, err
	}
	files := map[string][]byte{tomlName: text}
	if err := collect(r, wanted, files); err != nil {
		return nil, nil, err
	}
	for _, section := range c.Sections {
		if err := section.take(files); err != nil {
			return nil, nil, err
		}
	}
	return c, files, nil
}

// declared are the sizes of the maps' files by name.
func (c *Calibration) declared() (map[string]int64, error) {
	sizes, total := map[string]int64{}, int64(0)
	for _, s := range c.Sections {
		for _, f := range s.Files {
			if _, twice := sizes[f.File]; twice {
				return nil, fmt.Errorf("%w: two maps in %s", ErrBundle, f.File)
			}
			size := int64(planeHead) + 4*int64(f.Width)*int64(f.Height)
			sizes[f.File] = size
			total += size
		}
	}
	if total > maxPlanes {
		return nil, fmt.Errorf("%w: maps of %d bytes; want at most %d", ErrBundle, total, maxPlanes)
	}
	return sizes, nil
}

// collect reads the entries after the TOML file: each declared map once, at most
// one signature, and the checksums at the end.
func collect(r *tar.Reader, wanted map[string]int64, files map[string][]byte) error {
	for {
		head, err := r.Next()
		if err != nil {
			return fmt.Errorf("%w: it ends before %s: %w", ErrBundle, sumsName, err)
		}
		limit, ok := wanted[head.Name]
		switch {
		case head.Name == sumsName:
			return finish(r, head, wanted, files)
		case head.Name == signatureName:
			limit, ok = maxSignature, files[signatureName] == nil
		case files[head.Name] != nil:
			ok = false
		}
		if !ok {
			return fmt.Errorf("%w: unexpected entry %q", ErrBundle, head.Name)
		}
		if files[head.Name], err = entry(r, head, limit); err != nil {
			return err
		}
	}
}

// finish checks the checksums and that nothing is missing and nothing follows.
func finish(r *tar.Reader, head *tar.Header, wanted map[string]int64, files map[string][]byte) error {
	for name := range wanted {
		if files[name] == nil {
			return fmt.Errorf("%w: %s is missing", ErrBundle, name)
		}
	}
	got, err := entry(r, head, maxText)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, sums(files)) {
		return fmt.Errorf("%w: %s does not fit the files", ErrTampered, sumsName)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows %s", ErrBundle, sumsName)
	}
	return nil
}

// next reads the tar's next entry, which must have the name.
func next(r *tar.Reader, name string, limit int64) ([]byte, error) {
	head, err := r.Next()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	if head.Name != name {
		return nil, fmt.Errorf("%w: it begins with %q; want %s", ErrBundle, head.Name, name)
	}
	return entry(r, head, limit)
}

// entry reads a plain file's bytes: links, folders and devices are refused.
func entry(r *tar.Reader, head *tar.Header, limit int64) ([]byte, error) {
	switch {
	case head.Typeflag != tar.TypeReg || strings.ContainsAny(head.Name, `/\`):
		return nil, fmt.Errorf("%w: %q is no plain file", ErrBundle, head.Name)
	case head.Size > limit || head.Size < 1:
		return nil, fmt.Errorf("%w: %s has %d bytes; want 1 to %d", ErrBundle, head.Name, head.Size, limit)
	}
	var data bytes.Buffer // grows as the bytes come: the size is only claimed
	if n, err := io.Copy(&data, r); err != nil || n != head.Size {
		return nil, fmt.Errorf("%w: %s ends after %d of %d bytes", ErrBundle, head.Name, n, head.Size)
	}
	return data.Bytes(), nil
}

// take fills the section's maps from files in memory.
func (s *Section) take(files map[string][]byte) error {
	s.Maps = nil
	for i := range s.Files {
		f := &s.Files[i]
		data := files[f.File]
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.SHA256 {
			return fmt.Errorf("%s: %w: its checksum differs", f.File, ErrTampered)
		}
		m, err := decodePlane(data, f)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBundle, err)
		}
		s.Maps = append(s.Maps, *m)
	}
	return nil
}
