package payload

import (
	"fmt"
	"math"
	"time"

	"pgregory.net/rapid"
)

// Generators of random payloads that can be said on the wire.

var times = rapid.Custom(func(t *rapid.T) time.Time {
	return time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "ms")).UTC()
})

// cellTypes are the types of data set columns that common peers can read.
var cellTypes = []Type{TypeInt64, TypeUInt32, TypeFloat, TypeDouble, TypeBoolean, TypeString}

func scalarOf(t *rapid.T, typ Type) Value {
	switch typ {
	case TypeInt8:
		return Int8(rapid.Int8().Draw(t, "int8"))
	case TypeInt16:
		return Int16(rapid.Int16().Draw(t, "int16"))
	case TypeInt32:
		return Int32(rapid.Int32().Draw(t, "int32"))
	case TypeInt64:
		return Int64(rapid.Int64().Draw(t, "int64"))
	case TypeUInt8:
		return UInt8(rapid.Uint8().Draw(t, "uint8"))
	case TypeUInt16:
		return UInt16(rapid.Uint16().Draw(t, "uint16"))
	case TypeUInt32:
		return UInt32(rapid.Uint32Max(math.MaxInt32).Draw(t, "uint32")) // the peer re-encodes larger ones as negative
	case TypeUInt64:
		return UInt64(rapid.Uint64().Draw(t, "uint64"))
	case TypeFloat:
		return Float(rapid.Float32().Draw(t, "float"))
	case TypeDouble:
		return Double(rapid.Float64().Draw(t, "double"))
	case TypeBoolean:
		return Boolean(rapid.Bool().Draw(t, "boolean"))
	case TypeDateTime:
		return DateTime(times.Draw(t, "time"))
	case TypeText:
		return Text(rapid.String().Draw(t, "text"))
	case TypeUUID:
		return UUID([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid")))
	case TypeBytes:
		return Bytes(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	}
	return String(rapid.String().Draw(t, "string"))
}

var dataSets = rapid.Custom(func(t *rapid.T) *DataSet {
	types := rapid.SliceOfN(rapid.SampledFrom(cellTypes), 1, 4).Draw(t, "types")
	columns := make([]Column, len(types))
	for i, typ := range types {
		columns[i] = Column{fmt.Sprintf("c%d", i), typ}
	}
	set, err := NewDataSet(columns...)
	if err != nil {
		t.Fatal(err)
	}
	for range rapid.IntRange(0, 5).Draw(t, "rows") {
		row := make([]Value, len(types))
		for i, typ := range types {
			row[i] = scalarOf(t, typ)
		}
		if err := set.AddRow(row...); err != nil {
			t.Fatal(err)
		}
	}
	return set
})

func valueOf(t *rapid.T, typ Type) Value {
	if typ == TypeDataSet {
		return dataSets.Draw(t, "data set").Value()
	}
	return scalarOf(t, typ)
}

var metrics = rapid.Custom(func(t *rapid.T) Metric {
	typ := Type(rapid.Uint32Range(uint32(TypeInt8), uint32(TypeBytes)).Draw(t, "type"))
	m := Metric{
		Name:        rapid.String().Draw(t, "name"),
		Timestamp:   times.Draw(t, "timestamp"),
		Historical:  rapid.Bool().Draw(t, "historical"),
		Transient:   rapid.Bool().Draw(t, "transient"),
		Description: rapid.String().Draw(t, "description"),
		Value:       Null(typ),
	}
	if rapid.Bool().Draw(t, "aliased") {
		m.Alias = new(rapid.Uint64().Draw(t, "alias"))
	}
	// The peer fails on a data set that is null.
	if typ == TypeDataSet || rapid.IntRange(0, 9).Draw(t, "null") > 0 {
		m.Value = valueOf(t, typ)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "properties") {
		typ := Type(rapid.Uint32Range(uint32(TypeInt8), uint32(TypeUUID)).Draw(t, "property type"))
		m.Properties = append(m.Properties, Property{fmt.Sprintf("p%d", i), scalarOf(t, typ)})
	}
	return m
})

var payloads = rapid.Custom(func(t *rapid.T) Payload {
	p := Payload{
		Timestamp: times.Draw(t, "timestamp"),
		UUID:      rapid.String().Draw(t, "uuid"),
		Body:      append([]byte(nil), rapid.SliceOf(rapid.Byte()).Draw(t, "body")...),
	}
	for range rapid.IntRange(0, 4).Draw(t, "metrics") {
		p.Metrics = append(p.Metrics, metrics.Draw(t, "metric"))
	}
	if rapid.Bool().Draw(t, "numbered") {
		p.Seq = new(rapid.Uint8().Draw(t, "seq"))
	}
	return p
})
