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
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/bus/sparkplug"
	"kensa/bus/uns"
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

// nodeName is what MQTT topics and the warning service accept.
var nodeName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

// topicLevel is one level of an MQTT topic without wildcards.
var topicLevel = regexp.MustCompile(`^[^/+#\x00]{1,64}$`)

// Check reports the first value that makes no sense, by its key.
func (c Config) Check() error {
	for _, check := range []struct {
		key  string
		okay bool
		want string
		got  any
	}{
		{"station.name", nodeName.MatchString(c.Station.Name), "1 to 64 lower-case letters, digits and hyphens", c.Station.Name},
		{"station.site", topicLevel.MatchString(c.Station.Site), "1 to 64 characters without / + #", c.Station.Site},
		{"station.area", topicLevel.MatchString(c.Station.Area), "1 to 64 characters without / + #", c.Station.Area},
		{"storage.state", c.Storage.State != "", "a folder", c.Storage.State},
		{"storage.keep_days", c.Storage.KeepDays >= 0, "0 or more", c.Storage.KeepDays},
		{"storage.min_free_mib", c.Storage.MinFree >= 0, "0 or more", c.Storage.MinFree},
		{"simulator.lots", c.Simulator.Lots >= 0, "0 or more", c.Simulator.Lots},
		{"simulator.wafers", c.Simulator.Wafers >= 1 && c.Simulator.Wafers <= 25, "1 to 25", c.Simulator.Wafers},
		{"simulator.pace", slices.Contains([]string{"tool", "max"}, c.Simulator.Pace), `"tool" or "max"`, c.Simulator.Pace},
		{"simulator.defects", c.Simulator.Defects >= 0 && c.Simulator.Defects <= 20, "0 to 20", c.Simulator.Defects},
		{"simulator.stop", c.Simulator.Stop >= 0, "0 or more", c.Simulator.Stop},
		{"simulator.fault_rate", c.Simulator.FaultRate >= 0 && c.Simulator.FaultRate <= 1, "0 to 1", c.Simulator.FaultRate},
		{"mes.device", topicLevel.MatchString(c.MES.Device), "1 to 64 characters without / + #", c.MES.Device},
		{"mes.primary_host", c.MES.PrimaryHost == "" || topicLevel.MatchString(c.MES.PrimaryHost), "at most 64 characters without / + #", c.MES.PrimaryHost},
		{"ledger.keep_records", c.Ledger.KeepRecords >= 0, "0 or more", c.Ledger.KeepRecords},
		{"ledger.keep_days", c.Ledger.KeepDays >= 0 && c.Ledger.KeepDays <= 36_500, "0 to 36500", c.Ledger.KeepDays},
		{"ledger.disclosure", c.Ledger.Disclosure == ledger.Relative || c.Ledger.Disclosure == ledger.Full, `"relative" or "full"`, c.Ledger.Disclosure},
	} {
		if !check.okay {
			return fmt.Errorf("%s: %q; want %s", check.key, fmt.Sprint(check.got), check.want)
		}
	}
	if _, _, err := net.SplitHostPort(c.Display.Listen); err != nil {
		return fmt.Errorf("display.listen: %q; want host:port: %w", c.Display.Listen, err)
	}
	if err := c.checkCamera(); err != nil {
		return err
	}
	if err := c.checkHardware(); err != nil {
		return err
	}
	if err := c.Cycle.Check(); err != nil {
		return fmt.Errorf("cycle.%w", err)
	}
	if err := c.Calibration.check(); err != nil {
		return err
	}
	if err := c.UNSNames().Check(); err != nil {
		return fmt.Errorf("uns.%w", err)
	}
	if c.UNS.Enabled && !c.MES.Enabled {
		return errors.New("uns.enabled: true without mes.enabled; want both, or neither")
	}
	if c.UNS.Enabled && c.MQTT.SmallLink {
		return errors.New("uns.enabled: true with mqtt.small_link; want one of them: the mirror tells every value again, at length")
	}
	if len(c.MQTT.Brokers) == 0 {
		if c.MQTT.Embedded {
			return fmt.Errorf("mqtt.brokers: empty; want an address for the embedded broker")
		}
		return nil
	}
	if err := c.Connection("").Check(); err != nil {
		return fmt.Errorf("mqtt.%w", err)
	}
	return nil
}

// Sparkplug names the appliance on the MES plane.
func (c Config) Sparkplug() sparkplug.Config {
	return sparkplug.Config{
		Group: c.Station.Site + "-" + c.Station.Area, Node: c.Station.Name, Device: c.MES.Device,
		PrimaryHost: c.MES.PrimaryHost, Aliases: c.MES.Aliases, DataTypes: c.MES.DataTypes, Terse: c.MQTT.SmallLink,
	}
}

// Sender is how the ledger's records are sent. Where the bandwidth is limited no
// more is on its way than goes in some seconds, and the receiver may be silent for
// as long as that takes beside the mes plane.
func (c Config) Sender() ledger.SenderConfig {
	const small, record, ahead = 1024, 600, 10 // bytes, bytes, seconds
	s := ledger.SenderConfig{}
	if c.MQTT.SmallLink {
		s.Parcel = small
	}
	if rate := c.MQTT.Bandwidth; rate > 0 {
		const largest, patience = 64 << 10, 5 * time.Second
		s.Window = min(max(rate*ahead/record, ahead), 1000)
		s.Patience = patience + time.Duration(largest)*time.Second/time.Duration(rate)
		if s.Parcel == 0 {
			s.Parcel = min(max(rate, small), largest)
		}
	}
	return s
}

// UNSNames are the levels of the unified namespace above the values.
func (c Config) UNSNames() uns.Names {
	return uns.Names{Enterprise: c.UNS.Enterprise, Site: c.Station.Site, Area: c.Station.Area, Line: c.UNS.Line, Cell: c.Station.Name}
}

// Connection is the MQTT connection of one plane. Brokers throw out the elder of
// two clients of one name, so each plane's name has a suffix of its own.
func (c Config) Connection(plane string) session.Config {
	connection := c.MQTT.Config
	if connection.ClientID == "" {
		connection.ClientID = c.Station.Name
	}
	connection.ClientID += plane
	return connection
}
