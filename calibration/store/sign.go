package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"aead.dev/minisign"

	"kensa/vision/durable"
)

// Sign writes the signature of a calibration, in minisign's prehashed form, as
// the minisign program makes it. Whoever signs vouches for every figure and map
// in it; their name and the time go into the comment that is signed too.
func (s Store) Sign(objective string, number int, key minisign.PrivateKey, by string, at time.Time) error {
	folder, err := s.at(objective, number)
	if err != nil {
		return err
	}
	c, err := s.Read(objective, number)
	if err != nil {
		return err
	}
	if strings.ContainsFunc(by, func(r rune) bool { return r < ' ' }) {
		return fmt.Errorf("calibration: signed by %q; want a name on one line", by)
	}
	r := minisign.NewReader(bytes.NewReader(c.text))
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	trusted := fmt.Sprintf("kensa calibration %s/%s number %d, signed by %s on %s", c.Station.Name, objective, number, by, at.UTC().Format(time.RFC3339))
	signature := r.SignWithComments(key, trusted, "signature of a kensa calibration")
	return durable.WriteFile(filepath.Join(folder, signatureName), 0o644, func(w io.Writer) error {
		_, err := w.Write(signature)
		return err
	})
}

// Signature is what a calibration's signature says of itself; nobody has looked
// yet whether it is right.
func (s Store) Signature(objective string, number int) (minisign.Signature, error) {
	text, err := s.signature(objective, number)
	if err != nil {
		return minisign.Signature{}, err
	}
	var signature minisign.Signature
	if err := signature.UnmarshalText(text); err != nil {
		return signature, fmt.Errorf("%w: number %d of objective %s: the signature cannot be read: %w", ErrTampered, number, objective, err)
	}
	return signature, nil
}

// maxSignature is the most bytes of a signature's file.
const maxSignature = 4 << 10

func (s Store) signature(objective string, number int) ([]byte, error) {
	folder, err := s.at(objective, number)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(folder, signatureName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: number %d of objective %s", ErrUnsigned, number, objective)
	}
	if err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSignature))
	if err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	return text, nil
}

// Verify looks for a signature by one of the keys: ErrUnsigned if there is none,
// ErrTampered if it fits none of them.
func (s Store) Verify(objective string, number int, keys []minisign.PublicKey) error {
	c, err := s.Read(objective, number)
	if err != nil {
		return err
	}
	return s.verify(c, keys)
}

func (s Store) verify(c *Calibration, keys []minisign.PublicKey) error {
	signature, err := s.signature(c.Station.Objective, c.Number)
	if err != nil {
		return err
	}
	if fits(keys, c.text, signature) {
		return nil
	}
	return fmt.Errorf("%w: number %d of objective %s: the signature fits none of %d keys", ErrTampered, c.Number, c.Station.Objective, len(keys))
}

func fits(keys []minisign.PublicKey, text, signature []byte) bool {
	return slices.ContainsFunc(keys, func(key minisign.PublicKey) bool { return minisign.Verify(key, text, signature) })
}

// Keys reads the public keys (*.pub) in a folder. One without any is an error: it
// would trust nobody.
func Keys(folder string) ([]minisign.PublicKey, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.pub"))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	var keys []minisign.PublicKey
	for _, path := range paths {
		key, err := minisign.PublicKeyFromFile(path)
		if err != nil {
			return nil, fmt.Errorf("keys: %s: not a minisign public key: %w", path, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("keys: no *.pub in %s", folder)
	}
	return keys, nil
}
