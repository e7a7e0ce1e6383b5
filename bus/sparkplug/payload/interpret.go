package payload

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// rawValue is a value as it came, before its datatype is known.
type rawValue struct {
	typ  Type
	null bool
	slot slot
	bits uint64
	data []byte
}

// take keeps the field if it is one of the oneof from number first to last. As
// protobuf has it, the last of several counts.
func (r *rawValue) take(f field, first, last protowire.Number) error {
	if f.number < first || f.number > last {
		return nil
	}
	s := slotInt + slot(f.number-first)
	if err := f.want(s.wire(), slotNames[s]); err != nil {
		return err
	}
	r.slot, r.bits, r.data = s, f.bits, f.data
	return nil
}

var slotNames = [...]string{"", "int_value", "long_value", "float_value", "double_value", "boolean_value",
	"string_value", "bytes_value", "dataset_value", "template_value"}

// interpret makes the value that the datatype says, or one that is kept as it is
// if the datatype is missing or not among the package's own.
func (r rawValue) interpret() (Value, error) {
	switch {
	case r.null || r.slot == slotNone:
		return Null(r.typ), nil
	case !r.typ.known():
		return Value{typ: r.typ, slot: r.slot, bits: r.canonical(), text: string(r.data)}, nil
	case r.typ == TypeUInt32 && r.slot == slotInt: // see the package comment
		r.bits, r.slot = r.canonical(), slotLong
	case r.slot != r.typ.slot():
		return Value{}, fmt.Errorf("%s for a %v; want %s", slotNames[r.slot], r.typ, slotNames[r.typ.slot()])
	}
	v, err := r.typed()
	if err != nil {
		return Value{}, fmt.Errorf("%s for a %v: %w", slotNames[r.slot], r.typ, err)
	}
	return v, nil
}

// canonical cuts a number to what protobuf has it hold.
func (r rawValue) canonical() uint64 {
	switch r.slot {
	case slotInt:
		return uint64(uint32(r.bits))
	case slotBoolean:
		return min(r.bits, 1)
	}
	return r.bits
}

func (r rawValue) typed() (Value, error) {
	bits := r.canonical()
	switch r.typ {
	case TypeInt8:
		return signed(r.typ, bits, 8)
	case TypeInt16:
		return signed(r.typ, bits, 16)
	case TypeInt32:
		return signed(r.typ, bits, 32)
	case TypeUInt8:
		return unsigned(r.typ, bits, math.MaxUint8)
	case TypeUInt16:
		return unsigned(r.typ, bits, math.MaxUint16)
	case TypeUInt32:
		return unsigned(r.typ, bits, math.MaxUint32)
	case TypeDateTime:
		_, err := fromMillis(bits)
		return number(r.typ, bits), err
	case TypeString, TypeText, TypeUUID:
		return typedText(r.typ, r.data)
	case TypeBytes:
		return Bytes(r.data), nil
	case TypeDataSet:
		set, err := decodeDataSet(r.data)
		if err != nil {
			return Value{}, err
		}
		return set.Value(), nil
	}
	return number(r.typ, bits), nil
}

// signed reads two's complement of the given width, extended to 32 bits or not.
func signed(t Type, bits uint64, width uint) (Value, error) {
	extended := int64(int32(uint32(bits)))
	if bits>>width == 0 {
		extended = int64(bits<<(64-width)) >> (64 - width)
	}
	if limit := int64(1) << (width - 1); extended < -limit || extended >= limit {
		return Value{}, fmt.Errorf("%d; want %d to %d", extended, -limit, limit-1)
	}
	return number(t, uint64(extended)), nil
}

func unsigned(t Type, bits, limit uint64) (Value, error) {
	if bits > limit {
		return Value{}, fmt.Errorf("%d; limit is %d", bits, limit)
	}
	return number(t, bits), nil
}

var errUUID = errors.New("no UUID; want 8-4-4-4-12 hexadecimal digits")

func typedText(t Type, b []byte) (Value, error) {
	switch {
	case !utf8.Valid(b):
		return Value{}, errUTF8
	case t == TypeUUID && !isUUID(string(b)):
		return Value{}, errUUID
	}
	return text(t, string(b)), nil
}

// As gives a value that came without its datatype the one that the metric's
// birth declared. A value of that type is itself; one of another type is an error.
func (v Value) As(t Type) (Value, error) {
	switch {
	case v.typ == t:
		return v, nil
	case v.typ != TypeUnknown:
		return Value{}, fmt.Errorf("value of type %v; want %v", v.typ, t)
	}
	return rawValue{typ: t, null: v.IsNull(), slot: v.slot, bits: v.bits, data: []byte(v.text)}.interpret()
}
