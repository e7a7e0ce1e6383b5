package payload

import (
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a protobuf message as it lies on the wire.
type field struct {
	number protowire.Number
	wire   protowire.Type
	bits   uint64 // of the three numeric wire types
	data   []byte // of length-delimited fields; part of the message's bytes
}

// scan visits the fields of a message in order. Groups, which Sparkplug does not
// have, are checked for form and skipped.
func scan(b []byte, visit func(field) error) error {
	for len(b) > 0 {
		f, n := consume(b)
		if n < 0 {
			return fmt.Errorf("field %d: %w", f.number, protowire.ParseError(n))
		}
		if err := visit(f); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// consume reads the first field and says how many bytes it took, or a protowire
// error code below 0.
func consume(b []byte) (f field, n int) {
	var tag, value int
	f.number, f.wire, tag = protowire.ConsumeTag(b)
	if tag < 0 {
		return f, tag
	}
	switch b = b[tag:]; f.wire {
	case protowire.VarintType:
		f.bits, value = protowire.ConsumeVarint(b)
	case protowire.Fixed64Type:
		f.bits, value = protowire.ConsumeFixed64(b)
	case protowire.Fixed32Type:
		var v uint32
		v, value = protowire.ConsumeFixed32(b)
		f.bits = uint64(v)
	case protowire.BytesType:
		f.data, value = protowire.ConsumeBytes(b)
	default:
		value = protowire.ConsumeFieldValue(f.number, f.wire, b)
	}
	if value < 0 {
		return f, value
	}
	return f, tag + value
}

var wireNames = map[protowire.Type]string{
	protowire.VarintType: "varint", protowire.Fixed32Type: "fixed32", protowire.Fixed64Type: "fixed64",
	protowire.BytesType: "length-delimited", protowire.StartGroupType: "group",
}

func (f field) want(wire protowire.Type, name string) error {
	if f.wire == wire {
		return nil
	}
	return fmt.Errorf("%s: wire type %s; want %s", name, wireNames[f.wire], wireNames[wire])
}

func (f field) uint(name string) (uint64, error) {
	return f.bits, f.want(protowire.VarintType, name)
}

func (f field) flag(name string) (bool, error) {
	return f.bits != 0, f.want(protowire.VarintType, name)
}

func (f field) bytes(name string) ([]byte, error) {
	return f.data, f.want(protowire.BytesType, name)
}

var errUTF8 = errors.New("not UTF-8")

func (f field) text(name string) (string, error) {
	b, err := f.bytes(name)
	if err == nil && !utf8.Valid(b) {
		err = wrap(name, errUTF8)
	}
	return string(b), err
}

// datatype reads a uint32 as protobuf does: what does not fit is cut off.
func (f field) datatype(name string) (Type, error) {
	return Type(uint32(f.bits)), f.want(protowire.VarintType, name)
}

// datatypes reads one value of a repeated field, or several packed ones.
func (f field) datatypes(name string) ([]Type, error) {
	if f.wire == protowire.VarintType {
		return []Type{Type(uint32(f.bits))}, nil
	}
	packed, err := f.bytes(name)
	if err != nil {
		return nil, err
	}
	var types []Type
	for len(packed) > 0 && len(types) <= MaxColumns {
		v, n := protowire.ConsumeVarint(packed)
		if n < 0 {
			return nil, wrap(name, protowire.ParseError(n))
		}
		types, packed = append(types, Type(uint32(v))), packed[n:]
	}
	return types, nil
}

func (f field) time(name string) (time.Time, error) {
	ms, err := f.uint(name)
	if err != nil {
		return time.Time{}, err
	}
	t, err := fromMillis(ms)
	return t, wrap(name, err)
}

// errTime refuses what time.Time's milliseconds cannot hold.
var errTime = errors.New("time beyond the year 292278994")

func fromMillis(ms uint64) (time.Time, error) {
	if ms > math.MaxInt64 {
		return time.Time{}, errTime
	}
	return time.UnixMilli(int64(ms)).UTC(), nil
}

func wrap(where string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", where, err)
}
