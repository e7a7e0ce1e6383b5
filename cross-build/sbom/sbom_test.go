package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/xeipuuv/gojsonschema"
)

const manifest = `source opencv 4.6.0+dfsg-12 opencv_4.6.0+dfsg.orig.tar.xz 40a59ba7e5c18a43652de0a08733c9843a39bba619b1f3e26a5fac4a6f041423
source opencv 4.6.0+dfsg-12 opencv_4.6.0+dfsg-12.debian.tar.xz a3c65bda575969bec08b9fb66b3e4a7d71ff59980843358ff6febfc8af25e5ee
arm64 libc6-dev 2.36-9+deb12u14 libc6-dev_2.36-9+deb12u14_arm64.deb 8bc395bf2ee9939f1a6ae395f974cffdcf541d98f99adfe89ce7e4bef36d159e
arm64 libstdc++-12-dev-arm64-cross 12.2.0-14cross1 libstdc++.a 26131f94ba5461606268dff76d634d2233df95282ac08b9421a185cd0d5797b9
`

const lock = `{"packages": {"": {"license": "Apache-2.0"}, "node_modules/preact": {"version": "11.2.0", "license": "MIT"},
"node_modules/@preact/signals": {"version": "2.11.4", "license": "MIT"}, "node_modules/esbuild": {"version": "0.28.2", "dev": true, "license": "MIT"}}}`

// write makes a bill of this very test program, which has Go modules in it.
func write(t *testing.T, manifest string) (path string, err error) {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"manifest": manifest, "package-lock.json": lock} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path = filepath.Join(folder, "bill.cdx.json")
	return path, run(inputs{program: os.Args[0], version: "v1", manifest: filepath.Join(folder, "manifest"),
		page: filepath.Join(folder, "package-lock.json"), date: "2026-01-02T03:04:05Z"}, path)
}

func read(t *testing.T, path string) (text []byte, bom cdx.BOM) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		t.Fatal(err)
	}
	return text, bom
}

func TestBill(t *testing.T) {
	path, err := write(t, manifest)
	if err != nil {
		t.Fatal(err)
	}
	text, bom := read(t, path)
	licences, files := map[string]string{}, 0
	for _, c := range *bom.Components {
		licences[c.Name] = ""
		if c.Licenses != nil {
			l := (*c.Licenses)[0]
			licences[c.Name] = l.Expression
			if l.License != nil {
				licences[c.Name] = l.License.ID
			}
		}
		if c.Components != nil {
			files += len(*c.Components)
		}
	}
	for name, want := range map[string]string{"OpenCV": "Apache-2.0", "glibc": "LGPL-2.1-or-later", "libstdc++": "GPL-3.0-or-later WITH GCC-exception-3.1", "std": "BSD-3-Clause",
		"preact": "MIT", "@preact/signals": "MIT", "github.com/CycloneDX/cyclonedx-go": "Apache-2.0", "golang.org/x/mod": "BSD-3-Clause"} {
		if got, ok := licences[name]; !ok || got != want {
			t.Errorf("%s: licence %q, listed %v; want %q", name, got, ok, want)
		}
	}
	if _, ok := licences["esbuild"]; ok {
		t.Error("esbuild is listed, which is not in the program")
	}
	if files != 4 {
		t.Errorf("%d files of libraries; want the manifest's 4", files)
	}
	again, err := write(t, manifest)
	if err != nil {
		t.Fatal(err)
	}
	if more, _ := read(t, again); string(more) != string(text) {
		t.Error("the same program's second bill differs")
	}
}

// TestSchema holds a bill against the schema that CycloneDX publishes, from the
// library's own folder.
func TestSchema(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(strings.TrimSpace(string(out)), "schema")
	path, err := write(t, manifest)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := read(t, path)
	loader := gojsonschema.NewSchemaLoader()
	for name, file := range map[string]string{"spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json"} {
		if err := loader.AddSchema("http://cyclonedx.org/schema/"+name, gojsonschema.NewReferenceLoader("file://"+filepath.Join(folder, file))); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := loader.Compile(gojsonschema.NewReferenceLoader("file://" + filepath.Join(folder, "bom-1.6.schema.json")))
	if err != nil {
		t.Fatal(err)
	}
	good, err := schema.Validate(gojsonschema.NewBytesLoader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range good.Errors() {
		t.Error(e)
	}
	bad, err := schema.Validate(gojsonschema.NewStringLoader(strings.Replace(string(text), `"library"`, `"libary"`, 1)))
	if err != nil || bad.Valid() {
		t.Errorf("the schema takes a wrong type of component (%v)", err)
	}
}

func TestUnknownPackage(t *testing.T) {
	path, err := write(t, "arm64 libtiff-dev 4.5.0-6 libtiff-dev_4.5.0-6_arm64.deb 00\n")
	if err == nil || !strings.Contains(err.Error(), `package "libtiff-dev" is not known; give its licence`) {
		t.Errorf("%v; want it named", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a bill was written all the same")
	}
}
