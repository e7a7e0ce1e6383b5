// Package version says which software this is: what the linker was told of the
// source, and what the Go toolchain noted of the build.
package version

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// What the linker is told (-X).
var (
	Version = "unknown" // from the repository's tags
	Commit  string      // whole
	Date    string      // of the commit, not of the build: RFC 3339, UTC
	Recipe  string      // hash of the recipe of the libraries linked statically; empty: the distribution's shared ones
)

// Build is how this program was built. Equal sources and equal Builds give equal
// bytes, where Recipe is set.
type Build struct {
	Version  string            `json:"version"`
	Commit   string            `json:"commit,omitempty"`
	Date     string            `json:"date,omitempty"`
	Recipe   string            `json:"recipe,omitempty"`
	Go       string            `json:"go"`
	Target   string            `json:"target"` // operating system and architecture
	Tags     []string          `json:"tags,omitempty"`
	Settings map[string]string `json:"settings,omitempty"` // the Go toolchain's, by their names
}

// Read tells of the running program.
func Read() Build {
	b := Build{Version: Version, Commit: Commit, Date: Date, Recipe: Recipe, Go: runtime.Version(), Target: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Settings = map[string]string{}
	for _, s := range info.Settings {
		if s.Key == "-tags" {
			b.Tags = strings.Split(s.Value, ",")
			continue
		}
		b.Settings[s.Key] = s.Value
	}
	return b
}
