// Package vm holds the tests of the recipe for the virtual machine's kernel. See
// README.md.
package vm
