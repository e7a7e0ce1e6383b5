package inspect_test

import (
	"image"
	"image/color"
	"math"
	"testing"

	"gocv.io/x/gocv"
)

// chain holds what both OpenCV chains need. Regions of frames are cut before
// the clock runs.
type chain struct {
	*benchScene
	frames []gocv.Mat
	kernel gocv.Mat
	held   []*gocv.Mat
}

func newChain(b *testing.B, s *benchScene) *chain {
	c := &chain{benchScene: s}
	b.Cleanup(func() {
		for _, m := range c.held {
			if err := m.Close(); err != nil {
				b.Error(err)
			}
		}
	})
	for _, f := range s.frames {
		t := gocv.MatTypeCV8U
		if f.Depth > 8 {
			t = gocv.MatTypeCV16U
		}
		m, err := gocv.NewMatFromBytes(f.Height, f.Width, t, f.Pix)
		c.frames = append(c.frames, c.hold(b, m, err))
	}
	c.kernel = c.hold(b, gocv.GetStructuringElement(gocv.MorphRect, image.Pt(3, 3)), nil)
	return c
}

// hold keeps a Mat until the benchmark's end.
func (c *chain) hold(b *testing.B, m gocv.Mat, err error) gocv.Mat {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	c.held = append(c.held, &m)
	return m
}

// scale is the grey values per grey level of 8 bits.
func (c *chain) scale() float64 { return float64(int(1) << (c.benchScene.frames[0].Depth - 8)) }

// whole makes a Mat of the frame's size and depth from a value per pixel.
func (c *chain) whole(b *testing.B, value func(x, y int) float64) gocv.Mat {
	m := c.hold(b, gocv.NewMatWithSize(frameHeight, frameWidth, c.frames[0].Type()), nil)
	for y := range frameHeight {
		for x := range frameWidth {
			v := min(value(x, y), 256*c.scale()-1)
			if c.scale() == 1 {
				m.SetUCharAt(y, x, uint8(v))
			} else {
				m.SetShortAt(y, x, int16(uint16(v)))
			}
		}
	}
	return m
}

// limit lays a die's limits out over the frame; what is no die has none.
func (c *chain) limit(b *testing.B, of []uint8, beside float64) gocv.Mat {
	return c.whole(b, func(x, y int) float64 {
		x, y = x%benchPitchX-benchMargin, y%benchPitchY-benchMargin
		if x < 0 || y < 0 || x >= benchWidth || y >= benchHeight {
			return c.scale() * beside
		}
		return c.scale() * float64(of[y*benchWidth+x])
	})
}

func (c *chain) dark8(x, y int) float64 { return c.scale() * float64(c.dark[y*frameWidth+x]) }

// usualChain is the chain that one writes first: every step over the whole frame,
// into a Mat of its own, as OpenCV's and gocv's tutorials have it. These are made
// anew for each frame and closed at its end, which is opencv-usual; with kept they
// stay from frame to frame, which spares the pages that the kernel clears for them
// and is opencv-usual-kept: kinder than plain use. The steps are the same.
type usualChain struct {
	*chain
	darkPlane, gainPlane, lo, hi, shift gocv.Mat
	kept                                *usualMats // nil: new ones for each frame
}

// usualMats are the results of the steps.
type usualMats struct {
	flat, even, moved, lit, inside, outside, opened gocv.Mat
	labels, stats, centroids                        gocv.Mat
}

func (m *usualMats) all() []*gocv.Mat {
	return []*gocv.Mat{&m.flat, &m.even, &m.moved, &m.lit, &m.inside, &m.outside, &m.opened, &m.labels, &m.stats, &m.centroids}
}

func newUsualMats() *usualMats {
	m := &usualMats{}
	for _, to := range m.all() {
		*to = gocv.NewMat()
	}
	return m
}

func (m *usualMats) close(b *testing.B) {
	for _, of := range m.all() {
		must(b, of.Close())
	}
}

func newUsual(b *testing.B, s *benchScene, kept bool) *usualChain {
	c := &usualChain{chain: newChain(b, s)}
	c.darkPlane = c.whole(b, func(x, y int) float64 { return c.dark8(x, y) + 0.5 })
	c.gainPlane = c.hold(b, gocv.NewMatWithSize(frameHeight, frameWidth, gocv.MatTypeCV32F), nil)
	gain, err := c.gainPlane.DataPtrFloat32()
	if err != nil {
		b.Fatal(err)
	}
	copy(gain, s.gain)
	c.lo, c.hi = c.limit(b, s.lo, 0), c.limit(b, s.hi, 255.99)
	if kept {
		c.kept = newUsualMats()
		b.Cleanup(func() { c.kept.close(b) })
	}
	c.shift = c.hold(b, gocv.NewMatWithSize(2, 3, gocv.MatTypeCV64F), nil)
	for n, v := range [6]float64{1, 0, s.dx, 0, 1, s.dy} {
		c.shift.SetDoubleAt(n/3, n%3, v)
	}
	return c
}

func (c *usualChain) inspect(b *testing.B, n int) int {
	const fromGolden = gocv.InterpolationLinear | gocv.WarpInverseMap
	m := c.kept
	if m == nil {
		m = newUsualMats()
		defer m.close(b)
	}
	must(b, gocv.Subtract(c.frames[n], c.darkPlane, &m.flat))
	must(b, gocv.MultiplyWithParams(m.flat, c.gainPlane, &m.even, 1, m.flat.Type()))
	must(b, gocv.WarpAffineWithParams(m.even, &m.moved, c.shift, image.Pt(frameWidth, frameHeight), fromGolden, gocv.BorderReplicate, color.RGBA{}))
	must(b, m.moved.ConvertToWithParams(&m.lit, m.moved.Type(), 1.002, -0.2)) // brightness
	must(b, gocv.InRange(m.lit, c.lo, c.hi, &m.inside))
	must(b, gocv.BitwiseNot(m.inside, &m.outside))
	must(b, gocv.MorphologyEx(m.outside, &m.opened, gocv.MorphOpen, c.kernel))
	return gocv.ConnectedComponentsWithStats(m.opened, &m.labels, &m.stats, &m.centroids) - 1
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}

// bestChain goes die by die in strips that stay in cache: gain by a multiplication
// in the image's own type, the shift by two weighted sums, the second with the
// brightness in it; labels only where something is outside.
type bestChain struct {
	*chain
	strips                    []strip
	dark, gainPlane           gocv.Mat // of the frame
	loPlane, hiPlane          gocv.Mat // of a die
	flat, even, across, moved gocv.Mat
	left, right, upper, lower gocv.Mat // parts of even and across
	inside, outside, opened   gocv.Mat
	u, v                      float64
}

// strip is one part of one die.
type strip struct {
	raw        []gocv.Mat // by frame; a pixel wider and higher
	dark, gain gocv.Mat
	lo, hi     gocv.Mat
}

func newBest(b *testing.B, s *benchScene) *bestChain {
	c := &bestChain{chain: newChain(b, s)}
	gainOne := 128.0
	if c.scale() > 1 {
		gainOne = 16384
	}
	c.dark = c.whole(b, func(x, y int) float64 { return c.dark8(x, y) + 0.5 })
	c.gainPlane = c.whole(b, func(x, y int) float64 { return gainOne*float64(s.gain[y*frameWidth+x]) + 0.5 })
	fx, fy := math.Floor(s.dx), math.Floor(s.dy)
	c.u, c.v = s.dx-fx, s.dy-fy
	lo, hi := c.limit(b, s.lo, 0), c.limit(b, s.hi, 255.99)
	for n := range benchDies {
		expected := s.rects[n].Min
		for y := 0; y < benchHeight; y += benchStrip {
			golden := image.Rect(0, y, benchWidth, y+benchStrip)
			part := golden.Add(expected).Add(image.Pt(int(fx), int(fy)))
			part.Max = part.Max.Add(image.Pt(1, 1))
			p := strip{dark: c.cut(b, c.dark, part), gain: c.cut(b, c.gainPlane, part),
				lo: c.cut(b, lo, golden.Add(s.rects[0].Min)), hi: c.cut(b, hi, golden.Add(s.rects[0].Min))}
			for _, m := range c.frames {
				p.raw = append(p.raw, c.cut(b, m, part))
			}
			c.strips = append(c.strips, p)
		}
	}
	t := c.frames[0].Type()
	c.flat = c.hold(b, gocv.NewMatWithSize(benchStrip+1, benchWidth+1, t), nil)
	c.even = c.hold(b, gocv.NewMatWithSize(benchStrip+1, benchWidth+1, t), nil)
	c.across = c.hold(b, gocv.NewMatWithSize(benchStrip+1, benchWidth, t), nil)
	c.left, c.right = c.cut(b, c.even, image.Rect(0, 0, benchWidth, benchStrip+1)), c.cut(b, c.even, image.Rect(1, 0, benchWidth+1, benchStrip+1))
	c.upper, c.lower = c.cut(b, c.across, image.Rect(0, 0, benchWidth, benchStrip)), c.cut(b, c.across, image.Rect(0, 1, benchWidth, benchStrip+1))
	for _, m := range []*gocv.Mat{&c.moved, &c.inside, &c.outside, &c.opened} {
		*m = c.hold(b, gocv.NewMatWithSize(benchStrip, benchWidth, t), nil)
	}
	return c
}

func (c *bestChain) cut(b *testing.B, m gocv.Mat, r image.Rectangle) gocv.Mat {
	return c.hold(b, m.Region(r), nil)
}

func (c *bestChain) inspect(b *testing.B, n int) int {
	found := 0
	scale := 1.0 / 128
	if c.scale() > 1 {
		scale = 1.0 / 16384
	}
	for k := range c.strips {
		p := &c.strips[k]
		must(b, gocv.Subtract(p.raw[n], p.dark, &c.flat))
		must(b, gocv.MultiplyWithParams(c.flat, p.gain, &c.even, scale, -1))
		must(b, gocv.AddWeighted(c.left, 1-c.u, c.right, c.u, 0, &c.across))
		must(b, gocv.AddWeighted(c.upper, 1-c.v, c.lower, c.v, 0, &c.moved)) // brightness would be in the weights
		must(b, gocv.InRange(c.moved, p.lo, p.hi, &c.inside))
		if gocv.CountNonZero(c.inside) == benchStrip*benchWidth {
			continue
		}
		must(b, gocv.BitwiseNot(c.inside, &c.outside))
		must(b, gocv.MorphologyEx(c.outside, &c.opened, gocv.MorphOpen, c.kernel))
		contours := gocv.FindContours(c.opened, gocv.RetrievalExternal, gocv.ChainApproxNone)
		found += contours.Size()
		contours.Close()
	}
	return found
}
