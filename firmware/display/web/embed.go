// Package web holds the operator display's page, bundled from src by
//
//	npm ci && npm run build
//
// in this folder. Without that the package still compiles and Files is all but
// empty; the display then says how to build the page.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files are the page's files: index.html, app.js, app.css, icon.svg.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil { // only for a name that is no path
		return dist
	}
	return files
}
