package cli_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"kensa/calibration"
	"kensa/calibration/cli"
)

// screen is a terminal with its output.
func screen(live bool, width int, typed string) (*cli.Terminal, *bytes.Buffer) {
	var out bytes.Buffer
	t := cli.New(strings.NewReader(typed), &out, live)
	t.Width = func() int { return width }
	return t, &out
}

var step = calibration.Step{Name: "level-07", Title: "mirror at 45 % of the current, for as long as it takes", Frames: 200}

// drawn are a live line's contents, one for each time it was drawn.
func drawn(out *bytes.Buffer) []string { return strings.Split(out.String(), "\r\x1b[K")[1:] }

// TestLiveLineFits: a line that wraps cannot be drawn again, so it is never as wide as
// the terminal; what is left out is the least important.
func TestLiveLineFits(t *testing.T) {
	for _, width := range []int{40, 80, 100, 132, 200} {
		s, out := screen(true, width, "")
		s.Begin(step, 7, 120)
		for n := range 20 {
			s.Tell(calibration.Reading{Done: n + 1, Name: "against the first", Value: 1000 + float64(n), Unit: "DN", Band: calibration.Between(819, 3276)})
		}
		s.Wait(44*time.Minute + 300*time.Millisecond)
		lines := drawn(out)
		if len(lines) != 22 {
			t.Fatalf("%d cells: drawn %d times; want 22", width, len(lines))
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n >= width {
				t.Errorf("%d cells: a line of %d: %q", width, n, line)
			}
		}
		last := lines[20]
		for part, from := range map[string]int{"[  7/120]": 40, "mirror at": 40, "1019 DN": 80, "●": 132, "819 to 3276": 132, "▇██": 200} {
			if !strings.Contains(last, part) && width >= from {
				t.Errorf("%d cells: no %q in %q", width, part, last)
			}
		}
		if !strings.Contains(lines[21], "44m0s left") && width >= 80 {
			t.Errorf("%d cells: %q", width, lines[21])
		}
	}
}

// TestShortWaitKeepsTheReading on the terminal: what was read last is worth more than
// that the next comes in half a minute.
func TestShortWaitKeepsTheReading(t *testing.T) {
	s, out := screen(true, 132, "")
	s.Begin(step, 1, 2)
	s.Wait(30 * time.Second)
	s.Tell(calibration.Reading{Done: 1, Name: "mean", Value: 7})
	s.Wait(30 * time.Second)
	if lines := drawn(out); len(lines) != 3 || !strings.Contains(lines[1], "30s left") || !strings.Contains(lines[2], "mean 7") {
		t.Errorf("%q", lines)
	}
}

// TestLogHasALineForEachStep and none that is drawn again.
func TestLogHasALineForEachStep(t *testing.T) {
	s, out := screen(false, 0, "")
	for n := range 3 {
		s.Begin(step, n+1, 3)
		s.Wait(time.Minute)
		s.Wait(50 * time.Second)
		for k := range step.Frames {
			s.Tell(calibration.Reading{Done: k + 1, Name: "mean", Value: 1})
		}
	}
	s.Finish()
	if got := strings.Count(out.String(), "\n"); got != 6 || strings.Contains(out.String(), "\r") {
		t.Errorf("%d lines:\n%s", got, out)
	}
}

// TestAskedInTheMidst of a step a person reads on a line of its own what to do, without
// the step's title once more.
func TestAskedInTheMidst(t *testing.T) {
	s, out := screen(true, 80, "\n\nq\n")
	ask := func() error { return s.Ask(context.Background(), step, []string{"move the stage to x 13.00 µm"}) }
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	s.Begin(step, 1, 2)
	s.Tell(calibration.Reading{Done: 1, Name: "mean"})
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if err := ask(); !errors.Is(err, cli.ErrLater) {
		t.Errorf("q: %v", err)
	}
	if n := strings.Count(out.String(), "Next: "); n != 1 {
		t.Errorf("%d times:\n%s", n, out)
	}
	if !strings.Contains(out.String(), "\n   → move the stage") {
		t.Errorf("not on a line of its own: %q", out)
	}
	if err := ask(); !errors.Is(err, cli.ErrNobody) {
		t.Errorf("at the input's end: %v", err)
	}
}

// TestResultOnANarrowTerminal breaks at words, and no line is wider.
func TestResultOnANarrowTerminal(t *testing.T) {
	r := &calibration.Result{
		Figures: []calibration.Figure{
			{Name: "a", Title: "dark signal non-uniformity over the whole of a very wide and long view", Value: 1.25, Uncertainty: 0.01, Unit: "% of full scale", Limits: calibration.AtMost(2)},
			{Name: "b", Title: "hot pixels", Value: 3, Unit: "of them"},
		},
		Notes: []string{"it was watched for ten minutes only, less than one and a half time constants: begin anew"},
	}
	for width, want := range map[int]string{
		0:   "value",
		120: "value",
		60:  "\n      1.250 ± 0.010 % of full scale  (≤ 2)  ✓ pass\n",
		30:  "\n      1.250 ± 0.010 % of full\n",
	} {
		var out bytes.Buffer
		if err := cli.WriteResult(&out, "dark", r, width); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "✓ pass") {
			t.Errorf("%d cells: no %q in\n%s", width, want, out.String())
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(line) - 1; width > 0 && n > width {
				t.Errorf("%d cells: a line of %d: %q", width, n, line)
			}
		}
	}
}

// TestLiveValueStands: what follows it does not jump when it ends in a zero.
func TestLiveValueStands(t *testing.T) {
	s, out := screen(true, 200, "")
	s.Begin(step, 1, 1)
	for n, v := range []float64{64.29, 64.3, 64, 0} {
		s.Tell(calibration.Reading{Done: n + 1, Name: "mean", Value: v, Unit: "DN", Band: calibration.AtMost(100)})
	}
	lines := drawn(out)[1:]
	for _, line := range lines {
		if strings.Index(line, "DN") != strings.Index(lines[0], "DN") {
			t.Errorf("%q; before %q", line, lines[0])
		}
	}
}

// TestAGlovedFingerAcceptsNothing, nor declines: what was typed before the question is
// forgotten, and a terminal asks until the answer is yes or no.
func TestAGlovedFingerAcceptsNothing(t *testing.T) {
	for _, c := range []struct {
		live        bool
		typed       string
		want        bool
		asked, flat int
	}{{true, "\n\nwhat\ny\n", true, 4, 4}, {true, "\nn\n", false, 2, 2}, {true, "", false, 1, 1}, {false, "\ny\n", false, 1, 1}, {false, "YES\n", true, 1, 1}} {
		s, out := screen(c.live, 80, c.typed)
		flushed := 0
		s.Flush = func() { flushed++ }
		yes, err := s.Confirm(context.Background(), "Accept?")
		if asked := strings.Count(out.String(), "Accept?"); err != nil || yes != c.want || asked != c.asked || flushed != c.flat {
			t.Errorf("%q: %v, %v, asked %d times, flushed %d times", c.typed, yes, err, asked, flushed)
		}
	}
}
