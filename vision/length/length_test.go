package length

import (
	"math"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want Length
	}{
		{"12.5 mm", 12500},
		{"12.5mm", 12500},
		{" 300 mm ", 300 * Millimetre},
		{"0.3247 µm", 0.3247}, // the micro sign
		{"0.3247 μm", 0.3247}, // the Greek letter
		{"0.3247 um", 0.3247},
		{"324.7 nm", 0.3247},
		{"-40 µm", -40},
		{"+40 um", 40},
		{"1e3 nm", 1},
		{"0 mm", 0},
	} {
		if got, err := Parse(c.text); err != nil || got != c.want {
			t.Errorf("Parse(%q) = %v, %v; want %v", c.text, float64(got), err, float64(c.want))
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "12.5", "mm", " µm", "12.5 m", "12.5 cm", "12,5 mm", "12.5 mm x", "NaN mm", "Inf µm", "-inf nm",
		"1e400 mm", "1e308 mm", "12.5 MM", "1 2 mm", "12.5 mm mm",
	} {
		if got, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %v; want an error", text, got)
		} else if !strings.Contains(err.Error(), "length: ") {
			t.Errorf("Parse(%q): %v", text, err)
		}
	}
}

func TestStringUsesTheUnitAPersonWouldChoose(t *testing.T) {
	for _, c := range []struct {
		l    Length
		want string
	}{
		{0, "0 µm"},
		{0.3247, "324.7 nm"},
		{1, "1 µm"},
		{999.5, "999.5 µm"},
		{1000, "1 mm"},
		{-12500, "-12.5 mm"},
		{300 * Millimetre, "300 mm"},
		{5 * Nanometre, "5 nm"},
	} {
		if got := c.l.String(); got != c.want {
			t.Errorf("%v prints %q; want %q", float64(c.l), got, c.want)
		}
	}
}

func TestTextRefusesWhatIsNoDistance(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if text, err := Length(v).MarshalText(); err == nil {
			t.Errorf("MarshalText of %v wrote %q", v, text)
		}
	}
	l := Length(7)
	if err := l.UnmarshalText([]byte("seven mm")); err == nil || l != 7 {
		t.Errorf("UnmarshalText left %v, error %v", l, err)
	}
}

// FuzzText checks that every distance is read back to the last bit.
func FuzzText(f *testing.F) {
	for _, v := range []float64{0, 1, -1, 0.3247, 1.0 / 3, 1e5 / 3, 12345.678901234567, 5e-324, math.MaxFloat64, 999.99999999999} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v float64) {
		text, err := Length(v).MarshalText()
		if math.IsNaN(v) || math.IsInf(v, 0) {
			if err == nil {
				t.Fatalf("%v was written as %q", v, text)
			}
			return
		}
		var back Length
		if err := back.UnmarshalText(text); err != nil || float64(back) != v {
			t.Fatalf("%v became %q, then %v (%v)", v, text, float64(back), err)
		}
	})
}

// FuzzParse checks that what is accepted is finite and can be written again.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"12.5 mm", "1e308 mm", "0x1p-2 µm", "nm", "\xff um", "- mm", "1_0 mm"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Parse(text)
		if err != nil {
			return
		}
		written, err := l.MarshalText()
		if err != nil {
			t.Fatalf("%q was read as %v, which cannot be written: %v", text, float64(l), err)
		}
		if back, err := Parse(string(written)); err != nil || back != l {
			t.Fatalf("%q: %v became %q, then %v (%v)", text, float64(l), written, float64(back), err)
		}
	})
}
