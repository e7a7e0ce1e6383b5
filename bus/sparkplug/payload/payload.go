// Package payload is the Sparkplug B payload: what it says, and its protobuf
// bytes, written and read with protowire and without generated code.
//
// Field numbers and datatype codes are those of sparkplug_b.proto in the Eclipse
// Sparkplug Specification 3.0.0, chapter 6. Values are built by constructors
// (Int32, String, DateTime, …), so that a value always agrees with its datatype.
//
// Where the specification and its users differ, the package does what peers can
// read: UInt32 travels in long_value, for common decoders read null from
// int_value; both are accepted. Negative Int8, Int16 and Int32 are sign-extended
// to 32 bits; the 8 and 16 bit two's complement that some peers send is accepted.
//
// The decoder refuses malformed bytes and values that do not fit their
// datatype, skips unknown fields, and keeps values whose datatype it does not
// interpret (File, Template, arrays, property sets) as they are. A payload is at
// most MaxSize bytes; decoding takes at most some 40 times its size in memory.
package payload

import (
	"fmt"
	"slices"
	"time"
)

// Limits of a payload. A die map of a 300 mm wafer with 200,000 dies takes some
// 4 MB; nothing else comes near.
const (
	MaxSize       = 8 << 20 // bytes
	MaxMetrics    = 65_536  // in a payload
	MaxProperties = 256     // of a metric
	MaxColumns    = 256     // of a data set
)

// Payload is the content of every Sparkplug message but STATE.
type Payload struct {
	// Timestamp is when the message was sent, to the millisecond; zero is none.
	Timestamp time.Time
	Metrics   []Metric
	// Seq is the message's number, 0 to 255; nil in NDEATH and in commands.
	Seq  *uint8
	UUID string // tells a receiver how to read Body; seldom used
	Body []byte
}

// Metric is one named value.
type Metric struct {
	// Name is empty where an alias stands for it.
	Name string
	// Alias is a number that a birth gave to the name; nil is none.
	Alias *uint64
	// Timestamp is when the value was taken, to the millisecond; zero is none.
	Timestamp time.Time
	// Value holds the datatype too. The zero Value is null, of no datatype.
	Value Value
	// Historical tells that the value is not the current one.
	Historical bool
	// Transient tells the host not to store the value.
	Transient bool
	// Description is the metric's meaning in prose (metadata.description; the
	// rest of the metadata describes files and is not read).
	Description string
	Properties  []Property
}

// Property says something of a metric, such as its unit.
type Property struct {
	key   string
	value Value
}

// EngUnit is the customary property key for a metric's unit.
const EngUnit = "engUnit"

// Unit is the property that names a metric's unit.
func Unit(name string) Property { return Property{EngUnit, String(name)} }

// NewProperty is a property of any key. The wire has no DataSet and no Bytes there.
func NewProperty(key string, v Value) (Property, error) {
	if v.typ == TypeDataSet || v.typ == TypeBytes {
		return Property{}, fmt.Errorf("property %q: %v; want Int8 to UUID", key, v.typ)
	}
	return Property{key, v}, nil
}

// Key is the property's name.
func (p Property) Key() string { return p.key }

// Value is the property's value.
func (p Property) Value() Value { return p.value }

// Property is the value of the metric's property of that key.
func (m Metric) Property(key string) (Value, bool) {
	for _, p := range m.Properties {
		if p.key == key {
			return p.value, true
		}
	}
	return Value{}, false
}

// Find is the first metric of that name.
func (p Payload) Find(name string) (Metric, bool) {
	i := slices.IndexFunc(p.Metrics, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Metric{}, false
	}
	return p.Metrics[i], true
}
