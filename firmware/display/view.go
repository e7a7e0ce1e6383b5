package display

import (
	"encoding/json"
	"math"
	"time"

	"kensa/vision/wafer"
)

// Number is a measured value; NaN and infinities become JSON's null, which the
// page shows as a dash.
type Number float64

// MarshalJSON writes the number or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// State is everything that a screen shows without asking for more.
type State struct {
	Time        time.Time      `json:"time"` // when it was asked for
	Status      Status         `json:"status"`
	Connections []Connection   `json:"connections"`
	Alarms      []Alarm        `json:"alarms"`   // set now, newest first
	Finished    []WaferSummary `json:"finished"` // newest first, at most MaxFinished
	Run         *Run           `json:"run"`      // the wafer on the chuck, or the one last inspected
}

// EquipmentState is a state of SEMI E10.
type EquipmentState string

// States of SEMI E10.
const (
	Productive          EquipmentState = "productive"
	Standby             EquipmentState = "standby"
	Engineering         EquipmentState = "engineering"
	ScheduledDowntime   EquipmentState = "scheduled-downtime"
	UnscheduledDowntime EquipmentState = "unscheduled-downtime"
	NonScheduled        EquipmentState = "non-scheduled"
)

// ControlState is a control state of SEMI E30.
type ControlState string

// Control states of SEMI E30.
const (
	OnlineRemote     ControlState = "online-remote"
	OnlineLocal      ControlState = "online-local"
	HostOffline      ControlState = "host-offline"
	AttemptOnline    ControlState = "attempt-online"
	EquipmentOffline ControlState = "equipment-offline"
)

// Status is the tool and what it is working on.
type Status struct {
	Tool            string         `json:"tool"` // the station's name
	SoftwareVersion string         `json:"software_version"`
	Recipe          string         `json:"recipe"`
	RecipeVersion   string         `json:"recipe_version"`
	Carrier         string         `json:"carrier"`
	Lot             string         `json:"lot"`
	Slot            int            `json:"slot"` // 0 where unknown
	Substrate       string         `json:"substrate"`
	Operator        string         `json:"operator"`
	Equipment       EquipmentState `json:"equipment_state"` // SEMI E10
	Control         ControlState   `json:"control_state"`   // SEMI E30
	Ready           bool           `json:"ready"`           // the READY line
	Busy            bool           `json:"busy"`            // the BUSY line
	Paused          bool           `json:"paused"`
	// Remote tells that the operator has given the tool to the host.
	Remote bool `json:"remote"`
	// Commanded is what the host ordered last; nil before that.
	Commanded *HostCommand `json:"commanded"`
	// Climate is nil where no sensor measures it.
	Climate *Climate `json:"climate"`
}

// Climate is the surroundings of the optics; its numbers are null while the sensor
// fails.
type Climate struct {
	Temperature Number `json:"celsius"`
	Humidity    Number `json:"humidity_percent"` // relative
	Outside     bool   `json:"outside"`          // beyond its limits, as last measured
}

// Equal tells that both show alike.
func (c Climate) Equal(o Climate) bool {
	same := func(a, b Number) bool { return a == b || a != a && b != b } // null is null
	return c.Outside == o.Outside && same(c.Temperature, o.Temperature) && same(c.Humidity, o.Humidity)
}

// HostCommand is an order of the host and its answer.
type HostCommand struct {
	Name   string    `json:"name"`
	Host   string    `json:"host"`
	Detail string    `json:"detail"`
	Code   int       `json:"code"` // SEMI E5's HCACK
	Reason string    `json:"reason"`
	Time   time.Time `json:"time"`
}

// Link is whether a connection works.
type Link string

// Links. Off is one that the configuration does not have.
const (
	Up   Link = "up"
	Down Link = "down"
	Off  Link = "off"
)

// Names of connections that the page has words for; others are shown as they are.
const (
	Camera  = "camera"
	Broker  = "broker"
	Warning = "warning" // the early-warning service
)

// Connection is the appliance's link to something outside.
type Connection struct {
	Name    string    `json:"name"`
	Link    Link      `json:"link"`
	Since   time.Time `json:"since"`
	Pending int       `json:"pending"` // messages not acknowledged yet
	Detail  string    `json:"detail"`  // the error or address
}

// Severity is how urgent an alarm is, by colour and shape (IEC 60073).
type Severity string

// Severities.
const (
	Fault    Severity = "fault"    // red: it does not go on, or someone is in danger
	Abnormal Severity = "abnormal" // yellow: someone should look
)

// Alarm is an alarm that is set.
type Alarm struct {
	ALID     int       `json:"alid"`
	Category int       `json:"category"` // of SEMI E5's ALCD, 1 to 8
	Severity Severity  `json:"severity"`
	Text     string    `json:"text"`
	Detail   string    `json:"detail"`
	Remedy   string    `json:"remedy"`
	Since    time.Time `json:"since"`
	AckBy    string    `json:"ack_by"` // empty until an operator has seen it
}

// WaferSummary is a finished wafer in numbers.
type WaferSummary struct {
	ID            int64         `json:"id"`
	Carrier       string        `json:"carrier"`
	Lot           string        `json:"lot"`
	Slot          int           `json:"slot"`
	Substrate     string        `json:"substrate"`
	Recipe        string        `json:"recipe"`
	RecipeVersion string        `json:"recipe_version"`
	Started       time.Time     `json:"started"`
	Finished      time.Time     `json:"finished"`
	Dies          int           `json:"dies"` // that the layout has
	Inspected     int           `json:"inspected"`
	Good          int           `json:"good"`
	Yield         Number        `json:"yield"`    // good over inspected, 0 to 1
	Coverage      Number        `json:"coverage"` // inspected over dies, 0 to 1
	Defects       int           `json:"defects"`
	Density       Number        `json:"density_per_cm2"`
	Verdict       wafer.Verdict `json:"verdict"`
}

// Geometry is how dies lie on the wafer: origin at the wafer's centre, y up.
type Geometry struct {
	Kind          wafer.Kind        `json:"kind"`
	Diameter      float64           `json:"diameter_mm"`
	EdgeExclusion float64           `json:"edge_exclusion_mm"`
	Notch         wafer.Orientation `json:"notch"`
	PitchX        float64           `json:"pitch_x_mm"`
	PitchY        float64           `json:"pitch_y_mm"`
	DieWidth      float64           `json:"die_width_mm"`
	DieHeight     float64           `json:"die_height_mm"`
	OffsetX       float64           `json:"offset_x_mm"` // of the centre of die (0, 0)
	OffsetY       float64           `json:"offset_y_mm"`
	Dies          [][2]int          `json:"dies"`   // column and row of each die
	Fields        [][4]int          `json:"fields"` // left column, top row, right column, bottom row
}

// Pending stands in DieMap.Bins for a die that has not been looked at yet.
const Pending wafer.Bin = -1

// BinCount is a line of the legend.
type BinCount struct {
	Bin   wafer.Bin `json:"bin"`
	Name  string    `json:"name"`
	Count int       `json:"count"`
}

// DieMap is a wafer's result die by die.
type DieMap struct {
	Geometry Geometry    `json:"geometry"`
	Bins     []wafer.Bin `json:"bins"` // one for each of Geometry.Dies
	// Reasons says of dies by their place in Bins why they were not inspected.
	Reasons map[int]string `json:"reasons"`
	Legend  []BinCount     `json:"legend"`
	// Defects are the last MaxDefects of DefectsTotal, in the order found.
	Defects      []Defect `json:"defects"`
	DefectsTotal int      `json:"defects_total"`
}

// Defect is a finding on a die.
type Defect struct {
	Number int     `json:"number"` // from 1 within the wafer
	Class  string  `json:"class"`
	Column int     `json:"column"` // of its die
	Row    int     `json:"row"`
	Field  int     `json:"field"`
	X      float64 `json:"x_um"` // centroid from the die's lower left corner, y up
	Y      float64 `json:"y_um"`
	Width  float64 `json:"width_um"`
	Height float64 `json:"height_um"`
	// Size is the length of its outline, with its uncertainty (95 %); 0 where it
	// was not measured.
	Size            float64 `json:"size_um"`
	SizeUncertainty float64 `json:"size_uncertainty_um"`
	Contrast        Number  `json:"contrast_sigma"`
	Confidence      Number  `json:"confidence"` // 0 to 1
	Polarity        string  `json:"polarity"`
	HasImage        bool    `json:"has_image"`
	PNG             []byte  `json:"-"` // given to the Board only
}

// Run is a wafer on the chuck.
type Run struct {
	Run        uint64    `json:"run"` // numbers the wafers since start; given by the Board
	Lot        string    `json:"lot"`
	Slot       int       `json:"slot"`
	Substrate  string    `json:"substrate"`
	Started    time.Time `json:"started"`
	Fields     int       `json:"fields"`      // expected; 0 where the tool decides
	FieldsDone int       `json:"fields_done"` // inspected or lost
	FieldsLost int       `json:"fields_lost"`
	// Field is the field that the stage is at or comes to next; −1 at the end.
	Field int `json:"field"`
	// Wafer is the finished wafer's number in the archive; 0 until then.
	Wafer int64 `json:"wafer"`
	DieMap
}

// Wafer is a recorded wafer.
type Wafer struct {
	Summary WaferSummary `json:"summary"`
	DieMap
}

// Limits of what a screen holds, so that it runs for months.
const (
	MaxDefects  = 500
	MaxFinished = 100
)
