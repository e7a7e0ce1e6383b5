package sparkplug

import (
	"testing"
	"time"

	"kensa/bus/sparkplug/payload"
)

// result is a wafer of 1,000 dies, as it is published.
func result(b *testing.B) payload.Payload {
	b.Helper()
	w := Wafer{Lot: "L1", Substrate: "W1", Recipe: "logic-28", Finished: time.Now(), Dies: 1000, Inspected: 1000, Good: 900, Yield: 0.9}
	for i := range 1000 {
		w.Map = append(w.Map, Die{Column: i%40 - 20, Row: i/40 - 12, Bin: 1})
	}
	values, err := w.values()
	if err != nil {
		b.Fatal(err)
	}
	board, err := newBoard(Fab())
	if err != nil {
		b.Fatal(err)
	}
	return payload.Payload{Timestamp: time.Now(), Seq: new(uint8(1)), Metrics: board.data(values, w.Finished)}
}

func BenchmarkEncodeWafer(b *testing.B) {
	p := result(b)
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = p.Append(out[:0])
	}
	b.ReportMetric(float64(len(out)), "bytes")
}

func BenchmarkDecodeWafer(b *testing.B) {
	encoded := result(b).Encode()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := payload.Decode(encoded); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeChange(b *testing.B) {
	p := payload.Payload{Timestamp: time.Now(), Seq: new(uint8(1)),
		Metrics: []payload.Metric{{Name: EquipmentState, Timestamp: time.Now(), Value: payload.String("PRODUCTIVE")}}}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = p.Append(out[:0])
	}
}
