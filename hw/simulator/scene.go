package simulator

import (
	"image"
	"iter"
	"math"

	"kensa/hw/camera"
	"kensa/hw/simulator/die"
	"kensa/hw/simulator/flaw"
	"kensa/hw/simulator/optics"
)

// Scene makes the pictures of a tool, without its handshake. It is used from one
// goroutine.
type Scene struct {
	options Options
	grid    *grid
	design  *die.Design
	pair    optics.Pair // of a die without flaws; developed for the first field
	placer  *flaw.Placer
	camera  *optics.Camera
	canvas  *optics.Canvas
	before  []uint16 // scratch for measuring flaws
}

// NewScene draws the product. The error names the option that makes no sense.
func NewScene(o Options) (*Scene, error) {
	g, err := o.Program.grid()
	if err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	design, err := die.New(o.Layout, g.width, g.height)
	if err != nil {
		return nil, err
	}
	o.Sensor.Depth = o.Depth
	cam, err := optics.NewCamera(o.Program.Width, o.Program.Height, o.Sensor)
	if err != nil {
		return nil, err
	}
	return &Scene{options: o, grid: g, design: design, placer: flaw.NewPlacer(design), camera: cam,
		canvas: optics.NewCanvas(o.Program.Width, o.Program.Height)}, nil
}

// cell is a die with its half of the streets around, in the die's pixels.
func (s *Scene) cell() image.Rectangle {
	gapX := s.grid.pitchX/s.options.Program.PixelSize - float64(s.grid.width)
	gapY := s.grid.pitchY/s.options.Program.PixelSize - float64(s.grid.height)
	x, y := int(math.Ceil(max(gapX, 0)/2)), int(math.Ceil(max(gapY, 0)/2))
	return image.Rect(-x, -y, s.grid.width+x, s.grid.height+y)
}

// plates develops a part of the die, with a flaw if there is one.
func (s *Scene) plates(r image.Rectangle, f *flaw.Flaw) optics.Pair {
	develop := func(bias float64) *optics.Plate {
		raster := s.design.Raster(r.Inset(-optics.Margin), bias)
		greys := &die.Grey
		if f != nil {
			f.Carve(raster)
			greys = f.Greys()
		}
		return optics.NewPlate(raster, greys)
	}
	return optics.Pair{Narrow: develop(-flaw.Bias), Wide: develop(flaw.Bias)}
}

// FrameBytes is the size of a frame in memory.
func (s *Scene) FrameBytes() int {
	return s.options.Program.Width * s.options.Program.Height * s.camera.BytesPerPixel()
}

// format is how the frames lie in memory.
func (s *Scene) format() camera.Format {
	p := &s.options.Program
	return camera.Format{Width: p.Width, Height: p.Height, Stride: p.Width * s.camera.BytesPerPixel(), Depth: s.options.Depth}
}

// exposure is one picture that is to be taken.
type exposure struct {
	wafer *wafer
	field int
	// second tells a picture of the same field apart that is taken while the stage
	// moves on, so far in pixels.
	second bool
	moved  float64
}

// render exposes a field into pix and returns what it really shows.
func (s *Scene) render(e exposure, pix []byte) (Field, []Defect) {
	stop := &s.options.Program.Stops[e.field]
	shift := s.shift(e.wafer, e.field)
	shift.DX += e.moved
	f := Field{Number: e.field, X: stop.X, Y: stop.Y, Shift: shift}
	f.Lamp = e.wafer.lamp * math.Pow(1-s.options.Drift.PerField, float64(e.field))
	defects := s.draw(e.wafer, stop, f)
	take := 0
	if e.second {
		take = 1
	}
	noise := stream(s.options.Seed, forNoise, e.wafer.lot, e.wafer.slot, e.field, take)
	s.camera.Expose(s.canvas, f.Lamp, noise, pix)
	return f, defects
}

// draw paints a stop's field on the canvas.
func (s *Scene) draw(w *wafer, stop *Stop, f Field) []Defect {
	p := &s.options.Program
	if s.pair.Wide == nil {
		s.pair = s.plates(s.cell().Inset(-2), nil)
	}
	s.canvas.Clear()
	mine := map[Index]bool{}
	for _, d := range stop.Dies {
		mine[Index{d.Column, d.Row}] = true
	}
	var defects []Defect
	for _, i := range s.grid.around(p, *stop) {
		pose := s.pose(w, stop, f.Shift, i)
		cell := s.footprint(&pose)
		if cell.Empty() || !s.onWafer(i) {
			continue
		}
		s.canvas.Draw(s.pair, &pose, cell)
		for _, d := range w.flaws[i] {
			seen, ok := s.drawFlaw(d, &pose, cell)
			if ok && mine[i] {
				seen.Field, seen.Die = f.Number, i
				x, y := unturn(seen.CX-float64(p.Width)/2-f.Shift.DX, seen.CY-float64(p.Height)/2-f.Shift.DY, f.Shift.Angle)
				seen.X, seen.Y = stop.X+x*p.PixelSize, stop.Y-y*p.PixelSize
				defects = append(defects, seen)
			}
		}
	}
	x, y := turn(-stop.X/p.PixelSize, stop.Y/p.PixelSize, f.Shift.Angle)
	s.canvas.Edge(x+float64(p.Width)/2+f.Shift.DX, y+float64(p.Height)/2+f.Shift.DY, p.Radius/p.PixelSize)
	return defects
}

// turn rotates from the x to the y axis.
func turn(x, y, angle float64) (float64, float64) {
	sin, cos := math.Sincos(angle)
	return cos*x - sin*y, sin*x + cos*y
}

func unturn(x, y, angle float64) (float64, float64) { return turn(x, y, -angle) }

// pose is how a die lies before the camera.
func (s *Scene) pose(w *wafer, stop *Stop, shift Shift, i Index) optics.Pose {
	p := &s.options.Program
	x, y := s.grid.center(i)
	dx, dy := turn((x-stop.X)/p.PixelSize, (stop.Y-y)/p.PixelSize, shift.Angle)
	l := s.look(w, i)
	return optics.Pose{
		X: float64(p.Width)/2 + dx + shift.DX, Y: float64(p.Height)/2 + dy + shift.DY, Angle: shift.Angle,
		Width: s.grid.width, Height: s.grid.height,
		Bias: l.bias, Gain: l.gain, WanderX: l.wanderX, WanderY: l.wanderY,
	}
}

// footprint is the part of the frame that a die's cell covers; those of
// neighbours meet without a gap.
func (s *Scene) footprint(pose *optics.Pose) image.Rectangle {
	halfX := s.grid.pitchX / s.options.Program.PixelSize / 2
	halfY := s.grid.pitchY / s.options.Program.PixelSize / 2
	round := func(v float64) int { return int(math.Floor(v + 0.5)) }
	r := image.Rect(round(pose.X-halfX), round(pose.Y-halfY), round(pose.X+halfX), round(pose.Y+halfY))
	return r.Intersect(s.canvas.Bounds())
}

// onWafer tells whether any of a die's cell lies on the wafer.
func (s *Scene) onWafer(i Index) bool {
	x, y := s.grid.center(i)
	x, y = max(math.Abs(x)-s.grid.pitchX/2, 0), max(math.Abs(y)-s.grid.pitchY/2, 0)
	return math.Hypot(x, y) < s.options.Program.Radius
}

// reach is how far the lens carries a flaw beyond its box, in pixels.
const reach = 4

// drawFlaw draws a flaw within a part of the frame and measures what it changes.
func (s *Scene) drawFlaw(d *drawn, pose *optics.Pose, part image.Rectangle) (Defect, bool) {
	part = pose.Footprint(d.Box.Inset(-reach)).Inset(-1).Intersect(part)
	if part.Empty() {
		return Defect{}, false
	}
	c := change{canvas: s.canvas, x0: part.Min.X, y0: part.Min.Y, w: part.Dx(), h: part.Dy(), before: s.keep(part)}
	if d.Class.Patterned() {
		if d.patch == nil {
			pair := s.plates(d.Box.Inset(-reach-2), d.Flaw)
			d.patch = &pair
		}
		s.canvas.Draw(*d.patch, pose, part)
	} else {
		s.canvas.Cover(pose, part, d.Grey, d.Cover)
	}
	if !c.measure() {
		return Defect{}, false
	}
	return Defect{Class: d.Class, Box: c.box, CX: c.cx, CY: c.cy, Area: c.area,
		Size: d.Size * s.options.Program.PixelSize, Contrast: c.peak}, true
}

// keep copies a part of the canvas; the copy is good until the next call.
func (s *Scene) keep(r image.Rectangle) []uint16 {
	s.before = s.before[:0]
	for y := r.Min.Y; y < r.Max.Y; y++ {
		s.before = append(s.before, s.canvas.Pix[y*s.canvas.Width+r.Min.X:y*s.canvas.Width+r.Max.X]...)
	}
	return s.before
}

// wafers makes the wafers of all lots in their order. An error ends them.
func (s *Scene) wafers() iter.Seq2[*wafer, error] {
	return func(yield func(*wafer, error) bool) {
		number := 0
		for lot := 1; s.options.Lots == 0 || lot <= s.options.Lots; lot++ {
			for slot := 1; slot <= s.options.WafersPerLot; slot++ {
				if number++; s.options.Wafers > 0 && number > s.options.Wafers {
					return
				}
				w := s.newWafer(number, lot, slot)
				err := s.spoil(w)
				if !yield(w, err) || err != nil {
					return
				}
			}
		}
	}
}
