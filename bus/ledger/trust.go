package ledger

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// ErrStranger means that an answer is signed with another key than the pinned
// one.
var ErrStranger = errors.New("signed by a receiver that is not trusted here")

// Trust judges the key of a receiver whose answer has passed every other check.
type Trust interface {
	// Admit returns nil where the key's answers count, and ErrStranger where they
	// do not.
	Admit(key ed25519.PublicKey) error
}

// Pin trusts one key: that in its file. Without a file it takes the first key
// that answers and keeps it there, so that whoever comes later with another one
// is refused. The file is read once.
type Pin struct {
	path string
	mu   sync.Mutex
	key  ed25519.PublicKey // nil until the first answer
}

// OpenPin reads a pinned key. There must be one where required is set.
func OpenPin(path string, required bool) (*Pin, error) {
	key, err := ReadPublicKey(path)
	if errors.Is(err, fs.ErrNotExist) && !required {
		return &Pin{path: path}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("receiver's key: %w", err)
	}
	return &Pin{path: path, key: key}, nil
}

// Admit implements Trust. A first key counts when it is on the disk.
func (p *Pin) Admit(key ed25519.PublicKey) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.key == nil {
		if err := os.MkdirAll(filepath.Dir(p.path), 0o700); err != nil {
			return fmt.Errorf("receiver's key not kept: %w", err)
		}
		if err := writePublic(p.path, key); err != nil {
			return fmt.Errorf("receiver's key not kept: %w", err)
		}
		p.key = key
	}
	if !p.key.Equal(key) {
		return fmt.Errorf("%w; %s names the one that is", ErrStranger, p.path)
	}
	return nil
}
