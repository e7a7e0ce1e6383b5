package intake

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"kensa/bus/ledger"
)

// Enrolment is a folder of public keys, one file <node>.pub for each node whose
// records are taken. A file that is added, replaced or removed counts from the
// node's next record on.
type Enrolment struct {
	folder string
	log    *slog.Logger

	mu   sync.Mutex
	keys map[string]enrolled
}

type enrolled struct {
	changed time.Time
	size    int64
	key     ed25519.PublicKey // nil where the file is damaged
}

const publicSuffix = ".pub"

// OpenEnrolment reads the folder. A key file that cannot be read is an error.
func OpenEnrolment(folder string, log *slog.Logger) (*Enrolment, error) {
	e := &Enrolment{folder: folder, log: log, keys: make(map[string]enrolled)}
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	for _, f := range files {
		node, ok := strings.CutSuffix(f.Name(), publicSuffix)
		if !ok {
			continue
		}
		path := filepath.Join(folder, f.Name())
		if err := ledger.CheckNode(node); err != nil {
			return nil, fmt.Errorf("enrol: %s: the file's name must be the node's: %w", path, err)
		}
		if _, err := ledger.ReadPublicKey(path); err != nil {
			return nil, fmt.Errorf("enrol: %w", err)
		}
	}
	return e, nil
}

// Key implements ledger.Keys. It asks the file system each time, which costs
// microseconds, and reads the file when it has changed.
func (e *Enrolment) Key(node string) (ed25519.PublicKey, bool) {
	if ledger.CheckNode(node) != nil {
		return nil, false
	}
	path := filepath.Join(e.folder, node+publicSuffix)
	info, err := os.Stat(path)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		delete(e.keys, node)
		if !errors.Is(err, fs.ErrNotExist) {
			e.log.Error("enrolment cannot be read", "error", err)
		}
		return nil, false
	}
	known, ok := e.keys[node]
	if !ok || !known.changed.Equal(info.ModTime()) || known.size != info.Size() {
		key, err := ledger.ReadPublicKey(path)
		if err != nil {
			e.log.Error("node not enrolled", "node", node, "error", err)
		}
		known = enrolled{info.ModTime(), info.Size(), key}
		e.keys[node] = known
	}
	return known.key, known.key != nil
}

// Nodes are those enrolled now.
func (e *Enrolment) Nodes() []string {
	files, err := os.ReadDir(e.folder)
	if err != nil {
		e.log.Error("enrolment cannot be read", "error", err)
	}
	var nodes []string
	for _, f := range files {
		if node, ok := strings.CutSuffix(f.Name(), publicSuffix); ok {
			if _, ok := e.Key(node); ok {
				nodes = append(nodes, node)
			}
		}
	}
	return nodes
}
