package update

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// folder is where a slot's program lies.
func (s *Store) folder(slot Slot) string {
	if slot == Package {
		return s.Places.Package
	}
	return filepath.Join(s.Slots, string(slot))
}

// packageVersion is empty where there is no package.
func (s *Store) packageVersion() string {
	m, err := s.manifest(Package)
	if err != nil {
		return ""
	}
	return m.Version
}

func (s *Store) manifest(slot Slot) (Manifest, error) {
	text, err := readLimited(filepath.Join(s.folder(slot), ManifestName), maxManifest)
	if err != nil {
		return Manifest{}, err
	}
	return ParseManifest(text)
}

// verify checks the signature of a folder's program, and only then reads its
// manifest.
func (s *Store) verify(folder string) (Manifest, error) {
	keys, err := s.keys()
	if err != nil {
		return Manifest{}, err
	}
	text, err := readLimited(filepath.Join(folder, signatureName), maxHead*4)
	if err != nil {
		return Manifest{}, err
	}
	signed, err := parseSignature(text)
	if err != nil {
		return Manifest{}, err
	}
	manifest, err := readLimited(filepath.Join(folder, ManifestName), maxManifest)
	if err != nil {
		return Manifest{}, err
	}
	payload, err := openPayload(folder)
	if err != nil {
		return Manifest{}, err
	}
	if err := errors.Join(signed.verify(payload, keys), payload.Close()); err != nil {
		return Manifest{}, err
	}
	m, err := ParseManifest(manifest)
	if err != nil {
		return m, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if m.Arch != s.Arch {
		return m, fmt.Errorf("%w: the bundle is for %s; this machine is %s", ErrArch, m.Arch, s.Arch)
	}
	return m, nil
}

// payload is a folder's manifest and program, as they were signed.
type payload struct {
	io.Reader
	parts []*os.File
}

func openPayload(folder string) (*payload, error) {
	p := &payload{}
	var readers []io.Reader
	for _, name := range []string{ManifestName, ProgramName} {
		f, err := os.Open(filepath.Join(folder, name))
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.parts = append(p.parts, f)
		readers = append(readers, f)
	}
	p.Reader = io.MultiReader(readers...)
	return p, nil
}

// Close closes both files.
func (p *payload) Close() error {
	var errs []error
	for _, f := range p.parts {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// runnable reports why a slot's program cannot be started here and now. The
// package's program is dpkg's to verify.
func (s *Store) runnable(ctx context.Context, slot Slot) (m Manifest, err error) {
	if slot == Package {
		m, err = s.manifest(Package)
		if err == nil {
			_, err = os.Stat(filepath.Join(s.folder(Package), ProgramName))
		}
	} else {
		m, err = s.verify(s.folder(slot))
	}
	if err != nil {
		return m, err
	}
	schema, err := s.Schema(ctx)
	if err != nil { // a database that cannot be read is no reason to choose another program
		return m, nil
	}
	return m, m.opens(schema)
}

// unpack copies a bundle into a new folder: head, manifest and program each
// into a file of its own, by length and line ends only.
func (s *Store) unpack(bundle io.Reader, folder string) error {
	from := bufio.NewReaderSize(bundle, maxHead)
	signed, err := readHead(from)
	if err != nil {
		return err
	}
	manifest, err := readLine(from, maxManifest)
	if err != nil {
		return fmt.Errorf("%w: the manifest ends early", ErrFormat)
	}
	if err := s.disk.Mkdir(folder); err != nil {
		return err
	}
	if err := s.write(folder, signatureName, 0o644, signed.text); err != nil {
		return err
	}
	if err := s.write(folder, ManifestName, 0o644, manifest); err != nil {
		return err
	}
	n, err := s.disk.Write(filepath.Join(folder, ProgramName), 0o755, io.LimitReader(from, maxProgram+1))
	if err == nil && n > maxProgram {
		err = fmt.Errorf("%w: the program has more than %d bytes", ErrFormat, maxProgram)
	}
	return err
}

func (s *Store) write(folder, name string, mode os.FileMode, data []byte) error {
	_, err := s.disk.Write(filepath.Join(folder, name), mode, bytes.NewReader(data))
	return err
}
