package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// library is what a package of the distribution is called by those who wrote it,
// and on what terms it may be linked.
type library struct{ name, licence string }

// known are the packages that a manifest may name. The C++ runtime may be linked
// into anything by its exception; the C library's terms are in the README.
var known = map[string]library{
	"opencv":              {"OpenCV", "Apache-2.0"},
	"highway":             {"Highway", "Apache-2.0"},
	"zlib1g-dev":          {"zlib", "Zlib"},
	"libpng-dev":          {"libpng", "libpng-2.0"},
	"libjpeg62-turbo-dev": {"libjpeg-turbo", "IJG AND BSD-3-Clause AND Zlib"},
	"libc6-dev":           {"glibc", "LGPL-2.1-or-later"},
	"libstdc++-":          {"libstdc++", "GPL-3.0-or-later WITH GCC-exception-3.1"},
	"libgcc-":             {"libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1"},
}

// find knows a package by its name, or by what its name begins with where the
// compiler's version and target follow.
func find(name string) (library, bool) {
	if lib, ok := known[name]; ok {
		return lib, true
	}
	stem, _, _ := strings.Cut(name, "-")
	lib, ok := known[stem+"-"]
	return lib, ok
}

// libraries reads a manifest of cross-build/static. A library's files are its
// hashes.
func libraries(manifest []byte) ([]cdx.Component, error) {
	parts := map[string]*cdx.Component{}
	lines := bufio.NewScanner(bytes.NewReader(manifest))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) != 5 {
			return nil, fmt.Errorf("%q; want arch, package, version, file, hash", lines.Text())
		}
		arch, name, version, file, sum := f[0], f[1], f[2], f[3], f[4]
		lib, ok := find(name)
		if !ok {
			return nil, fmt.Errorf("package %q is not known; give its licence in cross-build/sbom", name)
		}
		if parts[name] == nil {
			purl := fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s&distro=debian-12", strings.ReplaceAll(name, "+", "%2B"), strings.ReplaceAll(version, "+", "%2B"), arch)
			parts[name] = &cdx.Component{Type: cdx.ComponentTypeLibrary, Name: lib.name, Version: version, BOMRef: purl, PackageURL: purl,
				Licenses: spdx(lib.licence), Components: &[]cdx.Component{}}
		}
		*parts[name].Components = append(*parts[name].Components, cdx.Component{Type: cdx.ComponentTypeFile, Name: file,
			BOMRef: parts[name].BOMRef + "#" + file, Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}}})
	}
	return inOrder(parts), lines.Err()
}

func inOrder(parts map[string]*cdx.Component) (all []cdx.Component) {
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		all = append(all, *parts[name])
	}
	return all
}

// packages reads npm's lock file for what is bundled: all that is not only for
// development.
func packages(lock []byte) ([]cdx.Component, error) {
	var file struct {
		Packages map[string]struct {
			Version, License, Integrity string
			Dev                         bool
		}
	}
	if err := json.Unmarshal(lock, &file); err != nil {
		return nil, err
	}
	parts := map[string]*cdx.Component{}
	for folder, p := range file.Packages {
		name := strings.TrimPrefix(folder, "node_modules/")
		if folder == "" || p.Dev {
			continue
		}
		purl := "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + p.Version
		c := &cdx.Component{Type: cdx.ComponentTypeLibrary, Name: name, Version: p.Version, BOMRef: purl, PackageURL: purl, Licenses: spdx(p.License)}
		if text, ok := strings.CutPrefix(p.Integrity, "sha512-"); ok {
			sum, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return nil, fmt.Errorf("%s: integrity: %w", name, err)
			}
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA512, Value: hex.EncodeToString(sum)}}
		}
		parts[name] = c
	}
	return inOrder(parts), nil
}

// spdx is a licence by its identifier, or an expression of several.
func spdx(text string) *cdx.Licenses {
	switch {
	case text == "":
		return nil
	case strings.Contains(text, " "):
		return &cdx.Licenses{{Expression: text}}
	}
	return &cdx.Licenses{{License: &cdx.License{ID: text}}}
}

// modCache is where go keeps modules.
var modCache = sync.OnceValue(func() string {
	if folder := os.Getenv("GOMODCACHE"); folder != "" {
		return folder
	}
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
})
