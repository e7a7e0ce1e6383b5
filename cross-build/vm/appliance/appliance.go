// Package appliance holds the tests of the real program, as it is shipped, in the
// virtual machine. They are scripts in testdata/script.
package appliance
