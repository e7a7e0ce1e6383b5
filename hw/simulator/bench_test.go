package simulator

import "testing"

func BenchmarkFrame(b *testing.B) {
	for _, angle := range []float64{0, 5e-4} {
		name := map[bool]string{true: "straight", false: "turned"}[angle == 0]
		b.Run(name, func(b *testing.B) {
			o := Defaults(standard().program())
			o.Stage.Angle = angle
			s := scene(b, o)
			pix := make([]byte, s.FrameBytes())
			w := s.newWafer(1, 1, 1)
			if err := s.spoil(w); err != nil {
				b.Fatal(err)
			}
			n := 0
			for b.Loop() {
				s.render(exposure{wafer: w, field: n % len(o.Program.Stops)}, pix)
				n++
			}
			b.ReportMetric(float64(len(pix))*float64(n)/1e6/b.Elapsed().Seconds(), "Mpx/s")
		})
	}
}

func BenchmarkSpoilWafer(b *testing.B) {
	s := scene(b, Defaults(standard().program()))
	slot := 0
	for b.Loop() {
		slot++
		if err := s.spoil(s.newWafer(1, 1, slot)); err != nil {
			b.Fatal(err)
		}
	}
}
