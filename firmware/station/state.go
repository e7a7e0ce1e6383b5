package station

// Equipment is an equipment state of SEMI E10.
type Equipment string

// Equipment states, by their names in the standard.
const (
	Productive      Equipment = "PRODUCTIVE"
	Standby         Equipment = "STANDBY"
	Engineering     Equipment = "ENGINEERING"
	ScheduledDown   Equipment = "SCHEDULED_DOWN"
	UnscheduledDown Equipment = "UNSCHEDULED_DOWN"
	NonScheduled    Equipment = "NON_SCHEDULED"
)

// Control is a control state of SEMI E30.
type Control string

// Control states, by their names in the standard.
const (
	EquipmentOffline Control = "EQUIPMENT_OFFLINE"
	HostOffline      Control = "HOST_OFFLINE"
	OnlineLocal      Control = "ONLINE_LOCAL"
	OnlineRemote     Control = "ONLINE_REMOTE"
)
