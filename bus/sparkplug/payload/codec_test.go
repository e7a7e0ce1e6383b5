package payload

import (
	"encoding/hex"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"
)

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := payloads.Draw(t, "payload")
		got, err := Decode(want.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

// The bytes were worked out by hand from sparkplug_b.proto and the protobuf
// encoding's description.
func TestEncodedBytes(t *testing.T) {
	at := time.UnixMilli(1486144502122)
	for name, c := range map[string]struct {
		payload Payload
		hex     string
	}{
		"empty":                     {Payload{}, ""},
		"timestamp":                 {Payload{Timestamp: at}, "08 eaf2f5a8a02b"},
		"timestamp of another zone": {Payload{Timestamp: at.In(time.FixedZone("", 9*3600))}, "08 eaf2f5a8a02b"},
		"seq 0":                     {Payload{Seq: new(uint8(0))}, "18 00"},
		"body":                      {Payload{UUID: "u", Body: []byte{7}}, "22 01 75  2a 01 07"},
		"bdSeq": {one(Metric{Name: "bdSeq", Timestamp: at.In(time.FixedZone("", -5*3600)), Value: Int64(1)}),
			"12 12  0a 05 6264536571  18 eaf2f5a8a02b  20 04  58 01"},
		"negative Int8":   {one(Metric{Value: Int8(-1)}), "12 08  20 01  50 ffffffff0f"},
		"negative Int64":  {one(Metric{Value: Int64(-1)}), "12 0d  20 04  58 ffffffffffffffffff01"},
		"UInt32 as long":  {one(Metric{Value: UInt32(math.MaxUint32)}), "12 08  20 07  58 ffffffff0f"},
		"Float":           {one(Metric{Value: Float(1.5)}), "12 07  20 09  65 0000c03f"},
		"Double":          {one(Metric{Value: Double(1.5)}), "12 0b  20 0a  69 000000000000f83f"},
		"Boolean false":   {one(Metric{Value: Boolean(false)}), "12 04  20 0b  70 00"},
		"empty String":    {one(Metric{Value: String("")}), "12 04  20 0c  7a 00"},
		"Bytes":           {one(Metric{Value: Bytes([]byte{1, 2})}), "12 07  20 11  8201 02 0102"},
		"null":            {one(Metric{Value: Null(TypeDouble)}), "12 04  20 0a  38 01"},
		"alias, flags":    {one(Metric{Alias: new(uint64(0)), Historical: true, Transient: true, Value: UInt8(3)}), "12 0a  10 00  20 05  28 01  30 01  50 03"},
		"unit":            {one(Metric{Value: UInt16(1), Properties: []Property{Unit("m")}}), "12 16  20 06  4a 10  0a 07 656e67556e6974  12 05 08 0c  42 01 6d  50 01"},
		"description":     {one(Metric{Description: "d", Value: UInt16(1)}), "12 09  20 06  42 03 42 01 64  50 01"},
		"DataSet":         {one(Metric{Value: table(t).Value()}), "12 1b  20 10  8a01 16  08 02  12 01 61  12 01 62  18 04  18 0b  22 08  0a 02 10 05  0a 02 28 01"},
		"two metrics":     {Payload{Metrics: []Metric{{Value: UInt8(1)}, {Value: UInt8(2)}}}, "12 04 20 05 50 01  12 04 20 05 50 02"},
		"long metric":     {one(Metric{Value: String(strings.Repeat("x", 200))}), "12 cd01  20 0c  7a c801 " + strings.Repeat("78", 200)},
		"time of no host": {one(Metric{Value: DateTime(time.Unix(-5, 0))}), "12 04  20 0d  58 00"},
	} {
		t.Run(name, func(t *testing.T) {
			want := strings.ReplaceAll(c.hex, " ", "")
			if got := hex.EncodeToString(c.payload.Encode()); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func one(m Metric) Payload { return Payload{Metrics: []Metric{m}} }

func table(t *testing.T) *DataSet {
	t.Helper()
	set, err := NewDataSet(Column{"a", TypeInt64}, Column{"b", TypeBoolean})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.AddRow(Int64(5), Boolean(true)); err != nil {
		t.Fatal(err)
	}
	return set
}

func TestDecodeAcceptsWhatPeersSend(t *testing.T) {
	for name, c := range map[string]struct {
		hex  string
		want Value
	}{
		"UInt32 in int_value":                  {"20 07  50 ffffffff0f", UInt32(math.MaxUint32)},
		"Int8 in 8-bit two's complement":       {"20 01  50 ff01", Int8(-1)},
		"Int16 in 16-bit two's complement":     {"20 02  50 8080 02", Int16(math.MinInt16)},
		"Int32 extended to 64 bits":            {"20 03  50 ffffffffffffffffff01", Int32(-1)},
		"value before datatype":                {"70 01  20 0b", Boolean(true)},
		"the last of two values":               {"20 0c  50 05  7a 01 78", String("x")},
		"null with a value":                    {"20 0c  38 01  7a 01 78", Null(TypeString)},
		"no value at all":                      {"20 0c", Null(TypeString)},
		"unknown fields of each wire type":     {"9806 01  9a06 01 00  9d06 00000000  9906 0000000000000000  9b06 9c06  20 05  50 01", UInt8(1)},
		"DataSet with packed types":            {"20 10  8a01 16  08 02  12 01 61  12 01 62  1a 02 04 0b  22 08  0a 02 10 05  0a 02 28 01", table(t).Value()},
		"DataSet with its rows before columns": {"20 10  8a01 16  22 08  0a 02 10 05  0a 02 28 01  08 02  12 01 61  12 01 62  18 04  18 0b", table(t).Value()},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Decode(metricOf(t, c.hex))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Metrics[0].Value; !got.Equal(c.want) {
				t.Errorf("got %v %v, want %v %v", got.Type(), got, c.want.Type(), c.want)
			}
		})
	}
}

// metricOf is a payload of one metric with these bytes.
func metricOf(t *testing.T, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), b)
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct{ hex, want string }{
		"truncated varint":            {"20", "unexpected EOF"},
		"truncated string":            {"0a 05 61", "unexpected EOF"},
		"reserved wire type":          {"0f", "metric 1"},
		"field number 0":              {"00 01", "metric 1"},
		"end of no group":             {"9c06", "metric 1"},
		"name as a number":            {"08 01", "name: wire type varint; want length-delimited"},
		"name not UTF-8":              {"0a 01 ff", "name: not UTF-8"},
		"string value not UTF-8":      {"20 0c  7a 01 ff", "string_value for a String: not UTF-8"},
		"Boolean in int_value":        {"0a 01 61  20 0b  50 01", "metric 1 (a): int_value for a Boolean; want boolean_value"},
		"UInt8 beyond 255":            {"20 05  50 8002", "256; limit is 255"},
		"UInt16 beyond 65535":         {"20 06  50 808004", "65536; limit is 65535"},
		"UInt32 beyond 32 bits":       {"20 07  58 8080808010", "limit is 4294967295"},
		"Int8 beyond 8 bits":          {"20 01  50 8002", "256; want -128 to 127"},
		"timestamp beyond time":       {"18 ffffffffffffffffff01", "timestamp: time beyond"},
		"DateTime beyond time":        {"20 0d  58 ffffffffffffffffff01", "time beyond"},
		"no UUID":                     {"20 0f  7a 01 78", "no UUID"},
		"properties without values":   {"4a 03 0a 01 61", "properties: 1 keys and 0 values"},
		"property with bytes":         {"4a 0a  0a 01 61  12 05 08 11  4a 01 78", `property "a": Bytes; want Int8 to UUID`},
		"data set without types":      {"20 10  8a01 05  08 01  12 01 61", "num_of_columns: 1; has 1 names and 0 types"},
		"data set without columns":    {"20 10  8a01 02  08 00", "data set columns: 0; want 1 to 256"},
		"data set of data sets":       {"20 10  8a01 07  08 01  12 01 61  18 10", `data set column "a": DataSet`},
		"data set row too short":      {"20 10  8a01 09  08 01  12 01 61  18 04  22 00", "row 1: 0 elements; want 1"},
		"data set row too long":       {"20 10  8a01 0d  08 01  12 01 61  18 04  22 04 0a 00 0a 00", "row 1: more than 1 elements"},
		"data set cell of wrong type": {"20 10  8a01 0d  08 01  12 01 61  18 04  22 04 0a 02 28 01", "row 1: a: boolean_value for a Int64"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(metricOf(t, c.hex))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestDecodeRefusesAPayloadBeyondTheLimits(t *testing.T) {
	for name, c := range map[string]struct {
		payload []byte
		want    string
	}{
		"size":    {make([]byte, MaxSize+1), "8388609 bytes; limit is 8388608"},
		"metrics": {[]byte(strings.Repeat("\x12\x00", MaxMetrics+1)), "metrics: more than 65536"},
		"seq":     {[]byte{0x18, 0x80, 0x02}, "seq: 256; limit is 255"},
		"properties": {Payload{Metrics: []Metric{{Value: UInt8(1), Properties: make([]Property, MaxProperties+1)}}}.Encode(),
			"properties: more than 256"},
	} {
		if _, err := Decode(c.payload); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestValuesOfOtherDatatypesAreKeptAsTheyAre(t *testing.T) {
	for _, digits := range []string{
		"20 12  8201 02 0102", // File
		"20 13  9201 02 2801", // Template
		"20 16  8201 01 ff",   // Int8Array
		"20 05  4a 0c  0a 01 61  12 07 08 14  4a 03 0a 01 62  50 01", // property set as a property
	} {
		b := metricOf(t, digits)
		p, err := Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", digits, err)
		}
		if got := p.Encode(); hex.EncodeToString(got) != hex.EncodeToString(b) {
			t.Errorf("got  %x\nwant %x", got, b)
		}
	}
}

func TestAsGivesAnUntypedValueItsDeclaredType(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := metrics.Draw(t, "metric").Value
		whole, untyped := want.append(nil, metricValue), rawValue{}
		if err := scan(whole, func(f field) error { return untyped.take(f, metricValue, metricLast) }); err != nil {
			t.Fatal(err)
		}
		v, err := untyped.interpret()
		if err != nil || v.Type() != TypeUnknown {
			t.Fatalf("%v %v: %v", v.Type(), v, err)
		}
		if got, err := v.As(want.Type()); err != nil || !got.Equal(want) {
			t.Fatalf("got %v, %v, want %v", got, err, want)
		}
	})
}

func TestAsRefusesAnotherType(t *testing.T) {
	if _, err := Int8(1).As(TypeInt16); err == nil {
		t.Error("an Int8 became an Int16")
	}
	if _, err := (Value{slot: slotInt, bits: 1}).As(TypeBoolean); err == nil {
		t.Error("an int_value became a Boolean")
	}
}

func TestDataSetRefusesRowsThatDoNotFit(t *testing.T) {
	set := table(t)
	for _, row := range [][]Value{{}, {Int64(1)}, {Int32(1), Boolean(true)}, {Null(TypeInt64), Boolean(true)}} {
		if err := set.AddRow(row...); err == nil {
			t.Errorf("row %v was taken", row)
		}
	}
	if set.Rows() != 1 {
		t.Errorf("%d rows, want 1", set.Rows())
	}
}

func TestDataSetValueIsASnapshot(t *testing.T) {
	set := table(t)
	v := set.Value()
	if err := set.AddRow(Int64(6), Boolean(false)); err != nil {
		t.Fatal(err)
	}
	if got, _ := v.DataSet(); got.Rows() != 1 || set.Rows() != 2 {
		t.Errorf("snapshot has %d rows and the table %d, want 1 and 2", got.Rows(), set.Rows())
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x12\x0b\n\x05bdSeq \x04X\x01\x18\x00"))
	for i := range 20 {
		f.Add(payloads.Example(i).Encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Decode(first.Encode())
		if err != nil {
			t.Fatalf("what was encoded is refused: %v", err)
		}
		if !reflect.DeepEqual(first, again) {
			t.Fatalf("got  %+v\nwant %+v", again, first)
		}
	})
}
