//go:build race

package hotpath

// raced: the race detector's own bookkeeping counts as allocations.
const raced = true
