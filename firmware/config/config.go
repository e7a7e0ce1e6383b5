// Package config reads the appliance's configuration (kensa.toml) and its
// recipes. Both are strict: a key that is not in the structs here is an error
// that names it, and so is a value out of its range.
//
// The comments of the structs' fields are the manual; the example files shipped
// beside this package, kensa.toml and recipe.toml, are made from them and from
// the defaults, and a test keeps them equal.
package config

import (
	_ "embed"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/firmware/station"
	"kensa/hw/thread"
)

// Example is a kensa.toml with every key, its default and its meaning.
//
//go:embed kensa.toml
var Example []byte

// Config is the appliance's configuration.
type Config struct {
	// Who this appliance is. The names appear in MQTT topics.
	Station Identity `toml:"station"`
	// Where results are kept.
	Storage Storage `toml:"storage"`
	// Where pulses and frames come from.
	Source Source `toml:"source"`
	// What to inspect.
	Recipe RecipeFile `toml:"recipe"`
	// The simulated tool; it matters only where source.camera is "simulated".
	Simulator Simulator `toml:"simulator"`
	// A real camera; it matters only where source.camera is "v4l2:DEVICE".
	Camera Camera `toml:"camera"`
	// The lines to a real tool; they matter only where the source is a real camera.
	Lines Lines `toml:"lines"`
	// How a real camera is exposed.
	Trigger Trigger `toml:"trigger"`
	// The threads that follow the trigger line and the camera: a busy box is late
	// without them. Needs CAP_SYS_NICE.
	Realtime thread.Settings `toml:"realtime"`
	// The illumination.
	Light Light `toml:"light"`
	// The signal tower.
	Tower Tower `toml:"tower"`
	// The surroundings of the optics.
	Environment Environment `toml:"environment"`
	// The work cycle: pairing of pulses with frames, and the queue.
	Cycle station.Config `toml:"cycle"`
	// The operator display.
	Display Display `toml:"display"`
	// The MQTT connection. Without brokers it is switched off, and results are
	// kept until there are some.
	MQTT MQTT `toml:"mqtt"`
	// The MES plane: Sparkplug B 3.0.
	MES MES `toml:"mes"`
	// The unified namespace: the MES plane's values once more, as plain JSON under
	// ISA-95 topics.
	UNS UNS `toml:"uns"`
	// The early-warning plane: what the supply-chain service gets to know.
	Ledger Ledger `toml:"ledger"`
	// The field engineer's calibration.
	Calibration Calibration `toml:"calibration"`
}

// Identity names the appliance and its place.
type Identity struct {
	// Name of this appliance: lower-case letters, digits and hyphens, 1 to 64.
	// It must be unique on the broker.
	Name string `toml:"name"`
	// Site and Area of the fab; together they are the Sparkplug group.
	Site string `toml:"site"`
	Area string `toml:"area"`
}

// Storage is where results are kept, and for how long.
type Storage struct {
	// Folder for the database, keys and learnt goldens. It is created if missing.
	State string `toml:"state"`
	// KeepDays is after how many days a wafer is removed; 0 keeps all. What the
	// warning service has not acknowledged is never removed.
	KeepDays int `toml:"keep_days"`
	// MinFree is the free disk space, in MiB, below which an alarm is raised.
	MinFree int `toml:"min_free_mib"`
}

// RecipeFile says which recipe is loaded at the start.
type RecipeFile struct {
	// File of the recipe, relative to the state folder. Empty takes the built-in
	// recipe of the source: the demo product for a simulated tool, else a bare
	// wafer.
	File string `toml:"file"`
}

// Simulator is the simulated tool.
type Simulator struct {
	// Product is the die that is drawn.
	Product string `toml:"product"`
	// Lots to run, and wafers in each; lots = 0 runs until stopped.
	Lots   int `toml:"lots"`
	Wafers int `toml:"wafers"`
	// Seed of everything random: the same seed makes the same wafers.
	Seed uint64 `toml:"seed"`
	// Pace is "tool" for a true tool's pace, or "max" for as fast as READY allows.
	Pace string `toml:"pace"`
	// Stop after so many wafers, whatever the lots; 0 means no limit.
	Stop int `toml:"stop"`
	// Defects is the mean number of defects on a die.
	Defects float64 `toml:"defects"`
	// Signature lays additional defects on every wafer in a pattern: random,
	// edge-ring, edge-local, centre, donut, cluster or line. Empty leaves to the
	// seed which wafers have one, and which.
	Signature string `toml:"signature"`
	// FaultRate is the chance, 0 to 1, that a field suffers a fault of the
	// hardware: a lost pulse, a lost or late frame.
	FaultRate float64 `toml:"fault_rate"`
	// Faults asks for faults at places: "KIND@WAFER:FIELD", both counted from 1,
	// such as "camera-gone@2:15". Kinds are missed-pulse, doubled-pulse,
	// dropped-frame, late-frame, extra-frame, truncated-frame and camera-gone.
	Faults []string `toml:"faults"`
	// Turn is by how much a wafer lies turned on the chuck, one standard deviation
	// in degrees, to 0.14; no wafer lies turned by more than twice that.
	Turn float64 `toml:"turn"`
	// LightDrift is the part of its light that the lamp loses with each wafer.
	LightDrift float64 `toml:"light_drift"`
	// Excursions are the lots, from 1, whose yield falls.
	Excursions []int `toml:"excursions"`
}

// Display is the operator display.
type Display struct {
	// Listen is the address of the web page. The display has no log-in of its
	// own: keep it on the loopback address, for the screen of the box.
	Listen string `toml:"listen"`
	// Hosts are names by which the page is reached, beside localhost and IP
	// addresses. Requests for any other name are refused.
	Hosts []string `toml:"hosts"`
}

// MQTT is how both planes reach their broker; each has a connection of its own.
type MQTT struct {
	// Embedded starts a broker inside the appliance, at the first of Brokers. It
	// is for demonstrations: it keeps nothing and lets everyone in.
	Embedded bool `toml:"embedded"`
	// SmallLink is for a link of some kilobits a second, such as a modem's: the mes
	// plane has no die map, fewer metrics and larger dead-bands, and aliases without
	// datatypes; ledger records that wait go in messages of about 1 KiB; uns must
	// stay off. Set bandwidth too.
	SmallLink bool `toml:"small_link"`
	session.Config
}

// MES is the Sparkplug B plane.
type MES struct {
	// Enabled switches the plane on.
	Enabled bool `toml:"enabled"`
	// Device is the inspection chuck's name, the Sparkplug device under this node.
	Device string `toml:"device"`
	// PrimaryHost is the Sparkplug host application that must be online. Results and
	// alarms are kept until it is, and then come as history. Empty: none; whoever
	// listens gets them as soon as there is a connection.
	PrimaryHost string `toml:"primary_host"`
	// Aliases has data carry the numbers that the births give to the metrics instead
	// of their names.
	Aliases bool `toml:"aliases"`
	// DataTypes has data repeat each metric's datatype. Sparkplug asks to leave it to
	// the births, but some decoders read null without it.
	DataTypes bool `toml:"data_types"`
}

// UNS is the unified namespace. Its topics are enterprise/site/area/line/name,
// then the metric's name; site, area and name are the station's.
type UNS struct {
	// Enabled switches the mirror on; it needs mes.enabled.
	Enabled bool `toml:"enabled"`
	// Enterprise and Line are the first and the fourth level of the topics.
	Enterprise string `toml:"enterprise"`
	Line       string `toml:"line"`
}

// Ledger is the early-warning plane.
type Ledger struct {
	// Enabled switches the plane on.
	Enabled bool `toml:"enabled"`
	// Disclosure is "relative" (deviations from this appliance's own baseline
	// under a pseudonym: no yield, no lot, wafer or product name) or "full".
	Disclosure ledger.Disclosure `toml:"disclosure"`
	// ReceiverKey is the warning service's public key, a .pub file. Empty: the first
	// key that answers is kept in the state folder as receiver.pub, and no other is
	// trusted after it.
	ReceiverKey string `toml:"receiver_key"`
	// KeepRecords and KeepDays are how many records, and for how long, wait for the
	// service. What is more or older goes unacknowledged; an alarm comes at 80 % of
	// either, and an hour before any goes because of its age. 0: without limit.
	KeepRecords int `toml:"keep_records"`
	KeepDays    int `toml:"keep_days"`
}

// Default is the configuration of the demo: a simulated tool, everything on
// this machine.
func Default() Config {
	connection := session.Default()
	connection.Brokers = []string{"tcp://127.0.0.1:1883"}
	return Config{
		Station:     Identity{Name: "kensa-01", Site: "demo-fab", Area: "litho-1"},
		Storage:     Storage{State: "/var/lib/kensa", KeepDays: 90, MinFree: 500},
		Source:      Source{Camera: "simulated"},
		Simulator:   Simulator{Product: "logic", Lots: 0, Wafers: 25, Seed: 1, Pace: "tool", Defects: 0.09},
		Trigger:     defaultTrigger(),
		Light:       Light{Level: 50, Frequency: "20kHz", Address: 0x60, FullScale: "1A", MaxCurrent: "350mA", Channel: "pwmchip0/0", Bus: "i2c-1"},
		Environment: Environment{Bus: "i2c-1", Address: 0x44},
		Camera:      Camera{Input: -1, Buffers: 12, Controls: []string{}, ExposureUnit: 100 * time.Microsecond, Fields: 25},
		Realtime:    thread.Settings{CPUs: []int{}},
		Cycle:       station.DefaultConfig(),
		Display:     Display{Listen: "127.0.0.1:8080"},
		MQTT:        MQTT{Embedded: true, Config: connection},
		MES:         MES{Enabled: true, Device: "chuck-1", Aliases: true, DataTypes: true},
		UNS:         UNS{Enterprise: "demo", Line: "inspection"},
		Ledger:      Ledger{Enabled: true, Disclosure: ledger.Relative, KeepRecords: 500_000, KeepDays: 365},
		Calibration: Calibration{Objective: "5x", ValidDays: 180, Expired: "alarm", Flat: true, Temperature: true},
	}
}

// Load reads a kensa.toml over the defaults.
func Load(path string) (Config, error) {
	c := Default()
	if err := read(path, &c); err != nil {
		return Config{}, err
	}
	if err := c.Check(); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// read decodes a TOML file strictly.
func read(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return decode(path, string(text), into)
}

func decode(path, text string, into any) error {
	meta, err := toml.Decode(text, into)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		var names []string
		for _, key := range unknown {
			names = append(names, key.String())
		}
		return fmt.Errorf("%s: unknown key %s", path, strings.Join(names, ", "))
	}
	return nil
}
