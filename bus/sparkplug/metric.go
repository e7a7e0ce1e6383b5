package sparkplug

import (
	"kensa/bus/sparkplug/payload"
)

// Scope says whose metric it is.
type Scope string

// Scopes. The node is the appliance, the device the inspection chuck.
const (
	NodeScope   Scope = "node"
	DeviceScope Scope = "device"
)

// Metric declares what may be published under a name.
type Metric struct {
	Name  string
	Scope Scope
	Type  payload.Type
	// Unit goes into the birth as the property engUnit; empty is none.
	Unit string
	// DeadBand is how far a number must go from the value last told before that is
	// told; 0 tells every change. Births always tell the present value.
	DeadBand float64
	// Description goes into the birth.
	Description string
	// Columns are those of a DataSet, which is empty before the first update;
	// metrics of other types are null before it.
	Columns []payload.Column
}

// Names of the metrics that Fab declares.
const (
	EquipmentState    = "Equipment/State"
	EquipmentReason   = "Equipment/Reason"
	EquipmentPrevious = "Equipment/Previous"
	EquipmentSince    = "Equipment/Since"
	ControlState      = "Equipment/ControlState"

	JobState         = "Job/State"
	JobLot           = "Job/Lot"
	JobRecipe        = "Job/Recipe"
	JobRecipeVersion = "Job/RecipeVersion"

	MaterialCarrier   = "Material/Carrier"
	MaterialLot       = "Material/Lot"
	MaterialSubstrate = "Material/Substrate"
	MaterialSlot      = "Material/Slot"
	MaterialState     = "Material/State"

	HealthSoftware = "Health/SoftwareVersion"
	HealthDisk     = "Health/DiskFree"
	HealthOutbox   = "Health/OutboxPending"
	HealthFrames   = "Health/FramesLost"
	HealthClock    = "Health/ClockOffset"
	// Of an appliance with a sensor; null without.
	HealthTemperature = "Health/Temperature"
	HealthHumidity    = "Health/Humidity"
)

// diskBand is the dead-band of free disk space, bytes: every wafer takes some.
const diskBand = 16 << 20

// clockBand is the dead-band of the clock's offset, ms: it is never still.
const clockBand = 1

// Fab is what an appliance publishes: the names that a fab expects of GEM-family
// equipment. Wafer and alarm metrics belong to Deliver, those of
// commands to hosts and to Answer, the others to Update.
func Fab() []Metric {
	var all []Metric
	all = append(all, equipmentMetrics()...)
	all = append(all, waferMetrics()...)
	all = append(all, alarmMetrics()...)
	all = append(all, commandMetrics()...)
	return append(all, healthMetrics()...)
}

func device(name string, t payload.Type, unit, description string) Metric {
	return Metric{Name: name, Scope: DeviceScope, Type: t, Unit: unit, Description: description}
}

func equipmentMetrics() []Metric {
	const text = payload.TypeString
	return []Metric{
		device(EquipmentState, text, "", "SEMI E10: PRODUCTIVE, STANDBY, ENGINEERING, SCHEDULED_DOWN, UNSCHEDULED_DOWN or NON_SCHEDULED"),
		device(EquipmentReason, text, "", "why it is in that state; empty where that is obvious"),
		device(EquipmentPrevious, text, "", "the state before it; empty after a start"),
		device(EquipmentSince, payload.TypeDateTime, "", "when it came into that state"),
		device(ControlState, text, "", "SEMI E30: EQUIPMENT_OFFLINE, HOST_OFFLINE, ONLINE_LOCAL or ONLINE_REMOTE"),
		device(JobState, text, "", "SEMI E40: PROCESSING while a wafer is on the chuck, PAUSED while none is taken, else WAITING_FOR_START"),
		device(JobLot, text, "", "lot that is being inspected"),
		device(JobRecipe, text, "", "recipe that is loaded (PPID)"),
		device(JobRecipeVersion, text, "", "version of the loaded recipe, as written in it"),
		device(MaterialCarrier, text, "", "carrier of the substrate on the chuck (SEMI E87)"),
		device(MaterialLot, text, "", "lot of the substrate on the chuck"),
		device(MaterialSubstrate, text, "", "substrate on the chuck (SEMI E90)"),
		device(MaterialSlot, payload.TypeUInt32, "", "its slot in the carrier, from 1"),
		device(MaterialState, text, "", "SEMI E90: IN_PROCESS, then PROCESSED, or STOPPED where dies were left out"),
	}
}

func healthMetrics() []Metric {
	node := func(name string, t payload.Type, unit, description string) Metric {
		return Metric{Name: name, Scope: NodeScope, Type: t, Unit: unit, Description: description}
	}
	disk := node(HealthDisk, payload.TypeUInt64, "B", "free space where records are kept; told when it has changed by 16 MiB")
	disk.DeadBand = diskBand
	clock := node(HealthClock, payload.TypeDouble, "ms", "the clock's offset from its time server; null while it follows none")
	clock.DeadBand = clockBand
	return []Metric{
		node(HealthSoftware, payload.TypeString, "", "version of the appliance's software"),
		disk,
		node(HealthOutbox, payload.TypeUInt64, "", "messages that wait to be sent, of all planes"),
		node(HealthFrames, payload.TypeUInt64, "", "camera frames lost since the software started"),
		clock,
		node(HealthTemperature, payload.TypeDouble, "°C", "temperature at the optics, to a tenth; null where nothing measures it"),
		node(HealthHumidity, payload.TypeDouble, "%", "relative humidity at the optics, to the full number; null where nothing measures it"),
	}
}
