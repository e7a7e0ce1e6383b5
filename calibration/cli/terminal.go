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
	"strings"
	"time"

	"kensa/calibration"
)

// ErrLater means that the person chose to go on another time.
var ErrLater = errors.New("stopped; run the same command again to go on from here")

// ErrNobody means that something must be done by hand and nobody can say when.
var ErrNobody = errors.New("needs a person at the station, and the input ended")

// Terminal is a person at a terminal. It is a session.Person.
type Terminal struct {
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
		fmt.Fprintf(t.out, "\n  Next: %s\n", step.Title)
	}
	for _, w := range what {
		fmt.Fprintf(t.out, "   → %s\n", w)
	}
	return t.wait(ctx, "  Enter when done, q to stop and go on later: ")
}

// Wrong says why a step did not count, and waits as Ask does.
func (t *Terminal) Wrong(ctx context.Context, _ calibration.Step, why *calibration.Wrong) error {
	t.end()
	fmt.Fprintf(t.out, "  ✗ %s\n", why.What)
	if why.Remedy != "" {
		fmt.Fprintf(t.out, "   → %s\n", why.Remedy)
	}
	return t.wait(ctx, "  Enter to try again, q to stop and go on later: ")
}

func (t *Terminal) wait(ctx context.Context, prompt string) error {
	fmt.Fprint(t.out, prompt)
	answer, err := t.in.next(ctx)
	if errors.Is(err, io.EOF) {
		fmt.Fprintln(t.out)
		return ErrNobody
	}
	if err == nil && strings.EqualFold(strings.TrimSpace(answer), "q") {
		return ErrLater
	}
	return err
}

// Confirm asks a yes-or-no question; an empty answer and the end of the input
// are no.
func (t *Terminal) Confirm(ctx context.Context, question string) (bool, error) {
	fmt.Fprintf(t.out, "%s [y/N] ", question)
	answer, err := t.in.next(ctx)
	if errors.Is(err, io.EOF) {
		fmt.Fprintln(t.out)
		return false, nil
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", err
}

// Begin announces a step.
func (t *Terminal) Begin(step calibration.Step, number, of int) {
	t.end()
	t.step, t.number, t.of, t.seen, t.waiting = step, number, of, nil, false
	if t.live {
		t.draw(calibration.Reading{})
	}
}

// Wait counts down in the step's line, on a terminal; else it says once how long.
func (t *Terminal) Wait(left time.Duration) {
	left = left.Round(time.Second)
	switch {
	case t.live:
		fmt.Fprintf(t.out, "\r\x1b[K%s  waiting, %v left", t.place(), left)
		t.drawn = true
	case !t.waiting:
		fmt.Fprintf(t.out, "%s  waiting for %v\n", t.place(), left)
	}
	t.waiting = true
}

// Tell shows a reading.
func (t *Terminal) Tell(r calibration.Reading) {
	t.seen, t.waiting = append(t.seen, r.Value), false
	if t.live || r.Done >= t.step.Frames {
		t.draw(r)
	}
}

// draw writes the step's line: place in the procedure, progress, reading, band,
// and how the reading went.
func (t *Terminal) draw(r calibration.Reading) {
	line := t.place() + "  " + bar(r.Done, t.step.Frames, 12)
	if r.Done > 0 {
		line += fmt.Sprintf(" %3d/%d  %s %s", r.Done, t.step.Frames, r.Name, number(r.Value, r.Unit))
		if !r.Band.None() {
			line += " " + needle(r.Value, r.Band) + " " + r.Band.String()
		}
		if len(t.seen) > 2 {
			line += " " + Sparkline(t.seen, 16)
		}
	}
	if t.live {
		fmt.Fprintf(t.out, "\r\x1b[K%s", line)
		t.drawn = true
		return
	}
	fmt.Fprintln(t.out, line)
}

// place is which step it is, of how many.
func (t *Terminal) place() string {
	return fmt.Sprintf("  [%*d/%d] %s", len(fmt.Sprint(t.of)), t.number, t.of, pad(t.step.Title, 34))
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

func number(v float64, unit string) string {
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
