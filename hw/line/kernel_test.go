package line_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"kensa/hw/line"
	"kensa/hw/line/linetest"
)

var (
	_ gpio.PinIO = (*line.Pin)(nil)
	_ line.Input = (*line.Pin)(nil)
)

func spec(t *testing.T, text string) line.Spec {
	t.Helper()
	s, err := line.ParseSpec(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func inputs(t *testing.T, specs ...string) []*line.Pin {
	t.Helper()
	return take(t, line.OpenInputs, specs)
}

func outputs(t *testing.T, specs ...string) []*line.Pin {
	t.Helper()
	return take(t, line.OpenOutputs, specs)
}

func take(t *testing.T, open func(line.Options, ...line.Spec) (*line.Lines, error), texts []string) []*line.Pin {
	t.Helper()
	var specs []line.Spec
	for _, text := range texts {
		specs = append(specs, spec(t, text))
	}
	lines, err := open(line.Options{}, specs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lines.Close(); err != nil {
			t.Error(err)
		}
	})
	return lines.Pins()
}

func next(t *testing.T, p *line.Pin) line.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	e, err := p.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func quiet(t *testing.T, p *line.Pin) {
	t.Helper()
	if p.WaitForEdge(20 * time.Millisecond) {
		t.Errorf("%s: an edge where there was none", p)
	}
}

func TestKernelEdgesCarryTimeAndNumber(t *testing.T) {
	chip := linetest.New(t, "tool", "WAFER-PRESENT", "FIELD-TRIGGER")
	pins := inputs(t, "tool/WAFER-PRESENT", "tool/FIELD-TRIGGER")
	for n := range 5 {
		before := line.Monotonic()
		chip.Drive("FIELD-TRIGGER", n%2 == 0)
		e := next(t, pins[1])
		if after := line.Monotonic(); e.Time < before || e.Time > after {
			t.Errorf("edge %d stamped %v; happened between %v and %v", n, e.Time, before, after)
		}
		if e.Sequence != uint64(n+1) || e.Level != (n%2 == 0) || pins[1].Read() != e.Level {
			t.Errorf("edge %d: %+v, the line reads %v", n, e, pins[1].Read())
		}
	}
	quiet(t, pins[0])
}

func TestKernelOnlyTheEdgesAskedForCount(t *testing.T) {
	chip := linetest.New(t, "tool", "A", "B")
	pins := inputs(t, "tool/A", "tool/B")
	chip.Pulse("A")
	if err := pins[0].In(gpio.PullNoChange, gpio.RisingEdge); err != nil {
		t.Fatal(err)
	}
	chip.Pulse("A")
	chip.Pulse("A")
	for n := range 2 {
		if e := next(t, pins[0]); e.Level != gpio.High || e.Sequence != uint64(n+1) {
			t.Errorf("%+v; want the rise number %d", e, n+1)
		}
	}
	quiet(t, pins[0])
	if err := pins[0].Halt(); err != nil {
		t.Fatal(err)
	}
	chip.Pulse("A")
	quiet(t, pins[0])
	chip.Pulse("B")
	if e := next(t, pins[1]); e.Level != gpio.High {
		t.Errorf("the other line: %+v", e)
	}
}

func TestKernelActiveLowPullAndDebounce(t *testing.T) {
	chip := linetest.New(t, "tool", "LOW", "UP", "BOUNCING")
	pins := inputs(t, "tool/LOW active-low", "tool/UP pull-up", "tool/BOUNCING debounce=5ms")
	if pins[0].Read() != gpio.High {
		t.Error("an active-low line at 0 V reads Low")
	}
	if pins[1].Pull() != gpio.PullUp || chip.Read("UP") != gpio.High {
		t.Errorf("pull %v, level %v", pins[1].Pull(), chip.Read("UP"))
	}
	for range 3 {
		chip.Pulse("BOUNCING")
	}
	chip.Drive("BOUNCING", gpio.High)
	if e := next(t, pins[2]); e.Level != gpio.High || e.Sequence != 1 {
		t.Errorf("after the bounces: %+v", e)
	}
	quiet(t, pins[2])
}

func TestKernelOutputs(t *testing.T) {
	chip := linetest.New(t, "tool", "READY", "BUSY")
	pins := outputs(t, "tool/READY", "tool/BUSY active-low")
	if chip.Read("READY") != gpio.Low || chip.Read("BUSY") != gpio.High {
		t.Error("an output does not begin unasserted")
	}
	for _, l := range []gpio.Level{gpio.High, gpio.Low, gpio.High} {
		for _, p := range pins {
			if err := p.Out(l); err != nil {
				t.Fatal(err)
			}
		}
		if chip.Read("READY") != l || chip.Read("BUSY") != !l || pins[0].Read() != l || pins[0].Function() != "Out/"+l.String() {
			t.Errorf("after Out(%v): %v, %v, %s", l, chip.Read("READY"), chip.Read("BUSY"), pins[0].Function())
		}
	}
	// Reading must not turn an output round, and setting one line up anew not
	// change another.
	if err := pins[1].In(gpio.PullNoChange, gpio.NoEdge); err != nil {
		t.Fatal(err)
	}
	if chip.Read("READY") != gpio.High || pins[1].Function() != "In/"+pins[1].Read().String() {
		t.Errorf("READY %v, BUSY %s", chip.Read("READY"), pins[1].Function())
	}
	if pins[0].PWM(gpio.DutyHalf, 1) == nil {
		t.Error("PWM on a line")
	}
}

// TestKernelBurst loses no edge up to 10,000 a second while the reader works. Beyond
// that, at whatever rate the machine can drive the line beside reading it, it may lose
// some; the numbering tells how many. The log says which rates were reached.
func TestKernelBurst(t *testing.T) {
	chip := linetest.New(t, "tool", "WAFER-PRESENT", "FIELD-TRIGGER")
	pins := inputs(t, "tool/WAFER-PRESENT", "tool/FIELD-TRIGGER")
	const edges, sure = 3000, 10_000
	for _, rate := range []int{1000, sure, 15_000, 17_500, 20_000, 22_500, 1_000_000} {
		if err := pins[1].In(gpio.PullNoChange, gpio.BothEdges); err != nil {
			t.Fatal(err)
		}
		counted := make(chan [2]int)
		go func() { got, last := count(pins[1]); counted <- [2]int{got, int(last)} }()
		start := line.Monotonic()
		for n := range edges {
			// Sleeping would cost more than the time to the next edge.
			for due := start + time.Duration(n)*time.Second/time.Duration(rate); line.Monotonic() < due; {
				continue
			}
			chip.Drive("FIELD-TRIGGER", n%2 == 0)
		}
		took := line.Monotonic() - start
		c := <-counted
		reached := float64(edges) / took.Seconds()
		t.Logf("%d edges at %.0f/s: %d read, %d told as lost", edges, reached, c[0], c[1]-c[0])
		if c[1] != edges {
			t.Errorf("at %.0f/s: the numbering says %d edges; there were %d", reached, c[1], edges)
		}
		if rate <= sure && c[0] != edges {
			t.Errorf("at %.0f/s: %d of %d read", reached, c[0], edges)
		}
	}
}

// TestKernelOverflowIsTold leaves edges unread until the buffers are full: the
// oldest are lost, and the numbering says how many.
func TestKernelOverflowIsTold(t *testing.T) {
	chip := linetest.New(t, "tool", "WAFER-PRESENT", "FIELD-TRIGGER")
	pins := inputs(t, "tool/WAFER-PRESENT", "tool/FIELD-TRIGGER")
	const edges = 3 * line.BufferSize
	for n := range edges {
		chip.Drive("FIELD-TRIGGER", n%2 == 0)
	}
	got, last := count(pins[1])
	if got < line.BufferSize || got >= edges || last != edges {
		t.Errorf("%d edges read, the last is number %d; want some lost of %d, and told", got, last, edges)
	}
}

// count reads what has come until nothing more does.
func count(p *line.Pin) (got int, last uint64) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		e, err := p.Next(ctx)
		cancel()
		if err != nil {
			return got, last
		}
		got, last = got+1, e.Sequence
	}
}

// TestKernelHolderIsSeenWithoutTaking the line.
func TestKernelHolderIsSeenWithoutTaking(t *testing.T) {
	linetest.New(t, "tool", "READY", "BUSY")
	outputs(t, "tool/READY")
	for text, want := range map[string]string{"tool/READY": line.Consumer, "tool/BUSY": "", "tool/1": ""} {
		s, err := line.ParseSpec(text)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if who, err := line.Holder(s); who != want || err != nil {
				t.Errorf("%s: held by %q, %v; want %q", text, who, err, want)
			}
		}
	}
	s, err := line.ParseSpec("tool/MISS")
	if _, lookErr := line.Holder(s); err != nil || !errors.Is(lookErr, line.ErrNoLine) {
		t.Errorf("%v, %v", err, lookErr)
	}
}

func TestKernelErrorsNameTheCause(t *testing.T) {
	chip := linetest.New(t, "tool", "READY", "BUSY", "")
	outputs(t, "tool/READY")
	for text, want := range map[string][]string{
		"tool/READY":  {"READY", `taken by "kensa"`},
		"tool/MISS":   {"no such line", "READY, BUSY"},
		"tool/7":      {"no such line", "0 to 2"},
		"missing/X":   {"no such chip", "(tool, 3 lines)"},
		"tool/0 junk": nil,
	} {
		s, err := line.ParseSpec(text)
		if want == nil {
			if err == nil {
				t.Errorf("%s: no error", text)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = line.OpenInputs(line.Options{}, s)
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v; want %q", text, err, part)
			}
		}
	}
	if _, err := line.OpenInputs(line.Options{}, spec(t, "tool/BUSY"), spec(t, "tool/1")); err == nil || !strings.Contains(err.Error(), "one and the same") {
		t.Errorf("one line twice: %v", err)
	}
	if pins := inputs(t, "tool/2"); pins[0].Number() != 2 {
		t.Errorf("a line by its number: %d", pins[0].Number())
	}
	_ = chip
}

func TestKernelCloseEndsEveryWait(t *testing.T) {
	linetest.New(t, "tool", "A")
	lines, err := line.OpenInputs(line.Options{}, spec(t, "tool/A"))
	if err != nil {
		t.Fatal(err)
	}
	p := lines.Pins()[0]
	ended := make(chan error)
	go func() { _, err := p.Next(context.Background()); ended <- err }()
	if err := lines.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, line.ErrClosed) {
		t.Errorf("Next: %v", err)
	}
	for _, err := range []error{p.Out(gpio.High), p.In(gpio.PullUp, gpio.NoEdge), lines.Close()} {
		if err != nil && !errors.Is(err, line.ErrClosed) {
			t.Error(err)
		}
	}
	if _, err := p.Level(); !errors.Is(err, line.ErrClosed) {
		t.Errorf("Level: %v", err)
	}
	inputs(t, "tool/A") // free again
}

// TestKernelLeavesNoLineAssertedAfterSIGKILL shows what the kernel does with the
// outputs of a program that was killed: gpio-sim, as most drivers, returns a line
// that nobody holds to its pull.
func TestKernelLeavesNoLineAssertedAfterSIGKILL(t *testing.T) {
	if held := os.Getenv("LINE_HOLD"); held != "" {
		hold(t, held)
	}
	chip := linetest.New(t, "tool", "READY", "RESULT-NG")
	child := exec.Command(os.Args[0], "-test.run=^TestKernelLeavesNoLineAssertedAfterSIGKILL$")
	child.Env = append(os.Environ(), "LINE_HOLD=tool/READY,tool/RESULT-NG active-low")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var ready [5]byte
	if _, err := out.Read(ready[:]); err != nil {
		t.Fatal(err)
	}
	if chip.Read("READY") != gpio.High || chip.Read("RESULT-NG") != gpio.Low {
		t.Fatalf("held: %v, %v", chip.Read("READY"), chip.Read("RESULT-NG"))
	}
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	t.Logf("after SIGKILL: READY %v, RESULT-NG (active-low) %v", chip.Read("READY"), chip.Read("RESULT-NG"))
	if chip.Read("READY") != gpio.Low {
		t.Error("READY is still up")
	}
	outputs(t, "tool/READY", "tool/RESULT-NG") // free again
}

// hold asserts lines for ever.
func hold(t *testing.T, specs string) {
	for _, p := range outputs(t, strings.Split(specs, ",")...) {
		if err := p.Out(gpio.High); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("held")
	select {}
}

// TestKernelAStrangerIsToldTheGroup opens the device as a user who may not: the
// error names the group that may, unless that is root's.
func TestKernelAStrangerIsToldTheGroup(t *testing.T) {
	if path := os.Getenv("STRANGER_OPENS"); path != "" {
		_, err := line.OpenInputs(line.Options{}, line.Spec{Chip: filepath.Base(path), Line: "A"})
		fmt.Println(err)
		os.Exit(0)
	}
	linetest.New(t, "tool", "A")
	const path = "/dev/gpiochip0"
	t.Cleanup(func() { restore(t, 0, 0o600) })
	for group, want := range map[int]string{44: "video", 0: ""} {
		restore(t, group, 0o660)
		child := exec.Command(os.Args[0], "-test.run=^TestKernelAStrangerIsToldTheGroup$")
		child.Env = append(os.Environ(), "STRANGER_OPENS="+path)
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
		out, err := child.Output()
		said := string(out)
		if err != nil || !strings.Contains(said, "permission denied") || strings.Contains(said, "group") != (want != "") || !strings.Contains(said, want) {
			t.Errorf("group %d: %q, %v; want permission denied and the group %q", group, said, err, want)
		}
	}
}

// restore gives every chip, since all are looked at for a name, to a group.
func restore(t *testing.T, group int, mode os.FileMode) {
	t.Helper()
	paths, err := filepath.Glob("/dev/gpiochip*")
	for _, path := range paths {
		err = errors.Join(err, os.Chown(path, 0, group), os.Chmod(path, mode))
	}
	if err != nil {
		t.Fatal(err)
	}
}
