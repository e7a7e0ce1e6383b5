package session

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"kensa/hw/bench"
	"kensa/vision/durable"
)

// ErrOther means that the unfinished session in the folder is of another
// station or of other options.
var ErrOther = errors.New("an unfinished session is of another kind")

// ErrDamaged means that the unfinished session cannot be read.
var ErrDamaged = errors.New("the unfinished session is damaged")

// magic begins a session's file, which is this, the SHA-256 of the rest, and two
// gob values: saved and the procedure's state.
const magic = "kensa calibration session 1\n"

// head says what a session is of.
type head struct {
	Procedure, Options string
	Station            bench.Station
}

// saved is what a session keeps beside its procedure's state.
type saved struct {
	Head         head
	Steps        int
	Temperatures temperatures
}

// file is where a session is kept.
type file struct {
	folder string
	head   head
}

func (f *file) path() string { return filepath.Join(f.folder, f.head.Procedure+".session") }

func (f *file) save(what saved, state any) error {
	if err := os.MkdirAll(f.folder, 0o750); err != nil {
		return fmt.Errorf("calibration session: %w", err)
	}
	what.Head = f.head
	var body bytes.Buffer
	encoder := gob.NewEncoder(&body)
	if err := errors.Join(encoder.Encode(what), encoder.Encode(state)); err != nil {
		return fmt.Errorf("calibration session %s: %w", f.path(), err)
	}
	sum := sha256.Sum256(body.Bytes())
	return durable.WriteFile(f.path(), 0o640, func(w io.Writer) error {
		_, err := w.Write(append(append([]byte(magic), sum[:]...), body.Bytes()...))
		return err
	})
}

// load fills state from the file. Without a file it leaves state as it is. The
// checksum is looked at before anything is decoded: a damaged file changes
// nothing.
func (f *file) load(state any) (saved, error) {
	data, err := os.ReadFile(f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return saved{}, nil
	}
	if err != nil {
		return saved{}, fmt.Errorf("calibration session: %w", err)
	}
	body, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok || len(body) < sha256.Size || sha256.Sum256(body[sha256.Size:]) != [sha256.Size]byte(body[:sha256.Size]) {
		return saved{}, fmt.Errorf("%s: %w", f.path(), ErrDamaged)
	}
	decoder := gob.NewDecoder(bytes.NewReader(body[sha256.Size:]))
	var was saved
	if err := decoder.Decode(&was); err != nil {
		return saved{}, fmt.Errorf("%s: %w: %w", f.path(), ErrDamaged, err)
	}
	if was.Head != f.head {
		return saved{}, fmt.Errorf("%s: %w: %s", f.path(), ErrOther, difference(was.Head, f.head))
	}
	if err := decoder.Decode(state); err != nil {
		return saved{}, fmt.Errorf("%s: %w: %w", f.path(), ErrDamaged, err)
	}
	return was, nil
}

// difference names the first thing that differs.
func difference(was, now head) string {
	for _, d := range []struct{ name, was, now string }{
		{"station", was.Station.Name, now.Station.Name},
		{"objective", was.Station.Objective, now.Station.Objective},
		{"camera", was.Station.Camera, now.Station.Camera},
		{"lens", was.Station.Lens, now.Station.Lens},
		{"light", was.Station.Light, now.Station.Light},
		{"format", fmt.Sprint(was.Station.Format), fmt.Sprint(now.Station.Format)},
		{"options", was.Options, now.Options},
	} {
		if d.was != d.now {
			return fmt.Sprintf("%s was %q, is %q", d.name, d.was, d.now)
		}
	}
	return fmt.Sprintf("procedure was %q, is %q", was.Procedure, now.Procedure)
}

func (f *file) remove() error {
	if err := os.Remove(f.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("calibration session: %w", err)
	}
	return nil
}
