// Package version says which software this is.
package version

// Version is set by the linker from the repository's state.
var Version = "unknown"
