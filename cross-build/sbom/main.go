// Command sbom writes the bill of materials (CycloneDX 1.6, JSON) of a program:
// the Go modules that the program itself names, the C and C++ libraries in it
// from the manifest of cross-build/static, and the packages bundled in the
// operator display's page. The same program gives the same bill.
//
//	sbom -program FILE -version V [-manifest FILE] [-page package-lock.json] [-date RFC3339] -o FILE
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// inputs are what a bill is made from.
type inputs struct {
	program, version, manifest, page, date string
}

func main() {
	var in inputs
	flag.StringVar(&in.program, "program", "", "the program")
	flag.StringVar(&in.version, "version", "unknown", "of the program")
	flag.StringVar(&in.manifest, "manifest", "", "what its static libraries were built from; empty: it has none")
	flag.StringVar(&in.page, "page", "", "lock file of the page in it; empty: it has none")
	flag.StringVar(&in.date, "date", "", "of the commit")
	out := flag.String("o", "", "file to write")
	flag.Parse()
	if err := run(in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(in inputs, out string) error {
	bom, err := bill(in)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return err
	}
	temp := out + ".new"
	if err := os.WriteFile(temp, text.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, out)
}

// bill lists what is in a program.
func bill(in inputs) (*cdx.BOM, error) {
	content, err := os.ReadFile(in.program)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	product, components, err := modules(in.program, in.version)
	if err != nil {
		return nil, err
	}
	product.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}}
	for _, part := range []struct {
		file string
		read func([]byte) ([]cdx.Component, error)
	}{{in.manifest, libraries}, {in.page, packages}} {
		if part.file == "" {
			continue
		}
		text, err := os.ReadFile(part.file)
		if err != nil {
			return nil, err
		}
		more, err := part.read(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(part.file), err)
		}
		components = append(components, more...)
	}
	bom := cdx.NewBOM()
	bom.SerialNumber = serial(sum)
	bom.Metadata = &cdx.Metadata{Timestamp: in.date, Component: &product}
	bom.Components = &components
	bom.Dependencies = dependencies(product, components)
	return bom, nil
}

// serial makes the UUID that a bill must have from the program's hash, so that
// the bill is as reproducible as the program.
func serial(sum [32]byte) string {
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80 // version 8: of our own making
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// dependencies says that the program has all of it in it: who uses whom among the
// parts is not known here.
func dependencies(product cdx.Component, parts []cdx.Component) *[]cdx.Dependency {
	var refs []string
	for _, c := range parts {
		refs = append(refs, c.BOMRef)
	}
	return &[]cdx.Dependency{{Ref: product.BOMRef, Dependencies: &refs}}
}
