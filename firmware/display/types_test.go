package display

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"kensa/vision/wafer"
)

// TestPageTypes holds web/src/types.ts, which the page is compiled against,
// equal to the JSON that this package writes.
func TestPageTypes(t *testing.T) {
	g := generator{seen: map[string]bool{}}
	for _, v := range []any{State{}, Wafer{}, AlarmCleared{}, FieldDone{}, heartbeat{}} {
		g.object(reflect.TypeOf(v))
	}
	golden(t, "web/src/types.ts", []byte("// Derived from the Go types by go test -update; do not edit.\n"+g.out.String()))
}

// generator writes TypeScript interfaces.
type generator struct {
	seen map[string]bool
	out  strings.Builder
}

func (g *generator) object(t reflect.Type) {
	if g.seen[t.Name()] {
		return
	}
	g.seen[t.Name()] = true
	var body strings.Builder
	extends := ""
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			g.object(f.Type)
			extends = " extends " + f.Type.Name()
		case name != "-":
			fmt.Fprintf(&body, "  %s: %s;\n", name, g.typeOf(f.Type))
		}
	}
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	fmt.Fprintf(&g.out, "\nexport interface %s%s {\n%s}\n", name, extends, body.String())
}

// words are string types with a fixed vocabulary.
var words = map[reflect.Type]string{
	reflect.TypeFor[wafer.Verdict]():     unionOf(wafer.Pass, wafer.Fail, wafer.Incomplete),
	reflect.TypeFor[wafer.Kind]():        unionOf(wafer.DieGrid, wafer.Sequence),
	reflect.TypeFor[wafer.Orientation](): unionOf(wafer.Down, wafer.Left, wafer.Up, wafer.Right),
	reflect.TypeFor[Severity]():          unionOf(Fault, Abnormal),
	reflect.TypeFor[Link]():              unionOf(Up, Down, Off),
	reflect.TypeFor[Number]():            "number | null",
	reflect.TypeFor[time.Time]():         "string",
}

func unionOf[T ~string](all ...T) string {
	var quoted []string
	for _, w := range all {
		quoted = append(quoted, fmt.Sprintf("%q", w))
	}
	return strings.Join(quoted, " | ")
}

func (g *generator) typeOf(t reflect.Type) string {
	if w, ok := words[t]; ok {
		return w
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Pointer:
		return g.typeOf(t.Elem()) + " | null"
	case reflect.Slice:
		return g.typeOf(t.Elem()) + "[]"
	case reflect.Array:
		return "[" + strings.TrimSuffix(strings.Repeat(g.typeOf(t.Elem())+", ", t.Len()), ", ") + "]"
	case reflect.Map:
		return "Record<number, " + g.typeOf(t.Elem()) + ">"
	case reflect.Struct:
		g.object(t)
		return t.Name()
	}
	return "number"
}
