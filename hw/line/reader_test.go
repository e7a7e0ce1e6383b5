package line

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
	"periph.io/x/conn/v3/gpio"
	"pgregory.net/rapid"
)

// group is a request of two lines without a kernel behind it.
func group() (*request, [2]*Pin) {
	r := &request{order: map[uint32]*Pin{}}
	var pins [2]*Pin
	for n := range pins {
		pins[n] = &Pin{request: r, index: n, offset: n, wants: gpio.BothEdges}
		r.order[uint32(n)], r.pins = pins[n], append(r.pins, pins[n])
	}
	return r, pins
}

func (p *Pin) drained() (events []Event) {
	for {
		e, err := p.Next(over())
		if err != nil {
			return events
		}
		events = append(events, e)
	}
}

// TestEveryLostEdgeIsTold plays a kernel that merges edges of a line and drops the
// oldest of a full buffer: the numbering of each line says no less than was lost.
func TestEveryLostEdgeIsTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, pins := group()
		var happened [2]uint64
		var lineNumber [2]uint32
		number := uint32(rapid.IntRange(0, 3).Draw(t, "start")) - 2 // passes the wrap of 32 bits
		var buffer []uapi.LineEvent
		for range rapid.IntRange(1, 80).Draw(t, "edges") {
			n := rapid.IntRange(0, 1).Draw(t, "line")
			merged := rapid.SampledFrom([]uint32{0, 0, 0, 1, 3}).Draw(t, "merged")
			number += merged + 1
			lineNumber[n]++
			happened[n] += uint64(merged) + 1
			buffer = append(buffer, uapi.LineEvent{Offset: uint32(n), Seqno: number, LineSeqno: lineNumber[n], Timestamp: happened[n], ID: uapi.LineEventRisingEdge})
			if len(buffer) > 8 {
				buffer = buffer[1:]
			}
			if rapid.IntRange(0, 9).Draw(t, "read") == 0 {
				for _, e := range buffer {
					r.take(e)
				}
				buffer = nil
			}
		}
		for _, e := range buffer {
			r.take(e)
		}
		// The first edge of all has nothing before it to show a gap.
		for n, p := range pins {
			events := p.drained()
			for i := 1; i < len(events); i++ {
				told, truth := events[i].Sequence-events[i-1].Sequence, uint64(events[i].Time-events[i-1].Time)
				if told < truth || told > happened[0]+happened[1] {
					t.Fatalf("line %d: %d edges told, there were %d", n, told, truth)
				}
			}
		}
	})
}

func TestMergedAndDroppedEdges(t *testing.T) {
	r, pins := group()
	edge := func(offset, number, lineNumber uint32) {
		r.take(uapi.LineEvent{Offset: offset, Seqno: number, LineSeqno: lineNumber, ID: uapi.LineEventRisingEdge, Timestamp: 5})
	}
	edge(0, 1, 1)
	edge(0, 3, 2) // one was merged
	edge(1, 4, 1)
	edge(0, 9, 7)  // four were dropped
	edge(7, 10, 1) // a line that is not ours
	want := []uint64{1, 3, 8}
	events := pins[0].drained()
	for n, e := range events {
		if n >= len(want) || e.Sequence != want[n] || e.Time != 5 {
			t.Errorf("%v; want the numbers %v", events, want)
		}
	}
	if other := pins[1].drained(); len(other) != 1 || other[0].Sequence != 2 {
		t.Errorf("the other line: %v", other)
	}
}

func TestStaleEdgesAreNotDelivered(t *testing.T) {
	r, pins := group()
	pins[0].since, pins[0].wants = 10, gpio.RisingEdge
	for n, e := range []uapi.LineEvent{
		{Timestamp: 9, ID: uapi.LineEventRisingEdge}, {Timestamp: 11, ID: uapi.LineEventFallingEdge}, {Timestamp: 12, ID: uapi.LineEventRisingEdge},
	} {
		e.Seqno, e.LineSeqno = uint32(n+1), uint32(n+1)
		r.take(e)
	}
	if events := pins[0].drained(); len(events) != 1 || events[0].Time != 12 || events[0].Sequence != 1 {
		t.Errorf("%v", events)
	}
}

func TestDecodeIsTheKernelsLayout(t *testing.T) {
	if eventSize != 48 {
		t.Fatalf("struct gpio_v2_line_event has 48 bytes, ours %d", eventSize)
	}
	b := make([]byte, eventSize)
	binary.NativeEndian.PutUint64(b, uint64(3*time.Second))
	for n, v := range []uint32{2, 17, 99, 98} {
		binary.NativeEndian.PutUint32(b[8+4*n:], v)
	}
	want := uapi.LineEvent{Timestamp: uint64(3 * time.Second), ID: uapi.LineEventFallingEdge, Offset: 17, Seqno: 99, LineSeqno: 98}
	if got := decode(b); got != want {
		t.Errorf("%+v", got)
	}
}

func TestConfigOfMixedLines(t *testing.T) {
	config, err := encode([]wiring{
		{spec: Spec{Pull: gpio.PullNoChange}, edge: gpio.BothEdges},
		{spec: Spec{Pull: gpio.PullUp, ActiveLow: true, Debounce: time.Millisecond}, edge: gpio.RisingEdge},
		{spec: Spec{Pull: gpio.PullNoChange, Drive: OpenDrain}, output: true, level: gpio.High},
	})
	if err != nil {
		t.Fatal(err)
	}
	if config.Flags != uapi.LineFlagV2Input|uapi.LineFlagV2EdgeBoth || config.NumAttrs != 4 {
		t.Errorf("flags %#x, %d attributes", config.Flags, config.NumAttrs)
	}
	seen := map[uapi.LineAttributeID]int{}
	for _, a := range config.Attrs[:config.NumAttrs] {
		seen[a.Attr.ID]++
		if a.Attr.ID == uapi.LineAttributeIDOutputValues && (a.Mask != 4 || a.Attr.Value64() != 4) {
			t.Errorf("output values %#x of %#x", a.Attr.Value64(), a.Mask)
		}
		if a.Attr.ID == uapi.LineAttributeIDDebounce && (a.Mask != 2 || a.Attr.Value32() != 1000) {
			t.Errorf("debounce %d µs of %#x", a.Attr.Value32(), a.Mask)
		}
	}
	if seen[uapi.LineAttributeIDFlags] != 2 || seen[uapi.LineAttributeIDOutputValues] != 1 || seen[uapi.LineAttributeIDDebounce] != 1 {
		t.Errorf("attributes %v", seen)
	}
	var many []wiring
	for n := range 12 {
		many = append(many, wiring{spec: Spec{Pull: gpio.PullNoChange, Debounce: time.Duration(n+1) * time.Millisecond}})
	}
	if _, err := encode(many); err == nil {
		t.Error("more kinds of set-up than the kernel takes")
	}
}
