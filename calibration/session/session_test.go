package session_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kensa/calibration"
	"kensa/calibration/session"
	"kensa/hw/bench"
	"kensa/hw/simulator/stand"
)

// mean measures the mean grey value at five levels of light: a procedure with
// nothing to it, on a bench that is real enough.
type mean struct{ state state }

type state struct{ Means []float64 }

func (m *mean) Next() (calibration.Step, int, bool) {
	n := len(m.state.Means)
	light := float64(n+1) / 5
	return calibration.Step{Name: string(rune('a' + n)), Title: "light", Frames: 2,
		Set: bench.Setting{Target: bench.Mirror, Light: min(light, 1), Exposure: time.Millisecond}}, 5, n < 5
}

func (m *mean) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	sum := 0.0
	for n := range step.Frames {
		e, err := b.Expose(ctx)
		if err != nil {
			return err
		}
		for _, v := range e.Pix {
			sum += float64(v)
		}
		e.Release()
		tell(calibration.Reading{Done: n + 1, Name: "sum", Value: sum})
	}
	m.state.Means = append(m.state.Means, sum)
	return nil
}

func (m *mean) Result() (*calibration.Result, error) {
	return &calibration.Result{Figures: []calibration.Figure{{Name: "last", Title: "last sum", Value: m.state.Means[4]}}}, nil
}

func (m *mean) State() any { return &m.state }

// person counts what it is asked, and stops at the given step.
type person struct {
	stopAt string
	asked  []string
	began  []string
	waits  []time.Duration
	wrongs int
}

var errStop = errors.New("stopped by the person")

func (p *person) Ask(_ context.Context, s calibration.Step, what []string) error {
	p.asked = append(p.asked, what...)
	if s.Name == p.stopAt {
		return errStop
	}
	return nil
}
func (p *person) Begin(s calibration.Step, _, _ int) { p.began = append(p.began, s.Name) }
func (p *person) Tell(calibration.Reading)           {}
func (p *person) Wait(left time.Duration)            { p.waits = append(p.waits, left) }
func (p *person) Wrong(context.Context, calibration.Step, *calibration.Wrong) error {
	p.wrongs++
	return nil
}

// byHand is a bench whose light a person must set.
type byHand struct{ bench.Bench }

func (b byHand) Set(ctx context.Context, s bench.Setting) ([]string, error) {
	if _, err := b.Bench.Set(ctx, s); err != nil {
		return nil, err
	}
	return []string{"set the light"}, nil
}

func newStand(t *testing.T, seed uint64) *stand.Stand {
	t.Helper()
	truth := stand.Defaults(32, 16)
	truth.Seed = seed
	s, err := stand.New(truth)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t *testing.T, folder, options string, b bench.Bench, p *person) (*session.Session, *mean) {
	t.Helper()
	m := &mean{}
	s, err := session.Open(folder, "mean", options, m, b, p)
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

// TestResume stops at each step in turn and goes on: no step is taken twice, none
// is left out, and what was observed before the stop is what counts after it.
func TestResume(t *testing.T) {
	for _, stop := range []string{"a", "b", "c", "d", "e"} {
		folder := t.TempDir()
		first := &person{stopAt: stop}
		s, before := open(t, folder, "x", byHand{newStand(t, 1)}, first)
		if _, err := s.Run(t.Context()); !errors.Is(err, errStop) {
			t.Fatalf("stop at %s: %v", stop, err)
		}
		second := &person{}
		s, after := open(t, folder, "x", byHand{newStand(t, 2)}, second)
		if s.Resumed() != len(before.state.Means) {
			t.Errorf("stop at %s: %d steps resumed; want %d", stop, s.Resumed(), len(before.state.Means))
		}
		if _, err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(first.began)+len(second.began) != 5 {
			t.Errorf("stop at %s: began %v, then %v", stop, first.began, second.began)
		}
		for n, v := range before.state.Means {
			if after.state.Means[n] != v {
				t.Errorf("stop at %s: step %d changed from %v to %v", stop, n, v, after.state.Means[n])
			}
		}
		if c, known := s.Temperature(); !known || c != 20 {
			t.Errorf("temperature %v, %v; want 20 °C", c, known)
		}
		if err := s.Discard(); err != nil {
			t.Fatal(err)
		}
		if left, _ := os.ReadDir(folder); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// TestOthersSessionIsRefused: with other options or on another camera a session
// does not go on.
func TestOthersSessionIsRefused(t *testing.T) {
	folder := t.TempDir()
	s, _ := open(t, folder, "x", byHand{newStand(t, 1)}, &person{stopAt: "c"})
	if _, err := s.Run(t.Context()); !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	if _, err := session.Open(folder, "mean", "y", &mean{}, newStand(t, 1), &person{}); !errors.Is(err, session.ErrOther) {
		t.Errorf("other options: %v", err)
	}
	truth := stand.Defaults(32, 16)
	truth.Station.Camera = "another"
	other, err := stand.New(truth)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.Open(folder, "mean", "x", &mean{}, other, &person{}); !errors.Is(err, session.ErrOther) {
		t.Errorf("other camera: %v", err)
	}
}

// TestDamagedSession: every flipped byte and every truncation is recognised, and
// the procedure's state stays untouched.
func TestDamagedSession(t *testing.T) {
	folder := t.TempDir()
	s, _ := open(t, folder, "x", byHand{newStand(t, 1)}, &person{stopAt: "c"})
	if _, err := s.Run(t.Context()); !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "mean.session")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := func(what string, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		m := &mean{}
		if _, err := session.Open(folder, "mean", "x", m, newStand(t, 1), &person{}); !errors.Is(err, session.ErrDamaged) {
			t.Fatalf("%s: %v", what, err)
		}
		if m.state.Means != nil {
			t.Fatalf("%s: state %v", what, m.state)
		}
	}
	for i := range good {
		flipped := append([]byte(nil), good...)
		flipped[i] ^= 1
		bad("flipped byte", flipped)
		bad("truncated", good[:i])
	}
}

// walk is a procedure that sets the bench in the midst of its step, and waits.
type walk struct {
	mean
	pause time.Duration
}

func (w *walk) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	if byHand, err := b.Set(ctx, step.Set); err != nil || byHand != nil {
		return errors.Join(err, errors.New("left to the procedure"))
	}
	if err := b.Sleep(ctx, w.pause); err != nil {
		return err
	}
	return w.mean.Do(ctx, b, step, tell)
}

// slept counts a bench's sleep.
type slept struct {
	bench.Bench
	total time.Duration
}

func (s *slept) Sleep(ctx context.Context, d time.Duration) error {
	s.total += d
	return s.Bench.Sleep(ctx, d)
}

// TestPersonIsAskedInTheMidst of a step for what the bench cannot set, and may stop
// there; long waits are counted down, and are as long as asked.
func TestPersonIsAskedInTheMidst(t *testing.T) {
	p, b := &person{}, &slept{Bench: byHand{newStand(t, 1)}}
	s, err := session.Open(t.TempDir(), "walk", "", &walk{pause: 44*time.Minute + 7*time.Millisecond}, b, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(p.asked) != 10 {
		t.Errorf("asked %d times; want once before each of 5 steps, and once in it", len(p.asked))
	}
	if want := 5 * (44*time.Minute + 7*time.Millisecond); b.total != want {
		t.Errorf("slept %v; want %v", b.total, want)
	}
	if len(p.waits) < 5*100 || p.waits[0] != 44*time.Minute+7*time.Millisecond || p.waits[1] != p.waits[0]-10*time.Second {
		t.Errorf("%d countdowns, the first %v", len(p.waits), p.waits[:2])
	}
	stopping := &person{stopAt: "a"}
	s, err = session.Open(t.TempDir(), "walk", "", &walk{}, &midst{Bench: newStand(t, 1)}, stopping)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context()); !errors.Is(err, errStop) {
		t.Errorf("stopped in the midst: %v", err)
	}
}

// midst is a bench that leaves nothing to a person but in the midst of a step: a
// setting that it has already.
type midst struct {
	bench.Bench
	set int
}

func (m *midst) Set(ctx context.Context, s bench.Setting) ([]string, error) {
	if m.set++; m.set%2 == 1 {
		return m.Bench.Set(ctx, s)
	}
	return []string{"do it"}, nil
}
