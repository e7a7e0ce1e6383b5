package tower

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a tower whose beat the test gives.
type bench struct {
	*Tower
	t    *testing.T
	pins [5]*gpiotest.Pin
	tick chan time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, tick: make(chan time.Time)}
	for n, name := range []string{"red", "amber", "green", "blue", "buzzer"} {
		b.pins[n] = &gpiotest.Pin{N: name, L: gpio.High}
	}
	b.Tower = New(Pins{b.pins[0], b.pins[1], b.pins[2], b.pins[3], b.pins[4]}, b.tick, func(err error) { t.Error(err) })
	return b
}

// beat lets half a beat pass; a second one makes sure that the first was shown.
func (b *bench) beats(n int) {
	for range n {
		b.tick <- time.Time{}
	}
}

// want waits until the lines are as given: one letter a lit line.
func (b *bench) want(lit string) {
	b.t.Helper()
	got := ""
	for range 1000 {
		got = ""
		for n, p := range b.pins {
			p.Lock()
			if p.L {
				got += string("RAGBz"[n])
			}
			p.Unlock()
		}
		if got == lit {
			return
		}
		time.Sleep(time.Millisecond)
	}
	b.t.Errorf("lit %q; want %q", got, lit)
}

func TestLampsShineFlashAndGoDark(t *testing.T) {
	b := newBench(t)
	b.want("")
	b.Show(State{Green: Steady, Amber: Flashing})
	b.want("AG")
	b.beats(1)
	b.want("G")
	b.beats(1)
	b.want("AG")
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	b.want("")
}

func TestTheBuzzerSoundsUntilSilencedAndForEachNewFault(t *testing.T) {
	b := newBench(t)
	defer b.Close()
	b.Show(State{Red: Steady, Fault: 1})
	b.want("Rz")
	b.beats(1)
	b.want("R")
	b.beats(1)
	b.want("Rz")
	b.Silence()
	b.want("R")
	b.Show(State{Red: Steady, Fault: 2})
	b.want("Rz")
	b.Show(State{})
	b.want("")
}

type broken struct{ gpiotest.Pin }

func (*broken) Out(gpio.Level) error { return errors.New("cut") }

func TestALineThatFailsIsToldAndTheOthersShine(t *testing.T) {
	green := &gpiotest.Pin{N: "green"}
	told := make(chan error, 16)
	tower := New(Pins{Red: &broken{}, Green: green}, make(chan time.Time), func(err error) { told <- err })
	tower.Show(State{Green: Steady})
	if err := <-told; err == nil {
		t.Error("no error")
	}
	if err := tower.Close(); err == nil {
		t.Error("Close tells nothing")
	}
}
