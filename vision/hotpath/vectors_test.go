package hotpath

import (
	"image"
	"slices"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/frame"
)

// TestVectors holds values worked out by hand from the package comment.
func TestVectors(t *testing.T) {
	for _, c := range []struct {
		name       string
		depth      int
		raw        [4]int // two pixels above, two below
		dark, gain float32
		at         Place
		want       uint8
	}{
		{"nothing to do", 8, [4]int{100, 0, 0, 0}, 0, 1, Place{Gain: 1}, 100},
		{"white", 8, [4]int{255, 0, 0, 0}, 0, 1, Place{Gain: 1}, 255},
		// a = 12800, dark = 2·128; (12544·16384 + 2¹⁴) >> 15 = 6272 = 98·64
		{"dark", 8, [4]int{100, 0, 0, 0}, 2, 1, Place{Gain: 1}, 98},
		// (12800·24576 + 2¹⁴) >> 15 = 9600 = 150·64
		{"gain", 8, [4]int{100, 0, 0, 0}, 0, 1.5, Place{Gain: 1}, 150},
		// 6400 + (6400·16384 + 2¹⁴) >> 15 = 9600
		{"half a pixel across", 8, [4]int{100, 200, 0, 0}, 0, 1, Place{X: 0.5, Gain: 1}, 150},
		{"half a pixel down", 8, [4]int{100, 0, 200, 0}, 0, 1, Place{Y: 0.5, Gain: 1}, 150},
		// above 125, below 25; 3/4 of the way down: 50
		{"both ways", 8, [4]int{100, 200, 0, 100}, 0, 1, Place{X: 0.25, Y: 0.75, Gain: 1}, 50},
		// (6400·9830 + 2¹⁴) >> 15 = 1920 Q4 = 120
		{"light", 8, [4]int{100, 0, 0, 0}, 0, 1, Place{Gain: 1.2}, 120},
		// 1600 + 16·(−10.5) + 8 = 1440, a half rounds up: 90
		{"offset", 8, [4]int{100, 0, 0, 0}, 0, 1, Place{Gain: 1, Offset: -10.5}, 90},
		{"too dark", 8, [4]int{5, 0, 0, 0}, 0, 1, Place{Gain: 1, Offset: -10}, 0},
		{"too bright", 8, [4]int{200, 0, 0, 0}, 0, 1, Place{Gain: 2}, 255},
		// 1023/4 = 255.75, times 0.5 = 127.875
		{"10 bits", 10, [4]int{1023, 0, 0, 0}, 0, 1, Place{Gain: 0.5}, 128},
		{"12 bits", 12, [4]int{1608, 0, 0, 0}, 0, 1, Place{Gain: 1}, 101}, // 100.5
		{"16 bits", 16, [4]int{0x6400, 0, 0, 0}, 0, 1, Place{Gain: 1}, 100},
		{"bits above the depth", 12, [4]int{0xF000 | 1600, 0, 0, 0}, 0, 1, Place{Gain: 1}, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := frame.New(2, 2, c.depth)
			for n, v := range c.raw {
				m.Set(n%2, n/2, v)
			}
			same := func(v float32) []float32 { return slices.Repeat([]float32{v}, 4) }
			flat := must[*Flat](t)(NewFlat(2, 2, same(c.dark), same(c.gain)))
			// Limits that every value but the expected one is outside of.
			ref := must[*Reference](t)(NewReference(1, 1, []uint8{c.want}, []uint8{c.want}, []float32{0}, []float32{1}))
			p := must[*Pass](t)(NewPass(1))
			if err := p.Compare(m, flat, ref, []Place{c.at}); err != nil {
				t.Fatal(err)
			}
			var got [1]uint8
			p.Grey(0, image.Rect(0, 0, 1, 1), got[:])
			runs, err := p.Runs(0)
			if got[0] != c.want || len(runs) != 0 || err != nil {
				t.Errorf("grey level %d, runs %+v, %v; want %d within its limits", got[0], runs, err, c.want)
			}
		})
	}
}

// TestRuns puts pixels outside and works their run out by hand.
func TestRuns(t *testing.T) {
	const width, height = 70, 2
	m := frame.New(width, height, 8)
	for n := range m.Pix {
		m.Pix[n] = 100
	}
	copy(m.Row(1)[62:], []byte{80, 85, 120, 130}) // across the end of a block of 64
	m.Row(0)[69] = 255
	plane := func(v float32) []float32 { return slices.Repeat([]float32{v}, width*height) }
	ref := must[*Reference](t)(NewReference(width, height, slices.Repeat([]uint8{90}, width*height), slices.Repeat([]uint8{110}, width*height), plane(99), plane(2)))
	p := must[*Pass](t)(NewPass(10))
	if err := p.Compare(m, nil, ref, []Place{{Gain: 1}}); err != nil {
		t.Fatal(err)
	}
	want := []defect.Run{
		{Y: 0, X0: 69, X1: 70, Bright: 1, Weight: 145, MomentX: 0, Peak: 78},
		{Y: 1, X0: 62, X1: 66, Bright: 2, Weight: 10 + 5 + 10 + 20, MomentX: 5*1 + 10*2 + 20*3, Peak: 15.5},
	}
	if got, err := p.Runs(0); err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}
