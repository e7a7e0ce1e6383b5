package update

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"aead.dev/minisign"
)

// maxKeys is the most bytes of a file of keys.
const maxKeys = 64 << 10

// ParseKeys reads minisign public keys, as many .pub files one after the other:
// a key a line, and lines that are empty, begin with # or with "untrusted
// comment:".
func ParseKeys(text []byte) ([]minisign.PublicKey, error) {
	var keys []minisign.PublicKey
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "untrusted comment:") {
			continue
		}
		var key minisign.PublicKey
		if err := key.UnmarshalText([]byte(line)); err != nil {
			return nil, fmt.Errorf("line %d: not a minisign public key: %w", n, err)
		}
		keys = append(keys, key)
	}
	return keys, lines.Err()
}

// keys are those that may sign. A file that is not there holds none.
func (s *Store) keys() ([]minisign.PublicKey, error) {
	text, err := readLimited(s.Keys, maxKeys)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	keys, err := ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Keys, err)
	}
	return keys, nil
}

// readLimited reads a small file.
func readLimited(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s: want a file of at most %d bytes", path, limit)
	}
	return os.ReadFile(path)
}
