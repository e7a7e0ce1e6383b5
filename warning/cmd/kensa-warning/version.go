package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
)

// What the linker is told: -X main.Version=v1.2.3. Date is the commit's.
var Version, Commit, Date string

type versionCommand struct {
	JSON bool `help:"Print all that is known of the build, as JSON."`
}

// software is how this program was built.
type software struct {
	Version  string            `json:"version"`
	Commit   string            `json:"commit,omitempty"`
	Date     string            `json:"date,omitempty"`
	Go       string            `json:"go"`
	Target   string            `json:"target"` // operating system and architecture
	Settings map[string]string `json:"settings,omitempty"`
}

// Run prints the version.
func (v versionCommand) Run(std streams) error {
	s := read()
	if !v.JSON {
		_, err := fmt.Fprintln(std.out, "kensa-warning", s.Version)
		return err
	}
	encoder := json.NewEncoder(std.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s)
}

// read takes what the linker was told, and what the Go toolchain noted.
func read() software {
	s := software{Version: Version, Commit: Commit, Date: Date, Go: runtime.Version(), Target: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok {
		s.Settings = map[string]string{}
		for _, setting := range info.Settings {
			s.Settings[setting.Key] = setting.Value
		}
		if s.Version == "" {
			s.Version = info.Main.Version
		}
	}
	if s.Version == "" {
		s.Version = "unknown"
	}
	return s
}
