// Package handler is what the appliance must be told of the wafer on the chuck.
// The lines say that a wafer is there; which one it is comes from the tool's
// handler, the host, or a recorded folder's name.
package handler

import (
	"context"
	"errors"
)

// Material identifies a wafer, in the terms of SEMI E87 and E90.
type Material struct {
	Carrier   string // CarrierID of the FOUP or cassette; may be empty
	Lot       string
	Slot      int    // in the carrier, 1 to 25; 0 where unknown
	Substrate string // SubstID, the wafer's own name
}

// Handler knows the wafer on the chuck.
type Handler interface {
	// Material returns the wafer that WAFER-PRESENT last rose for.
	Material(ctx context.Context) (Material, error)
}

// ErrUnknown means that a handler does not have a wafer of that name.
var ErrUnknown = errors.New("no such wafer at hand")

// Bringer is a handler that can bring a wafer again.
type Bringer interface {
	// Bring has the wafer brought when its turn comes, and returns at once.
	Bring(substrate string) error
}
