// Package console carries records from the virtual machine to its host over a
// serial console that the kernel writes to as well.
//
// A record is one line: a mark, a number that counts records from 1, a CRC-32 of
// what follows, and JSON in base64. A line without the mark is the kernel's. A
// damaged line, and one that is missing, shows: the reader says so, and never
// takes a run for whole that was not.
package console

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"sync"
)

// Kinds of records.
const (
	Begin  = "begin"  // a package's tests start
	Output = "output" // Text is a piece of what they print
	End    = "end"    // they ended with Code after Seconds of guest time
	Note   = "note"   // Text is what the guest itself has to say
	Done   = "done"   // the last record; Code is not 0 when the guest itself failed
)

// MaxText is the longest piece of text in a record, in bytes, so that a damaged
// line costs little.
const MaxText = 1024

const mark = "@kensa "

// Record is what the guest has to say.
type Record struct {
	Kind    string  `json:"kind"`
	Package string  `json:"package,omitempty"`
	Text    []byte  `json:"text,omitempty"`
	Code    int     `json:"code,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

// Writer writes records; it may be used from several goroutines.
type Writer struct {
	mu     sync.Mutex
	to     io.Writer
	number uint64
}

// NewWriter writes to a console.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Write writes one record.
func (w *Writer) Write(r Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	payload, err := json.Marshal(r)
	if err != nil {
		return err
	}
	w.number++
	text := base64.StdEncoding.EncodeToString(payload)
	_, err = fmt.Fprintf(w.to, "%s%d %08x %s\n", mark, w.number, crc32.ChecksumIEEE([]byte(text)), text)
	return err
}

// Stream returns a writer whose bytes become Output records of a package.
func (w *Writer) Stream(name string) io.Writer { return stream{w, name} }

type stream struct {
	w    *Writer
	name string
}

func (s stream) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		end := min(len(p), done+MaxText)
		if err := s.w.Write(Record{Kind: Output, Package: s.name, Text: p[done:end]}); err != nil {
			return done, err
		}
		done = end
	}
	return len(p), nil
}

// ErrDamaged means that a record did not arrive as it was sent, or not at all.
var ErrDamaged = errors.New("console: record damaged or lost")

// Reader reads a console.
type Reader struct {
	lines  *bufio.Scanner
	number uint64
	// Foreign is told each line that is no record: the kernel's. May be nil.
	Foreign func(line string)
}

// NewReader reads from a console.
func NewReader(from io.Reader) *Reader {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	return &Reader{lines: lines}
}

// Next returns the next record, and io.EOF at the end of the console. An error
// that is ErrDamaged may be read past.
func (r *Reader) Next() (Record, error) {
	for r.lines.Scan() {
		line := strings.TrimRight(r.lines.Text(), "\r")
		// The kernel may have begun the line.
		before, rest, marked := strings.Cut(line, mark)
		if before != "" && r.Foreign != nil {
			r.Foreign(before)
		}
		if marked {
			return r.record(rest)
		}
	}
	if err := r.lines.Err(); err != nil {
		return Record{}, err
	}
	return Record{}, io.EOF
}

func (r *Reader) record(line string) (Record, error) {
	number, record, err := parse(line)
	if err != nil {
		return Record{}, fmt.Errorf("%w: after number %d: %w", ErrDamaged, r.number, err)
	}
	expected := r.number + 1
	r.number = number
	if number != expected {
		return record, fmt.Errorf("%w: number %d came; want %d", ErrDamaged, number, expected)
	}
	return record, nil
}

func parse(line string) (number uint64, record Record, err error) {
	var sum uint32
	var text string
	if _, err := fmt.Sscanf(line, "%d %x %s", &number, &sum, &text); err != nil {
		return 0, Record{}, err
	}
	if got := crc32.ChecksumIEEE([]byte(text)); got != sum {
		return 0, Record{}, fmt.Errorf("checksum %08x; want %08x", got, sum)
	}
	payload, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return 0, Record{}, err
	}
	return number, record, json.Unmarshal(payload, &record)
}
