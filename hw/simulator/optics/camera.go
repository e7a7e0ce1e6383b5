package optics

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// Dust is a spot on the sensor's window: it stays at its camera pixel whatever
// lies under it.
type Dust struct {
	X, Y   float64 // pixels
	Radius float64 // pixels, to half depth
	Depth  float64 // part of the light that is lost in the middle, 0 to 1
}

// Sensor is how the camera sees a canvas.
type Sensor struct {
	Depth int // bits: 8, 10, 12 or 16
	// ReadNoise in 8-bit grey levels, one standard deviation.
	ReadNoise float64
	// ShotNoise is the variance, in squared 8-bit grey levels, that each grey
	// level of signal adds.
	ShotNoise float64
	// Vignetting is the part of the light that is lost in the frame's corners.
	Vignetting float64
	// Tilt is how much the light differs from the left edge to the right and, by
	// half as much, from the upper to the lower.
	Tilt float64
	// Response is by how much the pixels' gains differ, one relative standard
	// deviation: the same pattern in every sensor and exposure.
	Response float64
	// Pedestal is the grey level that every pixel has in the dark.
	Pedestal float64
	Dust     []Dust
}

// Camera exposes canvases of one size. It is used from one goroutine.
type Camera struct {
	sensor Sensor
	width  int
	flat   []uint16 // 4096 is 1
	sigma  [256]int32
	scale  int64   // from One to the output's grey values, 16 fractional bits
	line   []int32 // one row while it is exposed
}

// NewCamera works out the light over the frame. It refuses a depth that cameras
// do not have and values outside 0 to 1.
func NewCamera(width, height int, s Sensor) (*Camera, error) {
	if s.Depth != 8 && s.Depth != 10 && s.Depth != 12 && s.Depth != 16 {
		return nil, fmt.Errorf("optics: depth %d bits; want 8, 10, 12 or 16", s.Depth)
	}
	if !within(s.Vignetting, 0, 0.9) || !within(s.Tilt, -0.9, 0.9) || !within(s.ReadNoise, 0, 64) || !within(s.ShotNoise, 0, 16) {
		return nil, fmt.Errorf("optics: vignetting %v, tilt %v, read noise %v, shot noise %v; want 0–0.9, ±0.9, 0–64, 0–16",
			s.Vignetting, s.Tilt, s.ReadNoise, s.ShotNoise)
	}
	if !within(s.Response, 0, 0.1) || !within(s.Pedestal, 0, 32) {
		return nil, fmt.Errorf("optics: response %v, pedestal %v; want 0–0.1, 0–32", s.Response, s.Pedestal)
	}
	c := &Camera{sensor: s, width: width, flat: make([]uint16, width*height), line: make([]int32, width)}
	response := rand.New(rand.NewPCG(1, 1))
	for y := range height {
		for x := range width {
			light := s.light(x, y, width, height)
			if s.Response > 0 {
				light *= 1 + s.Response*max(-4, min(4, response.NormFloat64()))
			}
			c.flat[y*width+x] = uint16(math.Round(4096 * light))
		}
	}
	for _, d := range s.Dust {
		c.spot(d, height)
	}
	for v := range c.sigma {
		c.sigma[v] = int32(math.Round(One * math.Sqrt(s.ReadNoise*s.ReadNoise+s.ShotNoise*float64(v))))
	}
	c.scale = int64(math.Round(float64(int64(1)<<s.Depth-1) / (255 * One) * 65536))
	return c, nil
}

func within(v, low, high float64) bool { return v >= low && v <= high }

// light is the illumination at a pixel; it is 1 in the middle of an even field.
func (s *Sensor) light(x, y, width, height int) float64 {
	u := (float64(x)+0.5)/float64(width)*2 - 1
	v := (float64(y)+0.5)/float64(height)*2 - 1
	r2 := (u*u + v*v) / 2
	return (1 - s.Vignetting*r2) * (1 + s.Tilt/2*u + s.Tilt/4*v)
}

func (c *Camera) spot(d Dust, height int) {
	reach := int(3*d.Radius) + 1
	for y := max(int(d.Y)-reach, 0); y < min(int(d.Y)+reach+1, height); y++ {
		for x := max(int(d.X)-reach, 0); x < min(int(d.X)+reach+1, c.width); x++ {
			r2 := (math.Pow(float64(x)+0.5-d.X, 2) + math.Pow(float64(y)+0.5-d.Y, 2)) / (d.Radius * d.Radius)
			// 2^(−r⁴): flat in the middle, half at the radius, as a shadow out of focus is.
			shade := 1 - d.Depth*math.Exp2(-r2*r2)
			c.flat[y*c.width+x] = uint16(float64(c.flat[y*c.width+x]) * shade)
		}
	}
}

// Correction is what undoes the sensor at each pixel, by rows: (grey − dark) ×
// gain is what an even sensor in even light gives. Dust is left as it is.
func (c *Camera) Correction() (dark, gain []float32) {
	clean := c.sensor
	clean.Dust = nil
	even, err := NewCamera(c.width, len(c.flat)/c.width, clean)
	if err != nil { // the same values were accepted before
		return nil, nil
	}
	dark, gain = make([]float32, len(c.flat)), make([]float32, len(c.flat))
	for n, f := range even.flat {
		dark[n], gain[n] = float32(c.sensor.Pedestal), 4096/float32(f)
	}
	return dark, gain
}

// BytesPerPixel is 1 for 8 bits, else 2.
func (c *Camera) BytesPerPixel() int {
	if c.sensor.Depth == 8 {
		return 1
	}
	return 2
}

// Expose writes the picture of a canvas to out, rows without padding, 16-bit
// values little-endian. lamp is the light's strength, 1 being nominal.
func (c *Camera) Expose(from *Canvas, lamp float64, random *rand.Rand, out []byte) {
	noise := &tables().noise
	strength := int32(math.Round(4096 * max(0, min(4, lamp))))
	line := c.line
	for y := range from.Height {
		at := y * c.width
		offset := random.IntN(noiseSize - c.width)
		c.row(line, from.Pix[at:at+c.width], c.flat[at:at+c.width], noise[offset:offset+c.width], strength)
		if c.sensor.Depth == 8 {
			c.write8(out[at:at+c.width], line)
		} else {
			c.write16(out[2*at:2*(at+c.width)], line)
		}
	}
}

// row adds light and noise; its results are within the sensor's range.
func (c *Camera) row(line []int32, pix, flat []uint16, noise []int16, lamp int32) {
	pix, flat, noise = pix[:len(line)], flat[:len(line)], noise[:len(line)]
	pedestal := int32(math.Round(One * c.sensor.Pedestal))
	const top = 255 * One
	for i := range line {
		v := min(int32(pix[i])*int32(flat[i])>>12*lamp>>12+pedestal, top)
		v += (int32(noise[i])*c.sigma[v/One] + noiseOne/2) >> 10
		line[i] = max(0, min(v, top))
	}
}

func (c *Camera) write8(out []byte, line []int32) {
	for i, v := range line {
		out[i] = byte((v + One/2) / One)
	}
}

func (c *Camera) write16(out []byte, line []int32) {
	for i, v := range line {
		binary.LittleEndian.PutUint16(out[2*i:], uint16((int64(v)*c.scale+32768)>>16))
	}
}
