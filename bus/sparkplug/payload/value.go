package payload

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Type is a Sparkplug datatype code.
type Type uint32

// Datatypes that this package interprets. Others are carried unread.
const (
	TypeUnknown  Type = 0
	TypeInt8     Type = 1
	TypeInt16    Type = 2
	TypeInt32    Type = 3
	TypeInt64    Type = 4
	TypeUInt8    Type = 5
	TypeUInt16   Type = 6
	TypeUInt32   Type = 7
	TypeUInt64   Type = 8
	TypeFloat    Type = 9
	TypeDouble   Type = 10
	TypeBoolean  Type = 11
	TypeString   Type = 12
	TypeDateTime Type = 13
	TypeText     Type = 14
	TypeUUID     Type = 15
	TypeDataSet  Type = 16
	TypeBytes    Type = 17
)

var typeNames = [...]string{"Unknown", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64",
	"Float", "Double", "Boolean", "String", "DateTime", "Text", "UUID", "DataSet", "Bytes"}

// String is the datatype's name in the specification.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("datatype %d", uint32(t))
}

// known tells that the package interprets values of the type.
func (t Type) known() bool { return t >= TypeInt8 && t <= TypeBytes }

// Value is a value with its datatype, or a null of one. It cannot be changed.
type Value struct {
	typ  Type
	slot slot   // which field of the wire's oneof holds it; null is none
	bits uint64 // integers (signed ones extended to 64 bits), Boolean, DateTime in ms, IEEE 754 bits
	text string // String, Text, UUID, what is not interpreted; and Bytes, so that values compare
	set  *DataSet
}

// Null is no value, of a datatype. Do not publish a null DataSet: common decoders
// fail on the whole payload then; an empty one says the same.
func Null(t Type) Value { return Value{typ: t} }

func number(t Type, bits uint64) Value { return Value{typ: t, slot: t.slot(), bits: bits} }

func text(t Type, s string) Value {
	return Value{typ: t, slot: t.slot(), text: strings.ToValidUTF8(s, "\uFFFD")}
}

// Int8 is a signed 8-bit integer.
func Int8(v int8) Value { return number(TypeInt8, uint64(int64(v))) }

// Int16 is a signed 16-bit integer.
func Int16(v int16) Value { return number(TypeInt16, uint64(int64(v))) }

// Int32 is a signed 32-bit integer.
func Int32(v int32) Value { return number(TypeInt32, uint64(int64(v))) }

// Int64 is a signed 64-bit integer.
func Int64(v int64) Value { return number(TypeInt64, uint64(v)) }

// UInt8 is an unsigned 8-bit integer.
func UInt8(v uint8) Value { return number(TypeUInt8, uint64(v)) }

// UInt16 is an unsigned 16-bit integer.
func UInt16(v uint16) Value { return number(TypeUInt16, uint64(v)) }

// UInt32 is an unsigned 32-bit integer.
func UInt32(v uint32) Value { return number(TypeUInt32, uint64(v)) }

// UInt64 is an unsigned 64-bit integer.
func UInt64(v uint64) Value { return number(TypeUInt64, v) }

// Float is a 32-bit floating point number.
func Float(v float32) Value { return number(TypeFloat, uint64(math.Float32bits(v))) }

// Double is a 64-bit floating point number.
func Double(v float64) Value { return number(TypeDouble, math.Float64bits(v)) }

// Boolean is true or false.
func Boolean(v bool) Value {
	if v {
		return number(TypeBoolean, 1)
	}
	return number(TypeBoolean, 0)
}

// DateTime is a time to the millisecond. The wire has no time before 1970; such
// a time, as of a clock that was never set, becomes 1970-01-01.
func DateTime(v time.Time) Value { return number(TypeDateTime, millis(v)) }

// String is a short text. Bytes that are not UTF-8 become U+FFFD, here and in Text.
func String(v string) Value { return text(TypeString, v) }

// Text is a long text.
func Text(v string) Value { return text(TypeText, v) }

// UUID is a universally unique identifier (RFC 9562).
func UUID(v [16]byte) Value {
	h := hex.EncodeToString(v[:])
	return text(TypeUUID, strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-"))
}

// Bytes is a run of bytes, which is copied.
func Bytes(v []byte) Value { return Value{typ: TypeBytes, slot: TypeBytes.slot(), text: string(v)} }

// Type is the value's datatype, TypeUnknown where the message left it out.
func (v Value) Type() Type { return v.typ }

// IsNull tells that there is no value.
func (v Value) IsNull() bool { return v.slot == slotNone }

// is tells that there is a value of one of the types first to last.
func (v Value) is(first, last Type) bool { return !v.IsNull() && v.typ >= first && v.typ <= last }

// Int is the value of an Int8, Int16, Int32 or Int64; false for any other.
func (v Value) Int() (int64, bool) { return int64(v.bits), v.is(TypeInt8, TypeInt64) }

// Uint is the value of a UInt8, UInt16, UInt32 or UInt64; false for any other.
func (v Value) Uint() (uint64, bool) { return v.bits, v.is(TypeUInt8, TypeUInt64) }

// Float is the value of a Float or Double; false for any other.
func (v Value) Float() (float64, bool) {
	if v.typ == TypeFloat {
		return float64(math.Float32frombits(uint32(v.bits))), !v.IsNull()
	}
	return math.Float64frombits(v.bits), v.is(TypeDouble, TypeDouble)
}

// Number is the value of any number; false for any other. Beyond 2^53 it is
// rounded.
func (v Value) Number() (float64, bool) {
	if n, ok := v.Int(); ok {
		return float64(n), true
	}
	if n, ok := v.Uint(); ok {
		return float64(n), true
	}
	return v.Float()
}

// Untyped is the value without its datatype, as data may carry it after a birth.
func (v Value) Untyped() Value {
	v.typ = TypeUnknown
	if v.set != nil {
		v.text, v.set = string(v.set.append(nil)), nil
	}
	return v
}

// Bool is the value of a Boolean; false, false for any other.
func (v Value) Bool() (value, ok bool) {
	ok = v.is(TypeBoolean, TypeBoolean)
	return ok && v.bits != 0, ok
}

// Time is the value of a DateTime, in UTC; false for any other.
func (v Value) Time() (time.Time, bool) {
	return time.UnixMilli(int64(v.bits)).UTC(), v.is(TypeDateTime, TypeDateTime)
}

// Text is the value of a String, Text or UUID; false for any other.
func (v Value) Text() (string, bool) {
	return v.text, v.is(TypeString, TypeString) || v.is(TypeText, TypeUUID)
}

// Bytes is the value of a Bytes, the caller's own; false for any other.
func (v Value) Bytes() ([]byte, bool) { return []byte(v.text), v.is(TypeBytes, TypeBytes) }

// DataSet is the value of a DataSet, not to be changed; false for any other.
func (v Value) DataSet() (*DataSet, bool) { return v.set, v.set != nil }

// Equal tells that two values have the same datatype and the same bits; so a NaN
// equals itself.
func (v Value) Equal(w Value) bool {
	if v.set != nil && w.set != nil {
		return v.set.equal(w.set)
	}
	return v == w
}

// String prints the value for a person.
func (v Value) String() string {
	switch {
	case v.IsNull():
		return "null"
	case v.set != nil:
		return fmt.Sprintf("%d × %d data set", v.set.Rows(), len(v.set.columns))
	case v.is(TypeInt8, TypeInt64):
		return strconv.FormatInt(int64(v.bits), 10)
	case v.is(TypeFloat, TypeDouble):
		f, _ := v.Float()
		return strconv.FormatFloat(f, 'g', -1, 64)
	case v.typ == TypeBoolean:
		return strconv.FormatBool(v.bits != 0)
	case v.typ == TypeDateTime:
		t, _ := v.Time()
		return t.Format("2006-01-02T15:04:05.000Z")
	case v.is(TypeUInt8, TypeUInt64):
		return strconv.FormatUint(v.bits, 10)
	case v.is(TypeString, TypeString), v.is(TypeText, TypeUUID):
		return v.text
	}
	return fmt.Sprintf("%v, %d bytes", v.typ, len(v.text))
}

// millis is a time as the wire has it. See DateTime for times before 1970.
func millis(t time.Time) uint64 { return uint64(max(t.UnixMilli(), 0)) }

// isUUID tells that s is a UUID's text, 8-4-4-4-12 hexadecimal digits.
func isUUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	digits := bytes.ReplaceAll([]byte(s), []byte("-"), nil)
	_, err := hex.Decode(make([]byte, 16), digits)
	return err == nil && len(digits) == 32
}
