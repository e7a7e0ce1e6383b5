package v4l2

import (
	"os"
	"path/filepath"
	"strings"
)

// Found is a camera of this machine.
type Found struct {
	Path string `json:"path"`
	Name string `json:"name"`
	// Stable is a path that keeps naming this camera when it is plugged in anew;
	// empty where udev makes none.
	Stable string `json:"stable_path,omitempty"`
}

// List finds the video devices of this machine without opening them. A device may
// be no camera: `Open` tells.
func List() []Found {
	nodes, _ := filepath.Glob("/sys/class/video4linux/video*") // the pattern is well-formed
	links, _ := filepath.Glob("/dev/v4l/by-*/*")
	var all []Found
	for _, node := range nodes {
		f := Found{Path: "/dev/" + filepath.Base(node)}
		if name, err := os.ReadFile(filepath.Join(node, "name")); err == nil {
			f.Name = strings.TrimSpace(string(name))
		}
		for _, link := range links { // by-id comes before by-path
			if target, err := filepath.EvalSymlinks(link); err == nil && target == f.Path && f.Stable == "" {
				f.Stable = link
			}
		}
		all = append(all, f)
	}
	return all
}
