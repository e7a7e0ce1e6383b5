package payload

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// slot is a value's place in the oneof that metrics, properties and data set
// cells have, each from another field number on. The first six are common to
// all; the rest mean bytes, data set and template in a metric, and property sets
// in a property.
type slot uint8

const (
	slotNone slot = iota
	slotInt
	slotLong
	slotFloat
	slotDouble
	slotBoolean
	slotString
	slotBytes
	slotDataSet
	slotTemplate
)

// First and last field numbers of the oneof in the three messages.
const (
	metricValue, metricLast     = 10, 18
	propertyValue, propertyLast = 3, 10
	cellValue, cellLast         = 1, 6
)

// slot is where values of the type go.
func (t Type) slot() slot {
	switch t {
	case TypeInt8, TypeInt16, TypeInt32, TypeUInt8, TypeUInt16:
		return slotInt
	case TypeInt64, TypeUInt32, TypeUInt64, TypeDateTime:
		return slotLong
	case TypeFloat:
		return slotFloat
	case TypeDouble:
		return slotDouble
	case TypeBoolean:
		return slotBoolean
	case TypeString, TypeText, TypeUUID:
		return slotString
	case TypeDataSet:
		return slotDataSet
	case TypeBytes:
		return slotBytes
	}
	return slotNone
}

func (s slot) wire() protowire.Type {
	switch s {
	case slotInt, slotLong, slotBoolean:
		return protowire.VarintType
	case slotFloat:
		return protowire.Fixed32Type
	case slotDouble:
		return protowire.Fixed64Type
	}
	return protowire.BytesType
}

// Encode is the payload's bytes.
func (p Payload) Encode() []byte { return p.Append(make([]byte, 0, p.room())) }

// room is about how many bytes the payload takes, and seldom less: a die map that is
// moved each time that it has outgrown its room costs as much again.
func (p Payload) room() int {
	const header, metric, cell = 32, 40, 8 // without texts
	n := header + len(p.Body)
	for i := range p.Metrics {
		m := &p.Metrics[i]
		n += metric + len(m.Name) + len(m.Description) + len(m.Value.text)
		if m.Value.set != nil {
			n += cell * len(m.Value.set.cells)
		}
	}
	return n
}

// Append appends the payload's bytes to b.
func (p Payload) Append(b []byte) []byte {
	b = appendTime(b, 1, p.Timestamp)
	for i := range p.Metrics {
		b = appendMessage(b, 2, p.Metrics[i].append)
	}
	if p.Seq != nil {
		b = appendVarint(b, 3, uint64(*p.Seq))
	}
	b = appendString(b, 4, p.UUID)
	if len(p.Body) > 0 {
		b = protowire.AppendBytes(protowire.AppendTag(b, 5, protowire.BytesType), p.Body)
	}
	return b
}

func (m *Metric) append(b []byte) []byte {
	b = appendString(b, 1, m.Name)
	if m.Alias != nil {
		b = appendVarint(b, 2, *m.Alias)
	}
	b = appendTime(b, 3, m.Timestamp)
	b = appendType(b, 4, m.Value.typ)
	b = appendFlag(b, 5, m.Historical)
	b = appendFlag(b, 6, m.Transient)
	b = appendFlag(b, 7, m.Value.IsNull())
	if m.Description != "" {
		b = appendMessage(b, 8, func(b []byte) []byte { return appendString(b, 8, m.Description) })
	}
	if len(m.Properties) > 0 {
		b = appendMessage(b, 9, m.appendProperties)
	}
	return m.Value.append(b, metricValue)
}

func (m *Metric) appendProperties(b []byte) []byte {
	for _, p := range m.Properties {
		b = protowire.AppendTag(b, 1, protowire.BytesType)
		b = protowire.AppendString(b, p.key)
	}
	for _, p := range m.Properties {
		b = appendMessage(b, 2, p.append)
	}
	return b
}

func (p Property) append(b []byte) []byte {
	b = appendType(b, 1, p.value.typ)
	b = appendFlag(b, 2, p.value.IsNull())
	return p.value.append(b, propertyValue)
}

// append appends the value's field of a oneof that starts at the field number first.
func (v Value) append(b []byte, first protowire.Number) []byte {
	if v.IsNull() {
		return b
	}
	field := first + protowire.Number(v.slot-slotInt)
	if v.set != nil {
		return appendMessage(b, field, v.set.append)
	}
	b = protowire.AppendTag(b, field, v.slot.wire())
	switch v.slot {
	case slotInt:
		return protowire.AppendVarint(b, uint64(uint32(v.bits)))
	case slotLong, slotBoolean:
		return protowire.AppendVarint(b, v.bits)
	case slotFloat:
		return protowire.AppendFixed32(b, uint32(v.bits))
	case slotDouble:
		return protowire.AppendFixed64(b, v.bits)
	}
	return protowire.AppendString(b, v.text)
}

func (d *DataSet) append(b []byte) []byte {
	b = appendVarint(b, 1, uint64(len(d.columns)))
	for _, c := range d.columns {
		b = protowire.AppendTag(b, 2, protowire.BytesType)
		b = protowire.AppendString(b, c.Name)
	}
	for _, c := range d.columns {
		b = appendVarint(b, 3, uint64(c.Type)) // not packed: proto2's default
	}
	for i := range d.Rows() {
		b = appendRow(b, d.Row(i))
	}
	return b
}

func appendRow(b []byte, row []Value) []byte {
	b, start := open(b, 4)
	for i := range row {
		var cell int
		b, cell = open(b, 1)
		b = shut(row[i].append(b, cellValue), cell)
	}
	return shut(b, start)
}

// appendMessage appends a field whose length is known only afterwards.
func appendMessage(b []byte, field protowire.Number, body func([]byte) []byte) []byte {
	b, start := open(b, field)
	return shut(body(b), start)
}

// open begins a message within b and leaves a byte for its length, which is enough for
// most; start is where its body begins.
func open(b []byte, field protowire.Number) (opened []byte, start int) {
	b = append(protowire.AppendTag(b, field, protowire.BytesType), 0)
	return b, len(b)
}

// shut puts the length in, and moves a long message over by what that takes more.
func shut(b []byte, start int) []byte {
	size := len(b) - start
	if size < 0x80 {
		b[start-1] = byte(size)
		return b
	}
	more := protowire.SizeVarint(uint64(size)) - 1
	b = append(b, make([]byte, more)...)
	copy(b[start+more:], b[start:start+size])
	protowire.AppendVarint(b[:start-1], uint64(size))
	return b
}

func appendVarint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendType(b []byte, field protowire.Number, t Type) []byte {
	if t == TypeUnknown {
		return b
	}
	return appendVarint(b, field, uint64(t))
}

func appendFlag(b []byte, field protowire.Number, set bool) []byte {
	if !set {
		return b
	}
	return appendVarint(b, field, 1)
}

func appendTime(b []byte, field protowire.Number, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return appendVarint(b, field, millis(t))
}

func appendString(b []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}
