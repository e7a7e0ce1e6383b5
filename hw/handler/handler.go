// Package handler is what the appliance must be told of the wafer on the chuck.
// The lines say that a wafer is there; which one it is comes from the tool's
// handler, the host, or a recorded folder's name.
package handler

import "context"

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
