// Package opencv says which OpenCV the program has, and how that was built: from
// it follows which of its results are the same, bit by bit, on two machines.
package opencv

// #include "opencv.h"
import "C"

import "strings"

// Build is OpenCV's own account of itself.
type Build struct {
	Version  string   `json:"version"`
	Baseline []string `json:"baseline"`           // instruction sets that the CPU must have
	Dispatch []string `json:"dispatch,omitempty"` // those used where it has them
	Flags    string   `json:"flags"`              // of its C++ compiler
	Compiler string   `json:"compiler"`
	Static   bool     `json:"static"`
	Modules  []string `json:"modules"`
}

// Linked is the OpenCV of this program.
func Linked() Build {
	return read(C.GoString(C.kensa_opencv_version()), C.GoString(C.kensa_opencv_build()))
}

// read takes what is wanted from the text that cv::getBuildInformation gives:
// lines of `  Name:   value`.
func read(version, text string) Build {
	b := Build{Version: version}
	section, configuration := "", ""
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		if ok && value == "" {
			section = name
		}
		switch {
		case !ok:
		case name == "Baseline":
			b.Baseline = strings.Fields(value)
		case name == "Dispatched code generation":
			b.Dispatch = strings.Fields(value)
		case name == "Configuration":
			configuration = value
		case name == "C++ flags (Release)":
			if configuration == "None" { // then those that CMake adds for a release are not used
				value, _, _ = strings.Cut(value, " -O3 -DNDEBUG")
			}
			b.Flags = value
		case name == "C++ Compiler":
			b.Compiler = value
		case name == "Built as dynamic libs?":
			b.Static = value == "NO"
		case name == "To be built" && section == "OpenCV modules":
			b.Modules = strings.Fields(value)
		}
	}
	return b
}
