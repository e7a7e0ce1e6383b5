package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"aead.dev/minisign"

	"kensa/vision/durable"
)

// Store is a folder of calibrations. Several programs may read it; one writes.
type Store struct{ folder string }

// Open names the store's folder, which need not exist yet.
func Open(folder string) Store { return Store{folder} }

// current is the link to the calibration in use.
const current = "current"

// numbered is the name of a calibration's folder.
var numbered = regexp.MustCompile(`^[0-9]{4,9}$`)

func (s Store) line(objective string) (string, error) {
	if !name_.MatchString(objective) {
		return "", fmt.Errorf("calibration: objective %q; want lower-case letters, digits and hyphens", objective)
	}
	return filepath.Join(s.folder, objective), nil
}

func (s Store) at(objective string, number int) (string, error) {
	line, err := s.line(objective)
	return filepath.Join(line, fmt.Sprintf("%04d", number)), err
}

// Current reads the calibration in use for an objective. The error is ErrNone if
// it was never calibrated.
func (s Store) Current(objective string) (*Calibration, error) {
	line, err := s.line(objective)
	if err != nil {
		return nil, err
	}
	number, err := inUse(line)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w of objective %s in %s", ErrNone, objective, s.folder)
	}
	if err != nil {
		return nil, err
	}
	return s.Read(objective, number)
}

// inUse reads the number that `current` points to.
func inUse(line string) (int, error) {
	name, err := os.Readlink(filepath.Join(line, current))
	if err != nil {
		return 0, fmt.Errorf("calibration: %w", err)
	}
	number, err := strconv.Atoi(name)
	if err != nil || !numbered.MatchString(name) {
		return 0, fmt.Errorf("calibration: %s points to %q; want a number", filepath.Join(line, current), name)
	}
	return number, nil
}

// Trusted reads the calibration in use and, where keys is not nil, looks for a
// signature of one of them over the very bytes that were read.
func (s Store) Trusted(objective string, keys []minisign.PublicKey) (*Calibration, error) {
	c, err := s.Current(objective)
	if err != nil || keys == nil {
		return c, err
	}
	return c, s.verify(c, keys)
}

// Read reads one calibration of an objective's history.
func (s Store) Read(objective string, number int) (*Calibration, error) {
	folder, err := s.at(objective, number)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w number %d of objective %s in %s", ErrNone, number, objective, s.folder)
	}
	c, err := read(folder)
	if err != nil {
		return nil, err
	}
	if c.Number != number || c.Station.Objective != objective {
		return nil, fmt.Errorf("calibration %s: says that it is number %d of objective %s", folder, c.Number, c.Station.Objective)
	}
	return c, nil
}

// History lists the numbers of an objective's calibrations, oldest first.
func (s Store) History(objective string) ([]int, error) {
	line, err := s.line(objective)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(line)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	var numbers []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && numbered.MatchString(e.Name()) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// Objectives lists those that have a calibration in use.
func (s Store) Objectives() ([]string, error) {
	links, err := filepath.Glob(filepath.Join(s.folder, "*", current))
	var names []string
	for _, link := range links {
		names = append(names, filepath.Base(filepath.Dir(link)))
	}
	return names, err
}

// Put writes a calibration as the next of its objective and puts it in use. The
// number is set in c. When it fails, the one in use stays in use.
func (s Store) Put(c *Calibration) error {
	numbers, err := s.History(c.Station.Objective)
	if err != nil {
		return err
	}
	c.Number = 1
	if len(numbers) > 0 {
		c.Number = numbers[len(numbers)-1] + 1
	}
	files, err := c.files()
	if err != nil {
		return err
	}
	if err := s.write(c.Station.Objective, c.Number, files); err != nil {
		return err
	}
	return s.Use(c.Station.Objective, c.Number)
}

// write makes a calibration's folder: beside its place first, then moved there.
func (s Store) write(objective string, number int, files map[string][]byte) error {
	folder, err := s.at(objective, number)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(folder), ".new-*")
	if err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	if err := fill(fresh, files); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	if err := os.Rename(fresh, folder); err != nil {
		return errors.Join(fmt.Errorf("calibration: %w", err), os.RemoveAll(fresh))
	}
	return durable.SyncFolder(filepath.Dir(folder))
}

func fill(folder string, files map[string][]byte) error {
	if err := os.Chmod(folder, 0o755); err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	for name, data := range files {
		err := durable.WriteFile(filepath.Join(folder, name), 0o644, func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Use puts a calibration of the history in use. It must read without error, so
// that nobody rolls back to a damaged one.
func (s Store) Use(objective string, number int) error {
	if _, err := s.Read(objective, number); err != nil {
		return err
	}
	line, err := s.line(objective)
	if err != nil {
		return err
	}
	fresh := filepath.Join(line, ".current")
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("calibration: %w", err)
	}
	if err := os.Symlink(fmt.Sprintf("%04d", number), fresh); err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	if err := os.Rename(fresh, filepath.Join(line, current)); err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	return durable.SyncFolder(line)
}
