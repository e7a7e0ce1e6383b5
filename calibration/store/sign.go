package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"aead.dev/minisign"

	"kensa/vision/durable"
)

// Sign writes the signature of a calibration, by minisign. Whoever signs vouches
// for every figure and map in it.
func (s Store) Sign(objective string, number int, key minisign.PrivateKey) error {
	folder, err := s.at(objective, number)
	if err != nil {
		return err
	}
	if _, err := s.Read(objective, number); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(folder, tomlName))
	if err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	return durable.WriteFile(filepath.Join(folder, signatureName), 0o644, func(w io.Writer) error {
		_, err := w.Write(minisign.Sign(key, text))
		return err
	})
}

// Verify looks for a signature by one of the keys: ErrUnsigned if there is none,
// ErrTampered if it fits none of them.
func (s Store) Verify(objective string, number int, keys []minisign.PublicKey) error {
	folder, err := s.at(objective, number)
	if err != nil {
		return err
	}
	signature, err := os.ReadFile(filepath.Join(folder, signatureName))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: number %d of objective %s", ErrUnsigned, number, objective)
	}
	if err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(folder, tomlName))
	if err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	for _, key := range keys {
		if minisign.Verify(key, text, signature) {
			return nil
		}
	}
	return fmt.Errorf("%w: number %d of objective %s: the signature fits none of %d keys", ErrTampered, number, objective, len(keys))
}
