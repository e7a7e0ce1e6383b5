package appliance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"kensa/calibration/product"
	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/hw/camera"
	"kensa/hw/camera/freerun"
	"kensa/hw/camera/replay"
	"kensa/hw/camera/v4l2"
	"kensa/hw/handler"
	"kensa/hw/handshake"
	"kensa/hw/simulator"
	"kensa/vision/frame"
	"kensa/vision/wafer"
)

// ErrSource means that frames cannot come from where the configuration says.
var ErrSource = errors.New("source cannot be used")

// Tool is what stands beside the appliance: it brings wafers and answers on the
// lines. A tool in this process also runs.
type Tool interface {
	handler.Handler
	Camera() camera.Camera
	Lines() handshake.Lines
	// Run brings wafers until there are no more or the context ends.
	Run(ctx context.Context) error
	Close() error
}

// openTool makes the tool.
func (a *Appliance) openTool(plan *wafer.Plan) (err error) {
	make := a.options.Tool
	if make == nil {
		make = a.configuredTool
	}
	if a.tool, err = make(plan); err != nil {
		return fmt.Errorf("%w: %w", ErrSource, err)
	}
	a.onClose(a.tool.Close)
	return nil
}

// configuredTool is the tool that the configuration names.
func (a *Appliance) configuredTool(plan *wafer.Plan) (Tool, error) {
	if folder, ok := a.config.Source.Replay(); ok {
		return replay.New(replay.Options{
			Folder: folder, Decode: decode, Unreadable: a.unreadable, Pace: pace(a.config.Simulator.Pace),
		})
	}
	if _, real := a.config.Source.Device(); real {
		return a.realCamera(plan)
	}
	options, err := SimulatorOptions(a.config.Simulator, plan)
	if err != nil {
		return nil, err
	}
	return simulator.New(options)
}

// realCamera is a real camera, with the tool that its lines lead to; without lines
// it stands alone.
func (a *Appliance) realCamera(plan *wafer.Plan) (Tool, error) {
	source, err := v4l2.New(a.config.V4L2(plan.Width, plan.Height))
	if err != nil {
		return nil, err
	}
	if a.config.Lines.WaferPresent.Wired() {
		return a.openReal(source)
	}
	fields := a.config.Camera.Fields
	if !plan.Open() {
		fields = len(plan.Fields)
	}
	return freerun.New(source, fields, "FREE-"+time.Now().UTC().Format("20060102-150405"))
}

// unreadable tells of a recorded file that is no image; its field goes on to be
// recorded as not inspected.
func (a *Appliance) unreadable(path string, err error) {
	a.log.Error("frame not read", "file", path, "error", err)
	a.alarms.Raise(alarm.BadFrame, err.Error())
}

// decode reads a recorded frame.
func decode(path string) (camera.Frame, error) {
	m, err := frame.Load(path)
	if err != nil {
		return camera.Frame{}, err
	}
	return camera.Frame{Format: camera.Format{Width: m.Width, Height: m.Height, Stride: m.Stride, Depth: m.Depth}, Pix: m.Pix, Source: path}, nil
}

func pace(name string) handshake.Pace {
	if name == "max" {
		return handshake.Unlimited
	}
	return 1
}

// SimulatorOptions are the simulated tool's options for a plan.
func SimulatorOptions(c config.Simulator, plan *wafer.Plan) (simulator.Options, error) {
	if plan.Open() {
		return simulator.Options{}, fmt.Errorf("recipe: layout.kind %q; the simulated tool needs %q", plan.Layout.Kind, wafer.DieGrid)
	}
	o := simulator.Defaults(product.Program(plan))
	o.Layout, o.Seed, o.Pace = c.Product, c.Seed, pace(c.Pace)
	o.Lots, o.WafersPerLot, o.Wafers = c.Lots, c.Wafers, c.Stop
	o.Timeout = 0 // an operator may pause for as long as he likes
	o.Defects.PerDie = c.Defects
	o.Faults.Rates = map[simulator.FaultKind]float64{}
	for _, kind := range []simulator.FaultKind{simulator.MissedPulse, simulator.DroppedFrame, simulator.LateFrame} {
		o.Faults.Rates[kind] = c.FaultRate
	}
	o.Stage.Angle = c.Turn * math.Pi / 180
	o.Drift.PerWafer, o.Defects.Signature = c.LightDrift, simulator.Signature(c.Signature)
	for _, text := range c.Faults {
		fault, err := parseFault(text)
		if err != nil {
			return o, err
		}
		o.Faults.Given = append(o.Faults.Given, fault)
	}
	for _, lot := range c.Excursions {
		o.Excursions = append(o.Excursions, simulator.Excursion{Lot: lot, Factor: excursionFactor})
	}
	return o, nil
}

// parseFault reads KIND@WAFER:FIELD, both counted from 1.
func parseFault(text string) (f simulator.Fault, err error) {
	kind, place, _ := strings.Cut(text, "@")
	wafer, field, _ := strings.Cut(place, ":")
	if f.Wafer, err = strconv.Atoi(wafer); err == nil {
		f.Field, err = strconv.Atoi(field)
	}
	if err != nil || f.Wafer < 1 || f.Field < 1 {
		return f, fmt.Errorf("simulator.faults: %q; want KIND@WAFER:FIELD, counted from 1, such as camera-gone@2:15", text)
	}
	f.Kind, f.Field = simulator.FaultKind(kind), f.Field-1
	return f, nil
}

// excursionFactor makes the yield of an excursion's lots fall well below that of
// the others.
const excursionFactor = 4
