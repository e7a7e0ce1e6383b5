package config_test

import (
	"bytes"
	"encoding"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"kensa/firmware/config"
	"kensa/vision/length"
)

var update = flag.Bool("update", false, "write the example files anew")

// TestExamplesAreTheManual keeps the shipped examples equal to what the typed
// structs, their comments and their defaults say.
func TestExamplesAreTheManual(t *testing.T) {
	for file, value := range map[string]any{"kensa.toml": config.Default(), "recipe.toml": config.DefaultRecipe()} {
		want := manual(t, value)
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the structs say; run: go test ./firmware/config -update", file)
		}
	}
}

// manual writes a configuration value as TOML, each key with its field's comment.
func manual(t *testing.T, value any) []byte {
	w := &writer{t: t, comments: map[string]map[string]string{}}
	w.printf("# Every key with its default. Leave out what you do not change.\n")
	w.table("", reflect.ValueOf(value))
	return w.Bytes()
}

type writer struct {
	bytes.Buffer
	t        *testing.T
	comments map[string]map[string]string // by import path: "Type.Field" to its comment
}

func (w *writer) printf(format string, args ...any) { fmt.Fprintf(w, format, args...) }

// table writes the plain keys first, then the tables below, as TOML wants.
func (w *writer) table(path string, v reflect.Value) {
	for _, nested := range []bool{false, true} {
		for n := range v.NumField() {
			field := v.Type().Field(n)
			if field.Anonymous && !nested {
				w.table(path, v.Field(n))
				continue
			}
			key := field.Tag.Get("toml")
			if key == "" || isTable(field.Type) != nested {
				continue
			}
			if nested {
				w.nested(strings.TrimPrefix(path+"."+key, "."), w.comment(v.Type(), field.Name), v.Field(n))
				continue
			}
			comment := w.comment(v.Type(), field.Name)
			if comment != "" {
				w.printf("\n")
			}
			w.printf("%s%s", comment, w.pair(key, v.Field(n)))
		}
	}
}

func (w *writer) nested(path, comment string, v reflect.Value) {
	if v.Kind() == reflect.Struct {
		w.printf("\n%s[%s]\n", comment, path)
		w.table(path, v)
		return
	}
	if v.Len() == 0 {
		w.example(path, comment)
	}
	for n := range v.Len() {
		w.printf("\n%s[[%s]]\n", comment, path)
		if n == 0 {
			w.table(path, v.Index(n))
		} else {
			w.keys(v.Index(n))
		}
		comment = ""
	}
}

// examples stand for tables of which a recipe has none by default.
var examples = map[string]any{"die.mask": config.Mask{
	X: 400, Y: 8 * length.Millimetre, Width: 2500, Height: 600, Kind: config.Relaxed, Factor: 2,
}}

// example writes a table that is not there, its keys behind a #; nothing where
// there is no example of it.
func (w *writer) example(path, comment string) {
	value, ok := examples[path]
	if !ok {
		return
	}
	sub := &writer{t: w.t, comments: w.comments}
	sub.printf("[[%s]]\n", path)
	sub.table(path, reflect.ValueOf(value))
	w.printf("\n%s", comment)
	for line := range strings.Lines(sub.String()) {
		if line != "\n" && !strings.HasPrefix(line, "#") {
			line = "#" + line
		}
		w.printf("%s", line)
	}
}

// keys writes the keys of a repeated table, without saying again what they mean.
func (w *writer) keys(v reflect.Value) {
	for n := range v.NumField() {
		w.printf("%s", w.pair(v.Type().Field(n).Tag.Get("toml"), v.Field(n)))
	}
}

func (w *writer) pair(key string, v reflect.Value) string {
	if v.Kind() == reflect.Slice && v.IsNil() {
		v = reflect.MakeSlice(v.Type(), 0, 0)
	}
	text, err := toml.Marshal(map[string]any{key: v.Interface()})
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func isTable(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && !t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// comment is the field's own comment, or that of the first field of its group.
func (w *writer) comment(t reflect.Type, field string) string {
	byField, ok := w.comments[t.PkgPath()]
	if !ok {
		byField = w.parse(t.PkgPath())
		w.comments[t.PkgPath()] = byField
	}
	text, ok := byField[t.Name()+"."+field]
	if !ok {
		w.t.Errorf("%s.%s has no comment; it is the manual", t, field)
	}
	return inKeys(t, text)
}

// inKeys says in a comment the keys where Go says the fields' names.
func inKeys(t reflect.Type, text string) string {
	for n := range t.NumField() {
		field := t.Field(n)
		if key := field.Tag.Get("toml"); key != "" {
			text = regexp.MustCompile(`\b`+field.Name+`\b`).ReplaceAllString(text, key)
		}
	}
	return text
}

func (w *writer) parse(pkg string) map[string]string {
	folder := filepath.Join("..", "..", strings.TrimPrefix(pkg, "kensa/"))
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		w.t.Fatalf("no source of %s: %v", pkg, err)
	}
	comments := map[string]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			w.t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				collect(spec, comments)
			}
			return true
		})
	}
	return comments
}

func collect(spec *ast.TypeSpec, comments map[string]string) {
	fields, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	grouped := false // the field before had a comment, which may speak of this one too
	for _, field := range fields.Fields.List {
		text := field.Doc.Text() + field.Comment.Text()
		if text == "" && !grouped {
			continue
		}
		grouped = true
		for _, name := range field.Names {
			comments[spec.Name.Name+"."+name.Name] = hashed(text)
		}
	}
}

func hashed(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("# " + line)
	}
	return b.String()
}
