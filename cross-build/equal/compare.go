package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// By how much a number may differ in the modes that OpenCV's filters of floating
// point have a part in: they round as the CPU's widest fused instructions do.
const (
	relative = 1e-5
	absolute = 1e-7
)

var (
	number   = regexp.MustCompile(`-?\d+(\.\d+)?(e[-+]?\d+)?`)
	finding  = regexp.MustCompile(`^\S+ (\S+) \d+ `) // product, mode, number
	rounding = []string{"pair", "unpatterned"}
)

// compareFiles prints the lines that differ by more than they may, and how many
// findings there are; the error says how many lines differ.
func compareFiles(here, there string, out io.Writer) error {
	a, err := os.ReadFile(here)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(there)
	if err != nil {
		return err
	}
	return compare(string(a), string(b), out)
}

func compare(here, there string, out io.Writer) error {
	a, b := strings.Split(here, "\n"), strings.Split(there, "\n")
	if len(a) != len(b) {
		return fmt.Errorf("%d lines against %d", len(a), len(b))
	}
	if len(a) < 2 {
		return errors.New("nothing was found at all")
	}
	mode, different, hairs := "", 0, 0
	for n := range a {
		if m := finding.FindStringSubmatch(a[n]); m != nil {
			mode = m[1]
		}
		switch {
		case a[n] == b[n]:
		case slices.Contains(rounding, mode) && near(a[n], b[n]):
			hairs++
		default:
			different++
			fmt.Fprintf(out, "%s, line %d:\n-%s\n+%s\n", mode, n+1, a[n], b[n])
		}
	}
	if different > 0 {
		return fmt.Errorf("%d lines of %d differ", different, len(a))
	}
	_, err := fmt.Fprintf(out, "equal: %d findings, and the golden that is learnt; %d numbers differ within %g\n", strings.Count(here, `"Class"`), hairs, relative)
	return err
}

// near tells whether two lines differ by no more than the last digits of their
// numbers.
func near(a, b string) bool {
	if number.ReplaceAllString(a, "") != number.ReplaceAllString(b, "") {
		return false
	}
	x, y := number.FindAllString(a, -1), number.FindAllString(b, -1)
	if len(x) != len(y) {
		return false
	}
	for n := range x {
		if !strings.ContainsAny(x[n]+y[n], ".e") && x[n] != y[n] {
			return false // a count
		}
		v, err := strconv.ParseFloat(x[n], 64)
		w, other := strconv.ParseFloat(y[n], 64)
		if err != nil || other != nil || !(math.Abs(v-w) <= absolute+relative*max(math.Abs(v), math.Abs(w))) {
			return false
		}
	}
	return true
}
