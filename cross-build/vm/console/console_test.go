package console

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// read returns what a console holds: the records, the kernel's lines, and
// whether anything was damaged.
func read(t testing.TB, text string) (records []Record, foreign []string, damaged bool) {
	t.Helper()
	r := NewReader(strings.NewReader(text))
	r.Foreign = func(line string) { foreign = append(foreign, line) }
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			return records, foreign, damaged
		}
		if err != nil {
			damaged = true
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			continue
		}
		records = append(records, record)
	}
}

func TestTheKernelMayWriteBetweenRecords(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	b.WriteString("[    0.1] Booting\r\n")
	if err := w.Write(Record{Kind: Begin, Package: "p"}); err != nil {
		t.Fatal(err)
	}
	b.WriteString("[    2.0] a line that has not ended")
	if err := w.Write(Record{Kind: End, Package: "p", Code: 1, Seconds: 2.5}); err != nil {
		t.Fatal(err)
	}
	records, foreign, damaged := read(t, strings.ReplaceAll(b.String(), "\n", "\r\n"))
	if damaged || len(records) != 2 || records[0].Kind != Begin || records[1].Code != 1 || records[1].Seconds != 2.5 {
		t.Errorf("damaged %v, records %+v", damaged, records)
	}
	if want := "[    0.1] Booting|[    2.0] a line that has not ended"; strings.Join(foreign, "|") != want {
		t.Errorf("kernel's lines %q", foreign)
	}
}

func TestOutputComesWholeAndInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sent, got, b bytes.Buffer
		w := NewWriter(&b).Stream("p")
		for _, piece := range rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 3*MaxText)).Draw(t, "pieces") {
			sent.Write(piece)
			if n, err := w.Write(piece); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
		}
		r := NewReader(&b)
		for {
			record, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || record.Kind != Output || record.Package != "p" || len(record.Text) > MaxText {
				t.Fatal(record, err)
			}
			got.Write(record.Text)
		}
		if !bytes.Equal(sent.Bytes(), got.Bytes()) {
			t.Fatal("came changed")
		}
	})
}

func TestNoDamageGoesUnseen(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, kind := range []string{Begin, End, Done} {
		if err := w.Write(Record{Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
	whole := b.String()
	lines := strings.SplitAfter(whole, "\n")
	if _, _, damaged := read(t, lines[0]+lines[2]); !damaged {
		t.Error("a lost record was not noticed")
	}
	for at := range len(whole) - 1 { // without the last line's end, which carries nothing
		changed := whole[:at] + string(whole[at]^1) + whole[at+1:]
		records, _, damaged := read(t, changed)
		done := len(records) == 3 && records[2].Kind == Done
		if !damaged && done {
			t.Errorf("byte %d changed: taken for whole: %+v", at, records)
		}
	}
}

func FuzzReader(f *testing.F) {
	var b bytes.Buffer
	if err := NewWriter(&b).Write(Record{Kind: Note, Text: []byte("x")}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Add("@kensa 1 00000000 \n[ 0.0] text\n@kensa")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 1<<20 {
			read(t, text)
		}
	})
}
