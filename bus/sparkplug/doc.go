// Package sparkplug is the MES plane: the appliance as a Sparkplug B 3.0 edge
// node with one device, the inspection chuck.
package sparkplug
