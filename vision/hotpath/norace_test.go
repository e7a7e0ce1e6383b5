//go:build !race

package hotpath

const raced = false
