package update

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// Manifest says what a program is.
type Manifest struct {
	Product string `json:"product"` // "kensa"
	Version string `json:"version"` // as Debian's packages have it
	Arch    string `json:"arch"`    // Go's name: arm64, amd64
	// SchemaMin and Schema bound the database schemas that the program can open;
	// it brings older ones up to Schema.
	SchemaMin int `json:"schema_min"`
	Schema    int `json:"schema"`
}

const product = "kensa"

// versionForm is deb-version(7) without an epoch.
var versionForm = regexp.MustCompile(`^[0-9][A-Za-z0-9.+~-]{0,99}$`)

var archForm = regexp.MustCompile(`^[a-z0-9]{1,20}$`)

// ParseManifest reads a manifest. Keys that it does not know are a newer
// version's, and passed over.
func ParseManifest(text []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	return m, m.check()
}

func (m Manifest) check() error {
	switch {
	case m.Product != product:
		return fmt.Errorf("manifest: product %q; want %q", m.Product, product)
	case !versionForm.MatchString(m.Version):
		return fmt.Errorf("manifest: version %q; want a Debian version without epoch", m.Version)
	case !archForm.MatchString(m.Arch):
		return fmt.Errorf("manifest: arch %q; want Go's name of an architecture", m.Arch)
	case m.SchemaMin < 0 || m.Schema < m.SchemaMin:
		return fmt.Errorf("manifest: schema_min %d, schema %d; want 0 or more, in order", m.SchemaMin, m.Schema)
	}
	return nil
}

// opens reports why the program could not open a database of this schema.
func (m Manifest) opens(schema int) error {
	if schema != 0 && (schema < m.SchemaMin || schema > m.Schema) {
		return fmt.Errorf("the database has schema %d; version %s opens %d to %d", schema, m.Version, m.SchemaMin, m.Schema)
	}
	return nil
}
