package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// TestAStopThatHangsIsEnded, and says what it waits for; one that does not, is not.
func TestAStopThatHangsIsEnded(t *testing.T) {
	ctx, signal := context.WithCancel(t.Context())
	var said bytes.Buffer
	code := make(chan int, 1)
	c := console{Context: ctx, err: &said, exit: func(n int) { code <- n }}
	boundStop(c, time.Hour)() // ended before any signal
	ended := boundStop(c, time.Millisecond)
	signal()
	if got := <-code; got != exitFailed {
		t.Errorf("exit code %d; want %d", got, exitFailed)
	}
	if text := said.String(); !strings.HasPrefix(text, "kensa: error: not stopped 1ms after the signal") || !strings.Contains(text, "TestAStopThatHangsIsEnded") {
		t.Errorf("said %q", text)
	}
	ended()
	boundStop(c, time.Hour)() // of a signal that came before
}
