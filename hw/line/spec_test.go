package line

import (
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
)

func TestSpecReadsAndWritesItsText(t *testing.T) {
	for text, want := range map[string]Spec{
		"":                {Pull: gpio.PullNoChange},
		"gpiochip0/READY": {Chip: "gpiochip0", Line: "READY", Pull: gpio.PullNoChange},
		"a:b/17 active-low pull-up debounce=1.5ms": {Chip: "a:b", Line: "17", ActiveLow: true, Pull: gpio.PullUp, Debounce: 1500 * time.Microsecond},
		"c/d pull-down open-drain":                 {Chip: "c", Line: "d", Pull: gpio.PullDown, Drive: OpenDrain},
		"c/d float open-source":                    {Chip: "c", Line: "d", Pull: gpio.Float, Drive: OpenSource},
	} {
		got, err := ParseSpec(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%q: %+v, %v, written %q", text, got, err, got)
		}
	}
}

func TestSpecRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"READY":                         "want CHIP/LINE",
		"/READY":                        "want CHIP/LINE",
		"chip/":                         "want CHIP/LINE",
		"c/l up":                        "want active-low, pull-up",
		"c/l pull-up pull-down":         "contradicts or repeats",
		"c/l active-low active-low":     "contradicts or repeats",
		"c/l open-drain open-source":    "contradicts or repeats",
		"c/l debounce=2s":               "up to 1s",
		"c/l debounce=1ns":              "whole microseconds",
		"c/l debounce=-1ms":             "debounce",
		"c/l debounce=1ms debounce=2ms": "contradicts or repeats",
	} {
		if _, err := ParseSpec(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
	in, _ := ParseSpec("c/l open-drain")
	out, _ := ParseSpec("c/l debounce=1ms")
	if in.CheckInput() == nil || out.CheckOutput() == nil || in.CheckOutput() != nil || out.CheckInput() != nil {
		t.Error("what only an output or an input can have")
	}
}

func FuzzSpec(f *testing.F) {
	for _, text := range []string{"", "gpiochip0/READY active-low", "a/b pull-up debounce=1ms", "a/b/c open-drain float"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSpec(text)
		if err != nil {
			return
		}
		again, err := ParseSpec(s.String())
		if err != nil || again != s {
			t.Errorf("%q: %+v, written %q, read %+v, %v", text, s, s, again, err)
		}
	})
}
