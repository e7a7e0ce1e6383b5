package inspect_test

import (
	"fmt"
	"os"
	"runtime/pprof"
	"testing"
)

// TestMain fails the run when an OpenCV matrix was not closed. gocv keeps this
// profile only with -tags matprofile.
func TestMain(m *testing.M) {
	code := m.Run()
	if open := pprof.Lookup("gocv.io/x/gocv.Mat"); open != nil && open.Count() > 0 {
		fmt.Println("FAIL: OpenCV matrices left open:")
		if err := open.WriteTo(os.Stdout, 1); err != nil {
			fmt.Println(err)
		}
		code = 1
	}
	os.Exit(code)
}
