package appliance

import (
	"errors"
	"slices"
)

// Closers gives back what was opened. The zero value is ready.
type Closers struct{ each []func() error }

// Add has f called by Close.
func (c *Closers) Add(f func() error) { c.each = append(c.each, f) }

// Close calls what was added, the latest first, each once, whatever fails.
func (c *Closers) Close() error {
	var errs []error
	for _, f := range slices.Backward(c.each) {
		errs = append(errs, f())
	}
	c.each = nil
	return errors.Join(errs...)
}
