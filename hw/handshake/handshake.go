// Package handshake is the discrete handshake between a tool and the appliance,
// and the tool's side of it for tools that live in this process.
//
// For each wafer:
//
//	tool                                  appliance
//	waits for READY
//	knows the wafer, raises WAFER-PRESENT
//	                                      raises BUSY, lowers RESULT-OK and RESULT-NG
//	for each field: waits for READY,
//	  pulses FIELD-TRIGGER
//	                                      lowers READY while it has no room for another field
//	lowers WAFER-PRESENT
//	                                      raises RESULT-OK or RESULT-NG, then lowers BUSY
//	waits for BUSY to fall, reads RESULT
package handshake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"

	"kensa/hw/handler"
	"kensa/hw/line"
)

// Lines are the handshake's lines as the appliance sees them.
type Lines struct {
	WaferPresent, FieldTrigger      line.Input
	Ready, Busy, ResultOK, ResultNG line.Output
}

// Result is what the appliance said of a wafer on its lines.
type Result struct {
	Material handler.Material
	OK, NG   bool
}

// PulseWidth is how long FIELD-TRIGGER stays high.
const PulseWidth = 100 * time.Microsecond

// Tool is the tool's side. Present, Pulse and Remove are called from one
// goroutine, the other methods from any.
type Tool struct {
	present, trigger, ready, busy, ok, ng *line.Wire
	timeout                               time.Duration

	mu       sync.Mutex
	material *handler.Material
}

// NewTool lays the lines. The tool waits for the appliance no longer than
// timeout each time; 0 waits without end.
func NewTool(timeout time.Duration) *Tool {
	return &Tool{
		present: line.NewWire("WAFER-PRESENT", 0, nil),
		trigger: line.NewWire("FIELD-TRIGGER", 1, nil),
		ready:   line.NewWire("READY", 2, nil),
		busy:    line.NewWire("BUSY", 3, nil),
		ok:      line.NewWire("RESULT-OK", 4, nil),
		ng:      line.NewWire("RESULT-NG", 5, nil),
		timeout: timeout,
	}
}

// Lines returns the appliance's ends.
func (t *Tool) Lines() Lines {
	return Lines{t.present, t.trigger, t.ready, t.busy, t.ok, t.ng}
}

// Material implements handler.Handler.
func (t *Tool) Material(context.Context) (handler.Material, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.material == nil {
		return handler.Material{}, errors.New("handshake: no wafer has come yet")
	}
	return *t.material, nil
}

// AwaitReady waits until the appliance has room for a field.
func (t *Tool) AwaitReady(ctx context.Context) error {
	return t.await(ctx, "READY to rise", func(ctx context.Context) error { return t.ready.Await(ctx, gpio.High) })
}

// Present puts a wafer on the chuck at a time on the tool's clock.
func (t *Tool) Present(m handler.Material, at time.Duration) error {
	t.mu.Lock()
	t.material = &m
	t.mu.Unlock()
	// Only a BUSY that rises from here on belongs to this wafer.
	if err := t.busy.In(gpio.PullNoChange, gpio.BothEdges); err != nil {
		return err
	}
	return t.present.Set(gpio.High, at)
}

// Pulse gives one field trigger at a time on the tool's clock.
func (t *Tool) Pulse(at time.Duration) error {
	if err := t.trigger.Set(gpio.High, at); err != nil {
		return err
	}
	return t.trigger.Set(gpio.Low, at+PulseWidth)
}

// Remove takes the wafer away at a time on the tool's clock and waits for the
// appliance's result.
func (t *Tool) Remove(ctx context.Context, at time.Duration) (Result, error) {
	if err := t.present.Set(gpio.Low, at); err != nil {
		return Result{}, err
	}
	if err := t.await(ctx, "BUSY to rise and fall", t.busyCycle); err != nil {
		return Result{}, err
	}
	m, err := t.Material(ctx)
	return Result{Material: m, OK: bool(t.ok.Read()), NG: bool(t.ng.Read())}, err
}

// busyCycle waits for the BUSY of this wafer to end. An appliance that was slow
// to raise it is waited for, so that the result of the wafer before is not read.
func (t *Tool) busyCycle(ctx context.Context) error {
	for {
		e, err := t.busy.Next(ctx)
		if err != nil {
			return err
		}
		if e.Level == gpio.Low && t.busy.Read() == gpio.Low {
			return nil
		}
	}
}

func (t *Tool) await(ctx context.Context, what string, wait func(context.Context) error) error {
	if t.timeout == 0 {
		return wait(ctx)
	}
	bounded, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	err := wait(bounded)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("handshake: waited %v for %s: %w", t.timeout, what, ErrTimeout)
	}
	return err
}

// ErrTimeout means that the appliance did not answer on its lines.
var ErrTimeout = errors.New("the appliance does not answer")

// Close ends every wait on the lines, on both sides.
func (t *Tool) Close() error {
	var errs []error
	for _, w := range []*line.Wire{t.present, t.trigger, t.ready, t.busy, t.ok, t.ng} {
		errs = append(errs, w.Close())
	}
	return errors.Join(errs...)
}
