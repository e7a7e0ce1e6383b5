// Package cli shows calibration on a terminal: what to do, how it goes, what came
// out. On a terminal a step's line is drawn over and over; elsewhere (a pipe, a
// log) each step leaves one line.
package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"kensa/calibration"
)

// ErrLater means that the person chose to go on another time.
var ErrLater = errors.New("stopped; run the same command again to go on from here")

// ErrNobody means that something must be done by hand and nobody can say when.
var ErrNobody = errors.New("needs a person at the station, and the input ended")

// Terminal is a person at a terminal. It is a session.Person.
type Terminal struct {
	// Width is how many cells a line has; nil: not known.
	Width func() int
	// Flush forgets what was typed before a question was asked, such as a second Enter of a
	// gloved finger; nil: nothing is forgotten.
	Flush func()

	out  io.Writer
	live bool
	in   *lines

	step       calibration.Step
	number, of int
	seen       []float64
	drawn      bool // a line that can be drawn again
	waiting    bool // and told so
}

// New makes a terminal. live says that out can draw a line again.
func New(in io.Reader, out io.Writer, live bool) *Terminal {
	return &Terminal{out: out, live: live, in: &lines{from: bufio.NewReader(in)}}
}

// Ask shows what to do and waits for Enter; q stops.
func (t *Terminal) Ask(ctx context.Context, step calibration.Step, what []string) error {
	t.end()
	if step.Name != t.step.Name { // not in the midst of it
		fmt.Fprintln(t.out)
		t.say("  Next: ", step.Title)
	}
	for _, w := range what {
		t.say("   → ", w)
	}
	return t.wait(ctx, "  Enter when done, q to stop and go on later: ")
}

// Wrong says why a step did not count, and waits as Ask does.
func (t *Terminal) Wrong(ctx context.Context, _ calibration.Step, why *calibration.Wrong) error {
	t.end()
	t.say("  ✗ ", why.What)
	if why.Remedy != "" {
		t.say("   → ", why.Remedy)
	}
	return t.wait(ctx, "  Enter to try again, q to stop and go on later: ")
}

// say prints a sentence, folded at words on a narrow terminal.
func (t *Terminal) say(head, text string) {
	p := &printer{to: t.out, width: t.known()}
	p.folded(head, text)
}

func (t *Terminal) flush() {
	if t.Flush != nil {
		t.Flush()
	}
}

func (t *Terminal) wait(ctx context.Context, prompt string) error {
	t.flush()
	fmt.Fprint(t.out, prompt)
	answer, err := t.in.next(ctx)
	if err != nil { // the question's line is not ended
		fmt.Fprintln(t.out)
	}
	if errors.Is(err, io.EOF) {
		return ErrNobody
	}
	if err == nil && strings.EqualFold(strings.TrimSpace(answer), "q") {
		return ErrLater
	}
	return err
}

// Confirm asks a yes-or-no question. On a terminal it asks until it is answered, since
// no may cost an hour; else an empty answer is no, as the end of the input is.
func (t *Terminal) Confirm(ctx context.Context, question string) (bool, error) {
	choice := "[y/N]"
	if t.live {
		choice = "[y/n]"
	}
	for {
		t.flush()
		fmt.Fprintf(t.out, "%s %s ", question, choice)
		answer, err := t.in.next(ctx)
		if err != nil {
			fmt.Fprintln(t.out)
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		switch answer = strings.ToLower(strings.TrimSpace(answer)); {
		case err != nil:
			return false, err
		case answer == "y" || answer == "yes":
			return true, nil
		case !t.live || answer == "n" || answer == "no":
			return false, nil
		}
	}
}

// Begin announces a step.
func (t *Terminal) Begin(step calibration.Step, number, of int) {
	t.end()
	t.step, t.number, t.of, t.seen, t.waiting = step, number, of, nil, false
	if t.live {
		t.draw(calibration.Reading{})
	}
}

// Wait counts down in the step's line, on a terminal, unless that shows a reading and
// the next is near; else it says once in a step how long.
func (t *Terminal) Wait(left time.Duration) {
	left = left.Round(time.Second)
	switch {
	case len(t.seen) > 0 && left < 2*time.Minute:
	case t.live:
		t.show(fmt.Sprintf("%s  waiting, %v left", t.place(), left))
	case !t.waiting:
		t.show(fmt.Sprintf("%s  waiting for %v", t.place(), left))
	}
	t.waiting = true
}

// Tell shows a reading.
func (t *Terminal) Tell(r calibration.Reading) {
	t.seen = append(t.seen, r.Value)
	if t.live || r.Done >= t.step.Frames {
		t.draw(r)
	}
}

// draw writes the step's line: place in the procedure, progress, reading, band,
// and how the reading went; of these as much as the terminal is wide for, since a line
// that wraps cannot be drawn again.
func (t *Terminal) draw(r calibration.Reading) {
	long := 12
	if t.narrow() {
		long = 8
	}
	line := t.place() + "  " + bar(r.Done, t.step.Frames, long)
	if r.Done > 0 {
		line += fmt.Sprintf(" %3d/%d  %s %s", r.Done, t.step.Frames, r.Name, t.quantity(r.Value, r.Unit))
		var more []string
		if !r.Band.None() {
			more = append(more, needle(r.Value, r.Band), r.Band.String())
		}
		if len(t.seen) > 2 {
			more = append(more, Sparkline(t.seen, 16))
		}
		for _, part := range more {
			if longer := line + " " + part; utf8.RuneCountInString(longer) < t.width() {
				line = longer
			}
		}
	}
	t.show(line)
}

// show draws a line again, on a terminal; else it prints it.
func (t *Terminal) show(line string) {
	if !t.live {
		fmt.Fprintln(t.out, line)
		return
	}
	if most := t.width() - 1; utf8.RuneCountInString(line) > most {
		line = pad(line, most)
	}
	fmt.Fprintf(t.out, "\r\x1b[K%s", line)
	t.drawn = true
}

// width of the line that can be drawn, cells; endless where none is drawn again.
func (t *Terminal) width() int {
	if t.live && t.Width != nil {
		if w := t.Width(); w > 20 {
			return w
		}
	}
	return math.MaxInt
}

// known is the width, 0 where there is none.
func (t *Terminal) known() int {
	if w := t.width(); w < math.MaxInt {
		return w
	}
	return 0
}

// narrow is a terminal on which the titles give way to the values.
func (t *Terminal) narrow() bool { return t.width() < 100 }

// place is which step it is, of how many. Its title takes what is left beside bar,
// count and value on a terminal of 80 cells, and more on a wider one.
func (t *Terminal) place() string {
	title := 34
	if t.narrow() {
		title = max(12, t.width()-60)
	}
	return fmt.Sprintf("  [%*d/%d] %s", len(fmt.Sprint(t.of)), t.number, t.of, pad(t.step.Title, title))
}

// end leaves a line that was drawn live.
func (t *Terminal) end() {
	if t.drawn {
		fmt.Fprintln(t.out)
		t.drawn = false
	}
}

// Finish ends the last step's line.
func (t *Terminal) Finish() { t.end() }

// quantity is a live value. Where it is drawn again and again its zeros stay, so that
// what stands behind it stays in its place.
func (t *Terminal) quantity(v float64, unit string) string {
	if a := math.Abs(v); t.live && (a == 0 || a >= 1e-3 && a < 1e4) {
		text := strings.TrimSuffix(fmt.Sprintf("%#.4g", v), ".")
		if unit != "" {
			text += " " + unit
		}
		return text
	}
	return calibration.Figure{Value: roundTo4(v), Unit: unit}.String()
}

// lines reads lines so that a waiting read does not outlive the context for the
// caller: the reading goroutine stays with the input, whose next line it keeps.
type lines struct {
	from    *bufio.Reader
	pending chan line
}

type line struct {
	text string
	err  error
}

func (l *lines) next(ctx context.Context) (string, error) {
	if l.pending == nil {
		l.pending = make(chan line, 1)
		go func(to chan<- line) {
			text, err := l.from.ReadString('\n')
			if text != "" {
				err = nil
			}
			to <- line{text, err}
		}(l.pending)
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case got := <-l.pending:
		l.pending = nil
		return got.text, got.err
	}
}
