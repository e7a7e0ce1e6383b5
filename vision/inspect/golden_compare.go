package inspect

import (
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"math"
	"math/bits"

	"gocv.io/x/gocv"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/golden"
	"kensa/vision/register"
)

// comparator compares dies with a golden's limits, pixel by pixel, with OpenCV.
// Its Mats live until Close and are reused from die to die.
type comparator struct {
	width, height int
	limits        golden.Planes
	mean, sigma   []float32
	lo, hi        gocv.Mat
	across, down  gocv.Mat // distance of each pixel from the die's middle, float32
	part          gocv.Mat // the raw die, a pixel wider and higher than the golden
	shift         gocv.Mat // 2×3, for warpAffine
	moved         gocv.Mat
	gain          gocv.Mat
	bright        gocv.Mat
	matched       gocv.Mat // the die in the golden's place and light, 8 bits
	inside        gocv.Mat // 255 where within the limits
	runs          []defect.Run
}

func newComparator(g *golden.Golden, l golden.Limits) (*comparator, error) {
	c := &comparator{
		width: g.Width, height: g.Height, limits: g.Planes(l), mean: g.Mean(), sigma: g.Sigma(),
		lo:     gocv.NewMatWithSize(g.Height, g.Width, gocv.MatTypeCV8U),
		hi:     gocv.NewMatWithSize(g.Height, g.Width, gocv.MatTypeCV8U),
		across: gocv.NewMatWithSize(g.Height, g.Width, gocv.MatTypeCV32F),
		down:   gocv.NewMatWithSize(g.Height, g.Width, gocv.MatTypeCV32F),
		part:   gocv.NewMatWithSize(g.Height+1, g.Width+1, gocv.MatTypeCV8U),
		shift:  gocv.NewMatWithSize(2, 3, gocv.MatTypeCV64F),
		moved:  gocv.NewMat(), gain: gocv.NewMat(), bright: gocv.NewMat(), matched: gocv.NewMat(), inside: gocv.NewMat(),
	}
	if err := c.fill(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// fill copies the limits and the distances into their Mats.
func (c *comparator) fill() error {
	lo, errLo := c.lo.DataPtrUint8()
	hi, errHi := c.hi.DataPtrUint8()
	across, errAcross := c.across.DataPtrFloat32()
	down, errDown := c.down.DataPtrFloat32()
	if err := errors.Join(errLo, errHi, errAcross, errDown); err != nil {
		return err
	}
	copy(lo, c.limits.Lo)
	copy(hi, c.limits.Hi)
	for n := range across {
		across[n] = float32(n%c.width) - float32(c.width)/2
		down[n] = float32(n/c.width) - float32(c.height)/2
	}
	return nil
}

// Close frees the Mats.
func (c *comparator) Close() error {
	var errs []error
	for _, m := range []*gocv.Mat{&c.lo, &c.hi, &c.across, &c.down, &c.part, &c.shift, &c.moved, &c.gain, &c.bright, &c.matched, &c.inside} {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// compare finds the runs of pixels beyond the limits, in the golden's pixels,
// of the die that lies in the image at corner + (m.DX, m.DY); it must lie
// wholly inside. It also returns the die in the golden's place and light, by
// rows. Both are valid until the next call.
func (c *comparator) compare(img frame.Image, corner image.Point, m register.Match) ([]defect.Run, []uint8, error) {
	fx, fy := math.Floor(m.DX), math.Floor(m.DY)
	if err := c.load(img, corner.Add(image.Pt(int(fx), int(fy)))); err != nil {
		return nil, nil, err
	}
	if err := c.match(m.DX-fx, m.DY-fy, m.Light); err != nil {
		return nil, nil, err
	}
	inside, errInside := c.inside.DataPtrUint8()
	matched, errMatched := c.matched.DataPtrUint8()
	if err := errors.Join(errInside, errMatched); err != nil {
		return nil, nil, err
	}
	c.runs = c.runs[:0]
	for y := range c.height {
		c.scan(inside[y*c.width:(y+1)*c.width], matched, y)
	}
	return c.runs, matched, nil
}

// load copies the raw die, the upper 8 bits of deeper frames. Outside the frame
// its border is repeated: that pixel has no weight when the die lies inside.
func (c *comparator) load(img frame.Image, corner image.Point) error {
	part, err := c.part.DataPtrUint8()
	if err != nil {
		return err
	}
	shift := img.Depth - 8
	for y := range c.height + 1 {
		to := part[y*(c.width+1) : (y+1)*(c.width+1)]
		from := img.Row(min(corner.Y+y, img.Height-1))
		for x := range to {
			at := min(corner.X+x, img.Width-1)
			if shift == 0 {
				to[x] = from[at]
				continue
			}
			to[x] = uint8((uint16(from[2*at]) | uint16(from[2*at+1])<<8) >> shift)
		}
	}
	return nil
}

// match shifts the die by a fraction of a pixel, brings its light to the
// golden's and compares it with the limits.
func (c *comparator) match(u, v float64, l register.Light) error {
	for n, value := range [6]float64{1, 0, u, 0, 1, v} {
		c.shift.SetDoubleAt(n/3, n%3, value)
	}
	const fromGolden = gocv.InterpolationLinear | gocv.WarpInverseMap
	return errors.Join(
		gocv.WarpAffineWithParams(c.part, &c.moved, c.shift, image.Pt(c.width, c.height), fromGolden, gocv.BorderReplicate, color.RGBA{}),
		gocv.AddWeighted(c.across, l.GainX, c.down, l.GainY, l.Gain, &c.gain),
		gocv.MultiplyWithParams(c.moved, c.gain, &c.bright, 1, gocv.MatTypeCV32F),
		c.bright.ConvertToWithParams(&c.matched, gocv.MatTypeCV8U, 1, float32(l.Offset)),
		gocv.InRange(c.matched, c.lo, c.hi, &c.inside),
	)
}

// scan appends the runs of one row.
func (c *comparator) scan(inside, matched []uint8, y int) {
	for x := nextOutside(inside, 0); x < len(inside); x = nextOutside(inside, x) {
		r := defect.Run{Y: y, X0: x}
		for ; x < len(inside) && inside[x] == 0; x++ {
			n := y*c.width + x
			excess := int64(c.limits.Lo[n]) - int64(matched[n])
			if excess < 0 {
				excess = int64(matched[n]) - int64(c.limits.Hi[n])
				r.Bright++
			}
			r.Weight += excess
			r.MomentX += excess * int64(x-r.X0)
			r.Peak = max(r.Peak, float32(math.Abs(float64(matched[n])-float64(c.mean[n])))/c.sigma[n])
		}
		r.X1 = x
		c.runs = append(c.runs, r)
	}
}

// nextOutside is the first pixel at or after x that is beyond its limits; the
// row's length where there is none. It looks at eight pixels at a time.
func nextOutside(inside []uint8, x int) int {
	for ; x+8 <= len(inside); x += 8 {
		word := binary.LittleEndian.Uint64(inside[x:])
		if word != math.MaxUint64 {
			return x + bits.TrailingZeros64(^word)/8
		}
	}
	for x < len(inside) && inside[x] != 0 {
		x++
	}
	return x
}
