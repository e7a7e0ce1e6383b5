package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"kensa/firmware/appliance"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/hw/simulator"
	"kensa/vision/wafer"
)

type simulateCommand struct {
	Line   simulateLine   `cmd:"" default:"withargs" help:"Run the tool, the appliance, a broker, the display and the warning service. This is what simulate does unless told otherwise."`
	Frames simulateFrames `cmd:"" help:"Write the simulated tool's frames, with the truth about them, into a folder."`
}

// simulated are the settings of the simulated tool that both commands share.
type simulated struct {
	Product    string   `enum:"memory,logic,power,sensor" default:"logic" help:"The die that is drawn: memory, logic, power or sensor."`
	Seed       uint64   `default:"1" help:"The same seed makes the same wafers."`
	Defects    float64  `default:"0.09" help:"Mean number of defects on a die."`
	Excursion  []int    `help:"Lots, counted from 1, whose yield falls."`
	Signature  string   `help:"Pattern of additional defects on every wafer: random, edge-ring, edge-local, centre, donut, cluster or line."`
	Fault      []string `placeholder:"KIND@WAFER:FIELD" help:"A fault of the hardware: missed-pulse, doubled-pulse, dropped-frame, late-frame, extra-frame, truncated-frame or camera-gone; wafer and field count from 1."`
	LightDrift float64  `help:"Part of its light that the lamp loses with each wafer."`
	FaultRate  float64  `help:"Chance, 0 to 1, that a field suffers a fault: a lost pulse, a lost or late frame."`
	LotSize    int      `default:"25" help:"Wafers in a lot."`
}

func (s simulated) configure(c *config.Simulator) {
	c.Product, c.Seed, c.Defects = s.Product, s.Seed, s.Defects
	c.Excursions, c.FaultRate, c.Wafers = s.Excursion, s.FaultRate, s.LotSize
	c.Signature, c.Faults, c.LightDrift = s.Signature, s.Fault, s.LightDrift
}

// simulateLine is the whole line on one machine.
type simulateLine struct {
	simulated
	State    string     `short:"s" default:"var" help:"State folder."`
	Fresh    bool       `help:"Begin with an empty database and warning service."`
	Wafers   int        `help:"Stop after so many wafers and print a summary; 0 runs until stopped."`
	Pace     string     `enum:"tool,max" default:"tool" help:"tool: a true tool's pace; max: as fast as the inspection allows."`
	Display  string     `default:"127.0.0.1:8080" help:"Address of the operator display."`
	Warnings string     `default:"127.0.0.1:8090" help:"Address of the warning service's page."`
	Broker   string     `default:"127.0.0.1:1883" help:"Address of the embedded broker."`
	Log      slog.Level `default:"warn" placeholder:"LEVEL" help:"Least level that is logged: debug, info, warn or error."`

	summary summary
}

// Run starts everything, waits for the last wafer or a signal, and takes
// everything down in an order that loses nothing: the tool, the station, the
// ledger's last acknowledgement, the warning service, the broker.
func (s *simulateLine) Run(c console) (err error) {
	if s.Fresh {
		if err := s.clear(); err != nil {
			return err
		}
	}
	loaded := s.config()
	if err := loaded.Check(); err != nil {
		return fail(exitUsage, err, "")
	}
	fmt.Fprintln(c.out, "starting; the first start in a state folder learns the product's golden die, which takes some seconds")
	box, err := appliance.New(c, appliance.Options{Config: loaded, Log: logger(c.err, s.Log), WaferClosed: s.closed(c)})
	if err != nil {
		return explain(err)
	}
	defer func() { err = errors.Join(err, box.Close()) }()
	service, err := startWarning(c, s, loaded)
	if err != nil {
		return explain(err)
	}
	defer func() { err = errors.Join(err, service.stop()) }()
	fmt.Fprintf(c.out, "operator display   %s\nwarning service    http://%s\n", box.DisplayURL(), s.Warnings)
	if err := box.Run(c); err != nil {
		return explain(err)
	}
	return s.conclude(c, service)
}

func (s *simulateLine) config() config.Config {
	c := config.Default()
	s.configure(&c.Simulator)
	c.Simulator.Stop, c.Simulator.Pace = s.Wafers, s.Pace
	c.Storage.State = s.State
	c.Display.Listen = s.Display
	c.MQTT.Brokers = []string{"tcp://" + s.Broker}
	return c
}

// clear removes what an earlier simulation left, and nothing else.
func (s *simulateLine) clear() error {
	for _, pattern := range []string{appliance.DatabaseName + "*", warningFolder + "/*.db*"} {
		files, err := filepath.Glob(filepath.Join(s.State, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *simulateLine) closed(c console) func(*record.Wafer) {
	return func(w *record.Wafer) {
		fmt.Fprintln(c.out, waferLine(w))
		s.summary.add(w)
	}
}

// simulateFrames writes frames for training and replaying.
type simulateFrames struct {
	simulated
	Recipe string `help:"Recipe whose layout is drawn; default: the demo's."`
	Out    string `required:"" help:"Folder for the frames: OUT/LOT/SUBSTRATE/field-000.png, and truth.json beside them."`
	Wafers int    `default:"1" help:"How many wafers."`
	Good   bool   `help:"Without defects, for training."`
}

// Run writes the frames.
func (f *simulateFrames) Run(c console) error {
	recipe := config.DefaultRecipe()
	if f.Recipe != "" {
		var err error
		if recipe, err = config.LoadRecipe(f.Recipe); err != nil {
			return fail(exitUsage, err, "")
		}
	}
	plan, err := wafer.NewPlan(recipe.Layout, recipe.Frame.Width, recipe.Frame.Height)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	settings := config.Default().Simulator
	f.configure(&settings)
	settings.Stop, settings.Lots = f.Wafers, (f.Wafers+f.LotSize-1)/f.LotSize
	options, err := appliance.SimulatorOptions(settings, plan)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	if f.Good {
		options.Defects.PerDie, options.Defects.SignatureRate = 0, 0
	}
	scene, err := simulator.NewScene(options)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	return scene.WriteFrames(c, f.Out, func(t simulator.Truth) {
		fmt.Fprintf(c.out, "%s: %d frames, %d defects\n", filepath.Join(f.Out, t.Lot, t.Substrate), len(t.Fields), len(t.Defects))
	})
}
