package main

import (
	"fmt"

	"kensa/firmware/version"
	"kensa/vision/hotpath"
	"kensa/vision/opencv"
)

type versionCommand struct {
	JSON bool `help:"Print all that is known of the build, as JSON."`
}

// software is the program and the libraries in it.
type software struct {
	version.Build
	OpenCV  opencv.Build `json:"opencv"`
	Highway highway      `json:"highway"`
}

// highway tells of the SIMD kernel's instruction sets.
type highway struct {
	Compiled []string `json:"compiled"`
	Chosen   string   `json:"chosen"`
}

// Run prints the version.
func (v *versionCommand) Run(c console) error {
	if v.JSON {
		return printJSON(c.out, software{version.Read(), opencv.Linked(), highway{hotpath.Compiled(), hotpath.Target()}})
	}
	_, err := fmt.Fprintln(c.out, "kensa", version.Version)
	return err
}
