package main

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/mod/module"
)

// modules reads from a program which Go modules are in it, and Go's own library.
func modules(program, version string) (product cdx.Component, parts []cdx.Component, err error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return product, nil, err
	}
	product = cdx.Component{Type: cdx.ComponentTypeApplication, Name: path.Base(info.Path), BOMRef: info.Path,
		Version: version, Licenses: spdx("Apache-2.0")}
	parts = append(parts, cdx.Component{Type: cdx.ComponentTypeLibrary, Name: "std", Version: strings.TrimPrefix(info.GoVersion, "go"),
		BOMRef: "pkg:golang/std", PackageURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go"), Licenses: spdx("BSD-3-Clause")})
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		purl := "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
		parts = append(parts, cdx.Component{Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, BOMRef: purl, PackageURL: purl,
			Licenses: spdx(licence(m.Path, m.Version)), Properties: &[]cdx.Property{{Name: "go:sum", Value: m.Sum}}})
	}
	return product, parts, nil
}

// phrases tell licences by words that only they have.
var phrases = []struct {
	id    string
	words *regexp.Regexp
}{
	{"EPL-2.0", regexp.MustCompile(`(?i)Eclipse Public License\W+v(ersion)? ?2\.0`)},
	{"MPL-2.0", regexp.MustCompile(`(?i)Mozilla Public License,? (Version|v\.) ?2\.0`)},
	{"AGPL-3.0-only", regexp.MustCompile(`GNU AFFERO GENERAL PUBLIC LICENSE`)},
	{"LGPL-3.0-only", regexp.MustCompile(`GNU LESSER GENERAL PUBLIC LICENSE`)},
	{"GPL-3.0-only", regexp.MustCompile(`GNU GENERAL PUBLIC LICENSE`)},
	{"Apache-2.0", regexp.MustCompile(`(?s)Apache License.*Version 2\.0`)},
	{"BSD-3-Clause", regexp.MustCompile(`(?s)Redistribution and use.*(Neither the name|names? of)`)},
	{"BSD-2-Clause", regexp.MustCompile(`Redistribution and use`)},
	{"ISC", regexp.MustCompile(`Permission to use, copy, modify, and/or distribute`)},
	{"MIT", regexp.MustCompile(`Permission is hereby granted, free of charge`)},
}

// licence finds a module's licence in the module cache; empty where it is not
// there or not known.
func licence(name, version string) string {
	escaped, err := module.EscapePath(name)
	if err != nil {
		return ""
	}
	folder := filepath.Join(modCache(), fmt.Sprintf("%s@%s", escaped, version))
	files, err := os.ReadDir(folder)
	if err != nil {
		return ""
	}
	for _, f := range files {
		upper := strings.ToUpper(f.Name())
		if f.IsDir() || !(strings.HasPrefix(upper, "LICEN") || strings.HasPrefix(upper, "COPYING")) {
			continue
		}
		if text, err := os.ReadFile(filepath.Join(folder, f.Name())); err == nil {
			for _, p := range phrases {
				if p.words.Match(text) {
					return p.id
				}
			}
		}
	}
	return ""
}
