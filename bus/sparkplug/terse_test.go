package sparkplug_test

import (
	"testing"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
)

// On a small link births and results are a fraction of their size, and still say
// what a host needs.
func TestATerseNodeSaysLess(t *testing.T) {
	size := map[bool][2]int{}
	for _, terse := range []bool{false, true} {
		onEachBroker(t, func(t *testing.T, to dialer) { size[terse] = sizes(t, to, terse) })
	}
	t.Logf("births %d, result %d bytes; terse: births %d, result %d", size[false][0], size[false][1], size[true][0], size[true][1])
	if size[true][0]*2 > size[false][0] || size[true][1]*10 > size[false][1] {
		t.Errorf("births %d of %d, result %d of %d bytes; want less than a half and a tenth", size[true][0], size[false][0], size[true][1], size[false][1])
	}
}

// sizes are those of a node's births and of a result, in bytes.
func sizes(t *testing.T, to dialer, terse bool) [2]int {
	t.Helper()
	h := newHost(t, to)
	config, as := names, func(v payload.Value) payload.Value { return v }
	if config.Terse = terse; terse {
		as = payload.Value.Untyped
	}
	n := makeNode(t, config, &memory{}, newWire(t, to))
	n.Start(t.Context())
	node, device := h.births(t, 0)
	w := wafer("W1")
	for i := range 500 {
		w.Map = append(w.Map, sparkplug.Die{Column: i % 20, Row: i / 20, Bin: 1})
	}
	publish(t, n, w)
	result := h.expect(t, ddata)
	checkValue(t, result, "Wafer/Substrate", as(payload.String("W1")))
	// What it does not have is no mistake of those who tell it.
	if err := n.Update(map[string]payload.Value{sparkplug.JobLot: payload.String("L7"), sparkplug.MaterialLot: payload.String("L7")}); err != nil {
		t.Fatal(err)
	}
	checkValue(t, h.expect(t, ddata), sparkplug.MaterialLot, as(payload.String("L7")))
	return [2]int{bytesOf(node) + bytesOf(device), bytesOf(result)}
}

func bytesOf(m heard) int { return len(m.Encode()) }

// Dead-bands are wider: a gigabyte of disk, where it is 16 MiB else.
func TestATerseNodeTellsLargeChangesOnly(t *testing.T) {
	to := startEmbedded(t)
	h := newHost(t, to)
	config := names
	config.Terse = true
	n := makeNode(t, config, &memory{}, newWire(t, to))
	n.Start(t.Context())
	h.births(t, 0)
	const gib = 1 << 30
	update(t, n, sparkplug.HealthDisk, payload.UInt64(8*gib))
	checkValue(t, h.expect(t, ndata), sparkplug.HealthDisk, payload.UInt64(8*gib).Untyped())
	update(t, n, sparkplug.HealthDisk, payload.UInt64(8*gib-gib/2))
	update(t, n, sparkplug.HealthDisk, payload.UInt64(7*gib))
	checkValue(t, h.expect(t, ndata), sparkplug.HealthDisk, payload.UInt64(7*gib).Untyped())
}
