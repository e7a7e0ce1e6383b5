package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kensa/cross-build/vm/console"
)

func TestTheListOfTests(t *testing.T) {
	tests, err := parseTests("# remark\ncgo ./hw/line\n\n./hw/camera/v4l2 -test.run=^TestX$ # why\n")
	if err != nil || len(tests) != 2 {
		t.Fatal(tests, err)
	}
	if x := tests[1]; x.Package != "kensa/hw/camera/v4l2" || x.Folder != "/kensa/src/hw/camera/v4l2" || len(x.Flags) != 1 || x.Binary == tests[0].Binary || x.cgo || !tests[0].cgo {
		t.Errorf("%+v", x)
	}
	for text, want := range map[string]string{
		"":                    "no test",
		"hw/line":             `1: "hw/line"; want ./FOLDER`,
		"./a/../b":            "want ./FOLDER",
		"\n./hw/line -run X":  `2: "-run"; want -test.FLAG`,
		"./hw/line -test.v X": `"X"`,
	} {
		if _, err := parseTests(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}

// play sends records to a report of n packages and returns what it printed and
// its verdict.
func play(t *testing.T, r *report, records ...console.Record) (printed string, passed bool) {
	t.Helper()
	var serial, out bytes.Buffer
	serial.WriteString("[    0.0] Booting Linux\r\n")
	w := console.NewWriter(&serial)
	for _, record := range records {
		if err := w.Write(record); err != nil {
			t.Fatal(err)
		}
	}
	r.to = &out
	reading := r.read(console.NewReader(&serial))
	closing := r.close()
	if reading != nil {
		out.WriteString(reading.Error())
	}
	return out.String(), reading == nil && closing == nil
}

func TestTheReportReadsAsGoTestDoes(t *testing.T) {
	begin := console.Record{Kind: console.Begin, Package: "kensa/a"}
	output := func(text string) console.Record {
		return console.Record{Kind: console.Output, Package: "kensa/a", Text: []byte(text)}
	}
	end := console.Record{Kind: console.End, Package: "kensa/a", Seconds: 1.5}
	failed := end
	failed.Code = 1
	done := console.Record{Kind: console.Done}
	for _, c := range []struct {
		name    string
		verbose bool
		records []console.Record
		passed  bool
		want    string
	}{
		{"passes", false, []console.Record{begin, output("--- PASS: TestA (0.0s)\n"), end, done}, true, "ok  \tkensa/a\t1.500s\n"},
		{"verbose", true, []console.Record{begin, output("--- PASS: TestA\n"), end, done}, true, "--- PASS: TestA\nok  \tkensa/a\t1.500s\n"},
		{"skips", false, []console.Record{begin, output("--- PASS: TestA (0.0s)\n--- SKIP: TestB (0.0s)\n"), end, done}, true, "ok  \tkensa/a\t1.500s [skipped: TestB]\n"},
		{"benchmark", false, []console.Record{begin, output("goos: linux\nBenchmarkX\nBenchmarkX \t 3\t 5 ns/op\nPASS\n"), end, done}, true, "BenchmarkX \t 3\t 5 ns/op\nok  \tkensa/a\t1.500s\n"},
		{"fails", false, []console.Record{begin, output("--- FAIL: Te"), output("stA\n"), failed, done}, false, "--- FAIL: TestA\nFAIL\tkensa/a\t1.500s\nFAIL\n"},
		{"nothing ran", false, []console.Record{begin, output("--- SKIP: TestB (0.0s)\nPASS\n"), end, done}, false, "--- SKIP: TestB (0.0s)\nPASS\nnothing ran\nFAIL\tkensa/a\t1.500s\nFAIL\n"},
		{"guest fails", false, []console.Record{{Kind: console.Note, Text: []byte("module x")}, {Kind: console.Done, Code: 1}}, false, "guest: module x\nFAIL\n"},
		{"not all ran", false, []console.Record{done}, false, "FAIL\n"},
	} {
		printed, passed := play(t, &report{verbose: c.verbose, expected: make([]guestTest, 1)}, c.records...)
		if printed != c.want || passed != c.passed {
			t.Errorf("%s: passed %v, printed %q; want %q", c.name, passed, printed, c.want)
		}
	}
	printed, passed := play(t, &report{expected: make([]guestTest, 1)}, begin, output("=== RUN TestA\n"))
	for _, want := range []string{"=== RUN TestA\n", "FAIL\tkensa/a\n", "stopped before it was done", "Booting Linux"} {
		if passed || !strings.Contains(printed, want) {
			t.Errorf("a machine that stops: passed %v, printed %q; want %q", passed, printed, want)
		}
	}
	if _, passed := play(t, &report{expected: make([]guestTest, 1), partial: true}, begin, output("PASS\n"), end, done); !passed {
		t.Error("a package without the tests asked for has not failed")
	}
}

// The kernel's format: each header and each file's data begins at a multiple of
// four bytes, and folders come before what lies in them.
func TestTheMemoryDisk(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "x"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &disk{}
	d.text("a/b/c", "hello")
	if err := d.folder("a/b", folder); err != nil {
		t.Fatal(err)
	}
	d.link("sh", "busybox")
	d.program("init", filepath.Join(folder, "x"))
	at := filepath.Join(folder, "disk")
	if err := d.write(at); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for n := 0; n < len(data); {
		header := data[n : n+110]
		if string(header[:6]) != "070701" || n%4 != 0 {
			t.Fatalf("at %d: %q", n, header)
		}
		size, length := hexField(t, header, 6), hexField(t, header, 11)
		name := string(data[n+110 : n+110+length-1])
		n = (n + 110 + length + 3) &^ 3
		got = append(got, name+"="+string(data[n:n+size]))
		n = (n + size + 3) &^ 3
	}
	if want := "a= a/b= a/b/c=hello a/b/x=12345 sh=busybox init=12345 TRAILER!!!="; strings.Join(got, " ") != want {
		t.Errorf("got %q; want %q", strings.Join(got, " "), want)
	}
	d.program("gone", filepath.Join(folder, "none"))
	if err := d.write(at); err == nil {
		t.Error("a missing file was not noticed")
	}
}

// hexField is a header's field by its number after the magic.
func hexField(t *testing.T, header []byte, n int) int {
	t.Helper()
	var value [4]byte
	for i := range value {
		for _, digit := range header[6+8*n+2*i:][:2] {
			value[i] = value[i]<<4 | byte(strings.IndexByte("0123456789abcdef", digit))
		}
	}
	return int(binary.BigEndian.Uint32(value[:]))
}
