package alarm

// The kinds, by what they concern: 1xx pulses and frames, 2xx camera and light,
// 3xx inspection, 4xx network, 5xx the appliance itself. A number that was
// shipped keeps its meaning for ever; a kind that goes leaves a gap.
var (
	MissedPulse = Kind{101, EquipmentStatus, Warning, "Field trigger missed",
		"Check the trigger cable and the tool's trigger output; reinspect the wafer."}
	DoubledPulse = Kind{102, EquipmentStatus, Warning, "Field trigger doubled",
		"Check the trigger line for noise and its debounce setting."}
	MissingFrame = Kind{103, EquipmentStatus, Warning, "Camera frame missing",
		"Check the camera's cable and exposure; reinspect the wafer."}
	LateFrame = Kind{104, EquipmentStatus, Warning, "Camera frame late",
		"Check the camera's exposure time and calibrate the latency window again."}
	ExtraFrame = Kind{105, EquipmentStatus, Warning, "Camera frame without trigger",
		"Check that the camera is in trigger mode and its input is free of noise."}
	QueueFull = Kind{106, EquipmentStatus, Notice, "Frame queue full, tool held",
		"The tool waits for the inspection; slow the stage if this persists."}
	StrayPulse = Kind{108, EquipmentStatus, Warning, "Field trigger without a wafer",
		"Check WAFER-PRESENT and the trigger line for noise."}
	PositionLost = Kind{109, DataIntegrity, Fault, "Count of fields does not fit the recipe",
		"Reinspect the wafer; check the motion program against the recipe, and the trigger line."}
	LineFailed = Kind{110, EquipmentStatus, Fault, "Line to the tool failed",
		"Check the wiring of the named line."}
	MaterialUnknown = Kind{111, DataIntegrity, Warning, "Wafer without identity",
		"Check that the handler or the host names the lot and the wafer."}
	WaferIncomplete = Kind{107, DataIntegrity, Fault, "Wafer not fully inspected",
		"Reinspect the wafer; other alarms of the same wafer tell why."}

	CameraGone = Kind{201, EquipmentStatus, Fault, "Camera not responding",
		"Check the camera's cable and power; inspection resumes by itself."}
	LightDrift = Kind{202, ParameterWarning, Warning, "Light has drifted",
		"Let the lamp warm up, then repeat the light calibration."}
	BadFrame = Kind{203, DataIntegrity, Warning, "Frame unreadable or of wrong format",
		"Check the camera's format against the recipe, or the named file."}
	OpticsDust = Kind{204, EquipmentStatus, Warning, "Dust on the optics",
		"Clean the optics at the named camera pixels; findings there are left out until then."}

	CameraRestarted = Kind{205, EquipmentStatus, Warning, "Camera restarted by itself",
		"Check the camera's power and cable; reinspect the wafer."}
	StrobeWithheld = Kind{206, EquipmentSafety, Warning, "Exposure withheld",
		"The lamp or the stage would not have borne it: check pulse rate, strobe width and the trigger's limit."}
	LampFailed = Kind{207, EquipmentStatus, Fault, "Light cannot be set",
		"Check the light's driver, its power and its bus, as the detail says."}
	FieldTurned = Kind{208, ParameterError, Fault, "Wafer turned against the camera",
		"Check the wafer's alignment on the chuck, then the camera's mount; the angle is named."}
	DustOrRepeater = Kind{209, EquipmentStatus, Warning, "Dust on the optics or repeating defect",
		"Clean the optics at the named camera pixels; if it stays, look for a defect of the mask. Findings there count."}
	CalibrationExpired = Kind{210, DataIntegrity, Warning, "Calibration expired",
		"Have the field engineer calibrate the station again; results go on to rest on the old one."}
	ScaleDiffers = Kind{211, ParameterWarning, Warning, "Pixel size not as calibrated",
		"Correct layout.pixel_size in the recipe, or calibrate the scale again; sizes and places are off by the named part."}

	StrobeOverdriven = Kind{212, EquipmentSafety, Fault, "Strobe was on for too long",
		"Check the LED; have its driver limit the pulse itself, and give the trigger realtime.priority."}

	NotRegistered = Kind{301, ParameterError, Fault, "Many dies not registered",
		"Check recipe, focus and wafer alignment against the product on the chuck."}
	LowYield = Kind{302, ParameterWarning, Warning, "Yield below limit",
		"Look at the wafer map, then inform process engineering."}
	RecipeInvalid = Kind{303, ParameterError, Fault, "Recipe cannot be used",
		"Select another recipe or correct the named key."}

	BrokerUnreachable = Kind{401, EquipmentStatus, Warning, "Message broker unreachable",
		"Check network, address and certificates; results wait in the outbox."}
	LedgerBacklog = Kind{402, DataIntegrity, Warning, "Ledger backlog near its limit",
		"Restore the link to the warning service before records would have to go."}
	HostAbsent = Kind{403, EquipmentStatus, Warning, "Primary host offline",
		"Ask for the MES to be started; results and alarms wait for it in the outbox."}
	NameTaken = Kind{404, EquipmentStatus, Warning, "Appliance's name used twice on broker",
		"Give each appliance a station.name and client_id of its own; switch the copy off."}
	HostRefused = Kind{405, Attention, Warning, "Host message refused",
		"Tell the MES's integrator the reason; nothing of the message was carried out."}
	HostBacklog = Kind{406, DataIntegrity, Warning, "MES backlog grows",
		"Restore the link to the MES, or set mes.enabled = false if there is none."}
	ReceiverUntrusted = Kind{407, DataIntegrity, Fault, "Warning service's key not trusted",
		"If the service was set up anew, give its new key; if not, look for an intruder on the broker."}
	RecordsDiscarded = Kind{408, DataIntegrity, Fault, "Ledger records gone unacknowledged",
		"Restore the link to the warning service; tell its operator the named records."}
	LedgerRenewed = Kind{409, DataIntegrity, Warning, "Database older than its ledger",
		"Nothing, if a backup was put back; if not, look for who replaced the database."}
	RowUnreadable = Kind{410, DataIntegrity, Fault, "Outbox row unreadable, set aside",
		"Check the disk; host or warning service are not told the named result."}
	OutboxFailed = Kind{411, DataIntegrity, Fault, "Outbox cannot be read",
		"Check the disk; put the last backup back if the database is damaged."}
	CertificateEnds = Kind{412, EquipmentStatus, Warning, "Certificate ends soon",
		"Put a renewed certificate and key where mqtt.cert_file and mqtt.key_file say, no restart is needed; a broker's is its operator's to renew."}

	DiskNearlyFull = Kind{501, EquipmentStatus, Warning, "Disk nearly full",
		"Free space or shorten the retention of images."}
	CommitFailed = Kind{502, DataIntegrity, Fault, "Result not stored, wafer held",
		"Free space on the state disk; the wafer is stored as soon as that succeeds."}
	CommandUnwritten = Kind{506, DataIntegrity, Warning, "Host command done, not written down",
		"Free space on the state disk; note the named command by hand."}
	ClockUnsynchronised = Kind{503, DataIntegrity, Warning, "Clock not synchronised",
		"Check the time server's address and the network."}
	ClockSetBack = Kind{508, DataIntegrity, Warning, "Clock was set back",
		"Check the time server; results from before and after have times that overlap, their order is by number."}
	SensorFailed = Kind{504, EquipmentStatus, Warning, "Environment sensor not answering",
		"Check the sensor's wiring, address and power."}
	ClimateOutside = Kind{507, ParameterWarning, Warning, "Surroundings out of limits",
		"Bring temperature and humidity at the optics back; measurements there may be off until then."}
	TowerFailed = Kind{505, EquipmentStatus, Warning, "Tower lamp cannot be driven",
		"Check the wiring of the named line."}
)

// Kinds lists every kind by its number.
func Kinds() []Kind {
	return []Kind{
		MissedPulse, DoubledPulse, MissingFrame, LateFrame, ExtraFrame, QueueFull, WaferIncomplete,
		StrayPulse, PositionLost, LineFailed, MaterialUnknown,
		CameraGone, LightDrift, BadFrame, OpticsDust, CameraRestarted, StrobeWithheld, LampFailed, FieldTurned, DustOrRepeater,
		CalibrationExpired, ScaleDiffers, StrobeOverdriven,
		NotRegistered, LowYield, RecipeInvalid,
		BrokerUnreachable, LedgerBacklog, HostAbsent, NameTaken, HostRefused, HostBacklog,
		ReceiverUntrusted, RecordsDiscarded, LedgerRenewed, RowUnreadable, OutboxFailed, CertificateEnds,
		DiskNearlyFull, CommitFailed, ClockUnsynchronised, SensorFailed, TowerFailed, CommandUnwritten, ClimateOutside, ClockSetBack,
	}
}

// ByID finds a kind by its number.
func ByID(id ID) (Kind, bool) {
	for _, k := range Kinds() {
		if k.ID == id {
			return k, true
		}
	}
	return Kind{}, false
}

// Momentary reports whether alarms of the number tell of an event and not of a
// condition that lasts: nothing clears them but the operator who has seen them.
func Momentary(id ID) bool {
	switch id {
	case CameraGone.ID, LightDrift.ID, OpticsDust.ID, FieldTurned.ID, DustOrRepeater.ID, CalibrationExpired.ID, ScaleDiffers.ID, RecipeInvalid.ID, BrokerUnreachable.ID, LedgerBacklog.ID,
		HostAbsent.ID, NameTaken.ID, HostBacklog.ID, ReceiverUntrusted.ID,
		DiskNearlyFull.ID, CommitFailed.ID, ClockUnsynchronised.ID, LampFailed.ID, SensorFailed.ID, TowerFailed.ID, ClimateOutside.ID:
		return false
	}
	return true
}
