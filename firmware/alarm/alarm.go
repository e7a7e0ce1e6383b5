// Package alarm lists what can go wrong on the appliance so that a person or
// the host must know, and keeps the set of alarms that are set now.
//
// An alarm has the life of SEMI E5's: it is set, it may be acknowledged by an
// operator, it is cleared. While a kind is set, raising it again counts and
// updates the detail; alarms do not pile up.
package alarm

import "time"

// ID is an alarm's number (SEMI E5's ALID). Numbers are never reused.
type ID int

// Category is SEMI E5's ALCD category, 1 to 8.
type Category int

// Categories of SEMI E5.
const (
	PersonalSafety   Category = 1
	EquipmentSafety  Category = 2
	ParameterWarning Category = 3 // parameter control warning
	ParameterError   Category = 4 // parameter control error
	Irrecoverable    Category = 5
	EquipmentStatus  Category = 6 // equipment status warning
	Attention        Category = 7 // attention flags
	DataIntegrity    Category = 8
)

// Severity is how soon somebody must act; the display's colour follows it.
type Severity int

// Severities, in rising order.
const (
	Notice  Severity = 1 // worth knowing
	Warning Severity = 2 // abnormal: results still count, act this shift
	Fault   Severity = 3 // inspection stands or a result is lost: act now
)

// String is the severity in one lower-case word.
func (s Severity) String() string {
	switch s {
	case Notice:
		return "notice"
	case Warning:
		return "warning"
	case Fault:
		return "fault"
	}
	return "unknown"
}

// Kind is an alarm that the appliance can raise.
type Kind struct {
	ID       ID
	Category Category
	Severity Severity
	Text     string // what an operator reads; no more than 40 characters, after E5's ALTX
	Remedy   string // what to do about it
}

// Alarm is one raising of a kind, from set to clear. ID and Set together
// identify it.
type Alarm struct {
	Kind
	Detail  string    // what exactly, at the latest raising: the field, the file, the address
	Count   int       // raisings since it was set, from 1
	Set     time.Time // the first raising
	Latest  time.Time // the latest raising
	Cleared time.Time // zero while it is set
	// AckBy names the operator who has seen it; empty until then.
	AckBy string
	Acked time.Time // zero until then
}

// Active reports whether the alarm is still set.
func (a Alarm) Active() bool { return a.Cleared.IsZero() }
