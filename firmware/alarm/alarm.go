// Package alarm lists what can go wrong on the appliance so that a person or
// the host must know, and keeps the set of alarms that are set now.
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

// Kind is an alarm that the appliance can raise.
type Kind struct {
	ID       ID
	Category Category
	Text     string // what an operator reads; no more than 40 characters, after E5's ALTX
	Remedy   string // what to do about it
}

// Alarm is one raising of a kind, from set to clear.
type Alarm struct {
	Kind
	Detail  string // what exactly: the field, the file, the address
	Set     time.Time
	Cleared time.Time // zero while it is set
	// AckBy names the operator who has seen it; empty until then.
	AckBy string
}
