// Command equal shows whether two builds of Kensa find the same: it inspects the
// same frames in every mode and prints each finding with every bit of its
// numbers. What two machines print must be the same text, but that numbers may
// differ by a hair where OpenCV's floating point had a part in them (image
// against image, bare wafers).
//
//	equal draw FOLDER [PRODUCT ...]   draws the frames and trains the goldens
//	equal inspect FOLDER              inspects them, and prints
//	equal compare FILE FILE           compares what two builds printed
//
// Drawing is done once, for all builds: the simulated tool rounds floating point
// as its machine does, and a pixel may differ by a grey level.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "equal:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	switch {
	case len(args) >= 2 && args[0] == "draw":
		products := args[2:]
		if len(products) == 0 {
			products = []string{"logic"}
		}
		return draw(args[1], products)
	case len(args) == 2 && args[0] == "inspect":
		return inspectAll(args[1], out)
	case len(args) == 3 && args[0] == "compare":
		return compareFiles(args[1], args[2], out)
	}
	return errors.New("usage: equal draw FOLDER [PRODUCT ...] | equal inspect FOLDER | equal compare FILE FILE")
}
