package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"kensa/cross-build/vm/console"
)

// report tells of the tests as `go test` does: a line for each package, its
// output where it failed, and benchmarks.
type report struct {
	to       io.Writer
	verbose  bool
	partial  bool // only some tests were asked for
	expected []guestTest

	output  bytes.Buffer
	running string // the package; empty between two
	ended   int
	failed  bool
	kernel  []string // what the kernel said on the console
}

// read takes records until the guest is done.
func (r *report) read(from *console.Reader) error {
	from.Foreign = func(line string) { r.kernel = append(r.kernel, line) }
	for {
		record, err := from.Next()
		if errors.Is(err, io.EOF) {
			return r.broken("the machine stopped before it was done")
		}
		if err != nil {
			return r.broken(err.Error())
		}
		switch record.Kind {
		case console.Begin:
			r.running = record.Package
			r.output.Reset()
		case console.Output:
			r.print(record.Text)
		case console.End:
			r.end(record)
		case console.Note:
			r.failed = true
			fmt.Fprintf(r.to, "guest: %s\n", record.Text)
		case console.Done:
			r.failed = r.failed || record.Code != 0
			return nil
		}
	}
}

// print takes a piece of a package's output.
func (r *report) print(text []byte) {
	r.output.Write(text)
	if r.verbose {
		_, _ = r.to.Write(text) // to stdout; its failure shows in nothing that matters here
	}
}

var (
	ran       = regexp.MustCompile(`(?m)^--- (PASS|FAIL): `)
	skipped   = regexp.MustCompile(`(?m)^--- SKIP: (\S+)`)
	benchmark = regexp.MustCompile(`(?m)^Benchmark\S*[ \t].*\n`)
)

// end tells how a package ended. One of which nothing ran has failed: a test that
// is listed is one that can run here.
func (r *report) end(e console.Record) {
	text := r.output.Bytes()
	benchmarks := benchmark.FindAll(text, -1)
	code := e.Code
	if code == 0 && !r.partial && len(ran.FindAll(text, -1)) == 0 && len(benchmarks) == 0 {
		code = 1
		fmt.Fprintf(&r.output, "nothing ran\n")
		text = r.output.Bytes()
	}
	r.ended++
	r.running = ""
	if code != 0 {
		r.failed = true
		if !r.verbose {
			_, _ = r.to.Write(text)
		}
		fmt.Fprintf(r.to, "FAIL\t%s\t%.3fs\n", e.Package, e.Seconds)
		return
	}
	if !r.verbose {
		_, _ = r.to.Write(bytes.Join(benchmarks, nil))
	}
	fmt.Fprintf(r.to, "ok  \t%s\t%.3fs%s\n", e.Package, e.Seconds, skips(text))
}

// skips names what was skipped: in this machine there should be little.
func skips(text []byte) string {
	var names []string
	for _, match := range skipped.FindAllSubmatch(text, -1) {
		names = append(names, string(match[1]))
	}
	if names == nil {
		return ""
	}
	return " [skipped: " + strings.Join(names, " ") + "]"
}

// broken tells of a machine that cannot be trusted any more.
func (r *report) broken(what string) error {
	if r.running != "" {
		if !r.verbose {
			_, _ = r.to.Write(r.output.Bytes())
		}
		fmt.Fprintf(r.to, "FAIL\t%s\n", r.running)
	}
	last := r.kernel[max(0, len(r.kernel)-40):]
	return fmt.Errorf("%s; the kernel's last lines:\n\t%s", what, strings.Join(last, "\n\t"))
}

// close gives the verdict.
func (r *report) close() error {
	if r.ended == len(r.expected) && !r.failed {
		return nil
	}
	fmt.Fprintln(r.to, "FAIL")
	return fmt.Errorf("%d of %d packages ran; not all passed", r.ended, len(r.expected))
}
