package sparkplug

import (
	"fmt"
	"math"
	"time"

	"kensa/bus/sparkplug/payload"
)

// Alarm is the setting or clearing of an alarm, after SEMI E5.
type Alarm struct {
	ID       int    // ALID
	Text     string // ALTX
	Category int    // ALCD, 1 to 8
	Set      bool   // false when it was cleared
	Time     time.Time
	// Active is how many alarms are set after this.
	Active int
}

// Names of the alarm metrics. They tell of the last alarm that was set or cleared.
const (
	alarmID       = "Alarm/ALID"
	alarmText     = "Alarm/Text"
	alarmCategory = "Alarm/Category"
	alarmSet      = "Alarm/Set"
	alarmTime     = "Alarm/Time"
	alarmActive   = "Alarm/Active"
)

func alarmMetrics() []Metric {
	return []Metric{
		device(alarmID, payload.TypeUInt32, "", "SEMI E5 ALID of the alarm last set or cleared"),
		device(alarmText, payload.TypeString, "", "its text (ALTX)"),
		device(alarmCategory, payload.TypeUInt8, "", "its category (ALCD): 1 personal safety, 2 equipment safety, 3 parameter warning, 4 parameter error, 5 irrecoverable, 6 equipment status, 7 attention, 8 data integrity"),
		device(alarmSet, payload.TypeBoolean, "", "true when it was set, false when it was cleared"),
		device(alarmTime, payload.TypeDateTime, "", "when that was"),
		device(alarmActive, payload.TypeUInt32, "", "alarms that are set"),
	}
}

func (a Alarm) values() (map[string]payload.Value, error) {
	switch {
	case a.ID < 0 || int64(a.ID) > math.MaxUint32:
		return nil, fmt.Errorf("alarm: ALID %d; want 0 to %d", a.ID, uint32(math.MaxUint32))
	case a.Category < 1 || a.Category > 8:
		return nil, fmt.Errorf("alarm %d: category %d; want 1 to 8", a.ID, a.Category)
	case a.Active < 0 || int64(a.Active) > math.MaxUint32:
		return nil, fmt.Errorf("alarm %d: %d active; want 0 to %d", a.ID, a.Active, uint32(math.MaxUint32))
	case a.Time.IsZero():
		return nil, fmt.Errorf("alarm %d: time: none; Sparkplug data have a time", a.ID)
	}
	return map[string]payload.Value{
		alarmID:       payload.UInt32(uint32(a.ID)),
		alarmText:     payload.String(a.Text),
		alarmCategory: payload.UInt8(uint8(a.Category)),
		alarmSet:      payload.Boolean(a.Set),
		alarmTime:     payload.DateTime(a.Time),
		alarmActive:   payload.UInt32(uint32(a.Active)),
	}, nil
}

func (a Alarm) report() (map[string]payload.Value, time.Time, error) {
	values, err := a.values()
	return values, a.Time, err
}
