package display

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"kensa/firmware/display/web"
)

// page is the embedded page with its files' ETags.
type page struct {
	files fs.FS
	tags  map[string]string
}

// notBuilt is shown where the program was compiled without its page.
const notBuilt = `<!doctype html><html lang="en"><title>Kensa</title><p>page not built: run <code>make build</code>, or ` +
	`<code>npm ci &amp;&amp; npm run build</code> in firmware/display/web, and compile again.`

func loadPage() (page, error) {
	p := page{web.Files(), map[string]string{}}
	names, err := fs.Glob(p.files, "*.*")
	if err != nil {
		return p, fmt.Errorf("display: page: %w", err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(p.files, name)
		if err != nil {
			return p, fmt.Errorf("display: page: %w", err)
		}
		p.tags[name] = fmt.Sprintf(`"%x"`, sha256.Sum256(data))
	}
	return p, nil
}

func (p page) index(w http.ResponseWriter, r *http.Request) {
	if p.tags["index.html"] == "" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, notBuilt)
		return
	}
	p.serve(w, r, "index.html")
}

func (p page) asset(w http.ResponseWriter, r *http.Request) { p.serve(w, r, r.PathValue("file")) }

// serve sends a file; the browser asks each time whether it changed, so that
// an updated box never shows an old page.
func (p page) serve(w http.ResponseWriter, r *http.Request, name string) {
	data, err := fs.ReadFile(p.files, name)
	if err != nil || p.tags[name] == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", p.tags[name])
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
}
