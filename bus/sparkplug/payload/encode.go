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
func (p Payload) Encode() []byte { return p.Append(nil) }

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

// appendRow reckons lengths beforehand: a die map has thousands of rows of a few
// bytes.
func appendRow(b []byte, row []Value) []byte {
	size := 0
	for i := range row {
		size += 1 + protowire.SizeBytes(row[i].cellSize())
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, 4, protowire.BytesType), uint64(size))
	for i := range row {
		b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.BytesType), uint64(row[i].cellSize()))
		b = row[i].append(b, cellValue)
	}
	return b
}

// cellSize is how many bytes append makes of a data set's cell. Its tag has one.
func (v *Value) cellSize() int {
	switch v.slot {
	case slotNone:
		return 0
	case slotInt:
		return 1 + protowire.SizeVarint(uint64(uint32(v.bits)))
	case slotLong, slotBoolean:
		return 1 + protowire.SizeVarint(v.bits)
	case slotFloat:
		return 1 + protowire.SizeFixed32()
	case slotDouble:
		return 1 + protowire.SizeFixed64()
	}
	return 1 + protowire.SizeBytes(len(v.text))
}

// appendMessage appends a field whose length is known only afterwards: the body
// is written first and moved over by the length's size.
func appendMessage(b []byte, field protowire.Number, body func([]byte) []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	start := len(b)
	b = body(b)
	size := len(b) - start
	b = protowire.AppendVarint(b, uint64(size))
	copy(b[len(b)-size:], b[start:start+size])
	protowire.AppendVarint(b[:start], uint64(size))
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
