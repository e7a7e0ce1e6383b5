package simulator

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
	"periph.io/x/conn/v3/gpio"

	"kensa/hw/camera"
	"kensa/hw/handshake"
	"kensa/hw/handshake/handshaketest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quick is a short run at full speed.
func quick() Options {
	o := Defaults(tiny().program())
	o.WafersPerLot, o.Pace, o.Timeout = 2, handshake.Unlimited, 30*time.Second
	return o
}

func open(t testing.TB, o Options) *Tool {
	t.Helper()
	tool, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return tool
}

// inspect runs a tool past the test appliance.
func inspect(t testing.TB, tool *Tool, a *handshaketest.Appliance) []handshaketest.Wafer {
	t.Helper()
	defer tool.Close()
	a.Tool = tool
	done := make(chan error)
	go func() {
		err := a.Run(context.Background())
		if err != nil {
			tool.Close() // lets Run end, so that the error is seen
		}
		done <- err
	}()
	err := tool.Run(context.Background())
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	return a.Wafers
}

func TestLotsWithSlotsAndResults(t *testing.T) {
	o := quick()
	o.Lots, o.LotPrefix = 2, "K"
	tool := open(t, o)
	verdict := func(w handshaketest.Wafer) bool { return w.Material.Slot == 1 }
	wafers := inspect(t, tool, &handshaketest.Appliance{Verdict: verdict})
	var names []string
	for i, w := range wafers {
		names = append(names, w.Material.Substrate)
		if len(w.Pulses) != len(o.Program.Stops) || len(w.Frames) != len(o.Program.Stops) || w.Restarts != 0 {
			t.Errorf("%s: %d pulses, %d frames of %d fields", w.Material.Substrate, len(w.Pulses), len(w.Frames), len(o.Program.Stops))
		}
		truth, ok := tool.Truth(w.Material.Substrate)
		if !ok || !truth.Complete || len(truth.Fields) != len(o.Program.Stops) || truth.Slot != i%2+1 || len(truth.Faults) != 0 {
			t.Errorf("%s: truth %v %+v", w.Material.Substrate, ok, truth)
		}
		if r := tool.Results()[i]; r.Material != w.Material || r.OK != (i%2 == 0) || r.NG == r.OK {
			t.Errorf("%s: result %+v", w.Material.Substrate, r)
		}
	}
	if want := []string{"K0001-01", "K0001-02", "K0002-01", "K0002-02"}; !slices.Equal(names, want) {
		t.Errorf("wafers %v", names)
	}
	if _, ok := tool.Truth("K0009-01"); ok {
		t.Error("the truth of a wafer that never was")
	}
}

func TestTimesAreThoseOfTheTrueTool(t *testing.T) {
	o := quick()
	w := inspect(t, open(t, o), &handshaketest.Appliance{})
	for n, first := range w {
		if n > 0 && first.Arrived-w[n-1].Left != o.Times.Exchange {
			t.Errorf("exchange took %v", first.Arrived-w[n-1].Left)
		}
		last := first.Arrived
		for i, p := range first.Pulses {
			if i > 0 && p.Time-last != o.Times.Move {
				t.Errorf("field %d came %v after the one before", i, p.Time-last)
			}
			last = p.Time
			late := first.Frames[i].Time - p.Time - o.Times.Latency
			if math.Abs(float64(late)) > 4*float64(o.Times.Jitter) {
				t.Errorf("field %d: latency off by %v", i, late)
			}
		}
	}
}

func TestPaceChangesNothing(t *testing.T) {
	o := quick()
	o.WafersPerLot = 1
	o.Faults.Rates = map[FaultKind]float64{MissedPulse: 0.1, LateFrame: 0.1, ExtraFrame: 0.1, DroppedFrame: 0.1}
	unlimited := inspect(t, open(t, o), &handshaketest.Appliance{})
	o.Pace = 1000
	paced := inspect(t, open(t, o), &handshaketest.Appliance{})
	for i, f := range unlimited[0].Frames {
		if g := paced[0].Frames[i]; f.Hash != g.Hash || f.Sequence != g.Sequence {
			t.Errorf("frame %d differs", i)
		}
	}
	again := inspect(t, open(t, func() Options { o.Pace = handshake.Unlimited; return o }()), &handshaketest.Appliance{})
	if !slices.Equal(again[0].Frames, unlimited[0].Frames) || !slices.Equal(again[0].Pulses, unlimited[0].Pulses) {
		t.Error("two runs at full speed differ, in pixels or in time")
	}
}

// ran is what the appliance got of one wafer with one fault at a field.
func ran(t *testing.T, kind FaultKind, field int) (handshaketest.Wafer, Truth, Options) {
	t.Helper()
	o := quick()
	o.WafersPerLot = 1
	o.Faults.Given = []Fault{{Kind: kind, Wafer: 1, Field: field}}
	tool := open(t, o)
	w := inspect(t, tool, &handshaketest.Appliance{})[0]
	truth, _ := tool.Truth(w.Material.Substrate)
	return w, truth, o
}

func TestFaultsLookAsDescribed(t *testing.T) {
	const field = 3
	fields := len(tiny().program().Stops)
	for kind, check := range map[FaultKind]func(handshaketest.Wafer, Options) bool{
		MissedPulse: func(w handshaketest.Wafer, o Options) bool {
			return len(w.Pulses) == fields-1 && len(w.Frames) == fields && w.Pulses[field].Time-w.Pulses[field-1].Time == 2*o.Times.Move
		},
		DoubledPulse: func(w handshaketest.Wafer, o Options) bool {
			return len(w.Pulses) == fields+1 && len(w.Frames) == fields && w.Pulses[field+1].Time-w.Pulses[field].Time == bounce
		},
		DroppedFrame: func(w handshaketest.Wafer, o Options) bool {
			return len(w.Pulses) == fields && len(w.Frames) == fields-1 && w.Frames[field].Sequence == field+2
		},
		LateFrame: func(w handshaketest.Wafer, o Options) bool {
			late := w.Frames[field].Time - w.Pulses[field].Time
			return len(w.Pulses) == fields && len(w.Frames) == fields && late > 90*time.Millisecond && late < o.Times.Move
		},
		ExtraFrame: func(w handshaketest.Wafer, o Options) bool {
			extra := w.Frames[field+1]
			return len(w.Pulses) == fields && len(w.Frames) == fields+1 && extra.Sequence == field+2 &&
				extra.Time-w.Pulses[field].Time == o.Times.Move/2 && extra.Hash != w.Frames[field].Hash
		},
		TruncatedFrame: func(w handshaketest.Wafer, o Options) bool {
			f := w.Frames[field]
			return len(w.Frames) == fields && f.Bytes < f.Stride*f.Height && w.Frames[field+1].Bytes == f.Stride*f.Height
		},
	} {
		w, truth, o := ran(t, kind, field)
		if !check(w, o) {
			t.Errorf("%s: %d pulses, %d frames: %+v", kind, len(w.Pulses), len(w.Frames), w)
		}
		if want := []Injured{{kind, field}}; !slices.Equal(truth.Faults, want) {
			t.Errorf("%s: truth %+v", kind, truth.Faults)
		}
	}
}

func TestTheCameraGoesAndComesBack(t *testing.T) {
	for _, field := range []int{0, 3, len(tiny().program().Stops) - 2} {
		w, truth, o := ran(t, CameraGone, field)
		fields := len(o.Program.Stops)
		if len(w.Pulses) != fields || w.Restarts != 1 {
			t.Errorf("field %d: %d pulses, %d restarts", field, len(w.Pulses), w.Restarts)
		}
		if want := []Injured{{CameraGone, field}, {CameraGone, field + 1}}; !slices.Equal(truth.Faults, want) {
			t.Errorf("field %d: truth %+v", field, truth.Faults)
		}
		next := field + 2
		if next >= fields {
			continue
		}
		back := w.Frames[len(w.Frames)-(fields-next)]
		if back.Sequence != 1 || back.Time < w.Pulses[next].Time {
			t.Errorf("field %d: first frame after the return %+v", field, back)
		}
	}
}

func TestRandomFaultsFollowTheirRates(t *testing.T) {
	o := quick()
	o.Faults.Rates = map[FaultKind]float64{MissedPulse: 0.05, DoubledPulse: 0.1}
	s := scene(t, o)
	counts := map[FaultKind]int{}
	for slot := range 100 {
		for field := range 40 {
			counts[s.fault(&wafer{lot: 1, slot: slot}, field)]++
		}
	}
	if missed, doubled := counts[MissedPulse], counts[DoubledPulse]; missed < 150 || missed > 250 || doubled < 320 || doubled > 440 || counts[LateFrame] > 0 {
		t.Errorf("of 4000 fields: %v", counts)
	}
}

// TestASlowApplianceLosesNothing holds every frame until the camera has none
// left, and lets the tool wait with READY.
func TestASlowApplianceLosesNothing(t *testing.T) {
	o := quick()
	o.Buffers = 2
	tool := open(t, o)
	ready := tool.Lines().Ready
	a := &handshaketest.Appliance{Frame: func(*camera.Frame) {
		if err := errors.Join(ready.Out(gpio.Low), ready.Out(gpio.High)); err != nil {
			t.Error(err)
		}
	}}
	for _, w := range inspect(t, tool, a) {
		for i, f := range w.Frames {
			if i > 0 && f.Sequence != w.Frames[i-1].Sequence+1 {
				t.Errorf("frame %d has sequence %d", i, f.Sequence)
			}
		}
	}
}

func TestADeadApplianceEndsTheRun(t *testing.T) {
	for name, behave := range map[string]func(*Tool){
		"never ready": func(*Tool) {},
		"no camera":   func(tool *Tool) { _ = tool.Lines().Ready.Out(gpio.High) },
		"takes no frames": func(tool *Tool) {
			_ = tool.Lines().Ready.Out(gpio.High)
			_ = tool.Camera().Start(context.Background())
		},
		"keeps all frames": func(tool *Tool) {
			_ = tool.Lines().Ready.Out(gpio.High)
			_ = tool.Camera().Start(context.Background())
			for range tool.options.Buffers {
				_, _ = tool.Camera().Next(context.Background())
			}
		},
	} {
		o := quick()
		o.Timeout = 50 * time.Millisecond
		tool := open(t, o)
		done := make(chan error)
		go func() { done <- tool.Run(context.Background()) }()
		behave(tool)
		if err := <-done; !errors.Is(err, handshake.ErrTimeout) {
			t.Errorf("%s: %v", name, err)
		}
		tool.Close()
	}
}

func TestCancelAndCloseEndTheRun(t *testing.T) {
	for name, end := range map[string]func(*Tool, context.CancelFunc){
		"cancel": func(_ *Tool, cancel context.CancelFunc) { cancel() },
		"close":  func(tool *Tool, _ context.CancelFunc) { tool.Close() },
	} {
		o := quick()
		o.Lots, o.Timeout = 0, 0
		tool := open(t, o)
		ctx, cancel := context.WithCancel(context.Background())
		frames := 0
		a := &handshaketest.Appliance{Tool: tool, Frame: func(*camera.Frame) {
			if frames++; frames == 7 { // in the midst of a wafer
				end(tool, cancel)
			}
		}}
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		if err := tool.Run(ctx); err == nil {
			t.Errorf("%s: a run without end ended well", name)
		}
		cancel()
		<-done
		tool.Close()
	}
}
