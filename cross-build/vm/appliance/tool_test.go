package appliance

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"kensa/hw/line/linetest"
)

// wired is the real program on real lines and a real camera's interface. The
// virtual camera exposes by itself, 60 times a second; it waits by the kernel's clock,
// whose ticks of 4 ms leave up to 20 ms between two frames.
const wired = `
[source]
camera = "v4l2:/dev/video0"
lot = "VM"
[storage]
state = "%s"
[camera]
input = 0
format = "GREY"
width = 320
height = 180
rate = 60.0
buffers = 24
controls = ["timestamp_source=Start of Exposure"]
[lines]
wafer_present = "tool/WAFER-PRESENT"
field_trigger = "tool/FIELD-TRIGGER"
ready = "tool/READY"
busy = "tool/BUSY"
result_ok = "tool/RESULT-OK"
result_ng = "tool/RESULT-NG"
[trigger]
mode = "free"
[tower]
green = "tool/GREEN"
[mqtt]
brokers = []
embedded = false
[cycle]
min_interval = "50ms"
settle = "1s"
`

// window is the pairing window, to be added to [cycle], where none is calibrated.
const window = `
latency_min = "0s"
latency_max = "30ms"
`

// bench is the tool's end of the lines, and the program.
type bench struct {
	*linetest.Chip
	t       *testing.T
	folder  string // for the program's state
	config  string
	program *exec.Cmd
	said    *bufio.Scanner
	log     bytes.Buffer // once it has ended
}

// newBench wires the lines and starts the program.
func newBench(t *testing.T) *bench {
	b := newWires(t)
	b.configure(wired + window)
	b.start()
	return b
}

// newWires wires the lines.
func newWires(t *testing.T) *bench {
	inMachine(t)
	if _, err := os.Stat(os.Getenv("KENSA")); err != nil {
		t.Skip("the machine was booted without the real program: make arm64 builds it")
	}
	return &bench{t: t, folder: t.TempDir(),
		Chip: linetest.New(t, "tool", "WAFER-PRESENT", "FIELD-TRIGGER", "READY", "BUSY", "RESULT-OK", "RESULT-NG", "GREEN", "STROBE", "CAMERA")}
}

// configure writes the configuration, whose %s becomes the bench's folder.
func (b *bench) configure(text string) {
	b.t.Helper()
	b.config = filepath.Join(b.folder, "kensa.toml")
	if err := os.WriteFile(b.config, fmt.Appendf(nil, text, b.folder), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// start runs the program.
func (b *bench) start() {
	t := b.t
	b.program = exec.Command(os.Getenv("KENSA"), "run", "--config", b.config)
	b.program.Stderr = io.MultiWriter(os.Stderr, &b.log)
	out, err := b.program.StdoutPipe()
	if err == nil {
		err = b.program.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	b.said = bufio.NewScanner(out)
	t.Cleanup(func() { _ = b.program.Process.Kill() }) // of one that a failed test left running
}

// await waits for a level of one of the appliance's lines.
func (b *bench) await(name string, l gpio.Level) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	for b.Read(name) != l {
		if ctx.Err() != nil {
			b.t.Fatalf("%s has not become %v", name, l)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// step is the tool's time from field to field, where READY lets it: less than the
// inspection takes in this machine, so that the queue fills and READY holds it.
const step = 200 * time.Millisecond

// wafer brings one wafer and returns the verdict.
func (b *bench) wafer(fields int) (ok bool) {
	b.await("READY", gpio.High)
	b.Drive("WAFER-PRESENT", gpio.High)
	b.await("BUSY", gpio.High)
	time.Sleep(10 * time.Millisecond)
	for range fields {
		b.await("READY", gpio.High)
		b.Pulse("FIELD-TRIGGER")
		time.Sleep(step)
	}
	b.Drive("WAFER-PRESENT", gpio.Low)
	b.await("BUSY", gpio.Low)
	if b.Read("RESULT-OK") == b.Read("RESULT-NG") {
		b.t.Error("RESULT-OK and RESULT-NG are alike")
	}
	return bool(b.Read("RESULT-OK"))
}

// TestTheProgramOnRealLines: however much slower the inspection is than the tool,
// each field is inspected, for the tool waits for READY.
func TestTheProgramOnRealLines(t *testing.T) {
	b := newBench(t)
	wafers, fields := 10, 24
	if testing.Short() {
		wafers = 2
	}
	for range wafers {
		if !b.wafer(fields) {
			t.Error("RESULT-NG, of a wafer without a defect")
		}
	}
	latency, err := exec.Command(os.Getenv("KENSA"), "doctor", "--latency", "--config", b.config).CombinedOutput()
	t.Logf("%s", latency)
	if err != nil || !strings.Contains(string(latency), fmt.Sprintf("left-to-result             %d", wafers)) {
		t.Errorf("doctor --latency: %v", err)
	}
	b.Drive("WAFER-PRESENT", gpio.High)
	b.await("GREEN", gpio.High)
	b.terminate()
	said := 0
	for b.said.Scan() {
		t.Log(b.said.Text())
		if strings.HasPrefix(b.said.Text(), "wafer ") {
			if said++; said <= wafers && !strings.Contains(b.said.Text(), fmt.Sprintf("dies %d/%d", fields, fields)) {
				t.Errorf("not every field was inspected: %s", b.said.Text())
			}
		}
	}
	if err := b.program.Wait(); err != nil {
		t.Error(err)
	}
	b.safe()
	b.Drive("WAFER-PRESENT", gpio.Low)
}

// stopBound is how long a program may take to stop: as long as systemd waits for it
// (TimeoutStopSec of cross-build/package/kensa.service).
const stopBound = 45 * time.Second

// terminate asks the program to stop. One that has not when its time is over
// prints what each of its goroutines waits for, and fails the test.
func (b *bench) terminate() {
	b.t.Helper()
	if err := b.program.Process.Signal(syscall.SIGTERM); err != nil {
		b.t.Fatal(err)
	}
	late := time.AfterFunc(stopBound, func() {
		b.t.Errorf("the program has not stopped %v after SIGTERM", stopBound)
		_ = b.program.Process.Signal(syscall.SIGQUIT) // it may have ended just now
	})
	b.t.Cleanup(func() { late.Stop() })
}

// safe looks that no output is asserted.
func (b *bench) safe() {
	b.t.Helper()
	for _, name := range []string{"READY", "BUSY", "RESULT-OK", "RESULT-NG", "GREEN"} {
		if b.Read(name) != gpio.Low {
			b.t.Errorf("%s is still asserted", name)
		}
	}
}

func TestTheProgramKilledLeavesNoLineAsserted(t *testing.T) {
	b := newBench(t)
	b.await("READY", gpio.High)
	b.Drive("WAFER-PRESENT", gpio.High)
	b.await("BUSY", gpio.High)
	if err := b.program.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = b.program.Wait() // it was killed
	b.safe()
}
