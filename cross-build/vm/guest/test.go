//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"kensa/cross-build/vm/console"
)

// Test is one test binary to run, as the host lists it in /kensa/tests.
type Test struct {
	Package string   `json:"package"`
	Binary  string   `json:"binary"`
	Folder  string   `json:"folder"` // where it runs; holds its testdata
	Flags   []string `json:"flags"`
}

// test runs every test binary and tells of it on the console.
func test(serial *os.File) error {
	if err := raw(serial); err != nil {
		return fmt.Errorf("console: %w", err)
	}
	to := console.NewWriter(serial)
	code := 0
	if err := testAll(to); err != nil {
		code = 1
		_ = to.Write(console.Record{Kind: console.Note, Text: []byte(err.Error())}) // the next line fails too then
	}
	return to.Write(console.Record{Kind: console.Done, Code: code})
}

func testAll(to *console.Writer) error {
	list, err := os.ReadFile("/kensa/tests")
	if err != nil {
		return err
	}
	var tests []Test
	if err := json.Unmarshal(list, &tests); err != nil {
		return fmt.Errorf("/kensa/tests: %w", err)
	}
	kernel, err := openKernelLog()
	if err != nil {
		return err
	}
	defer kernel.Close()
	for _, t := range tests {
		if err := runTest(to, kernel, t); err != nil {
			return err
		}
	}
	return nil
}

// runTest runs one binary. It fails by its exit code, and when the kernel found
// fault with itself meanwhile.
func runTest(to *console.Writer, kernel *kernelLog, t Test) error {
	if err := to.Write(console.Record{Kind: console.Begin, Package: t.Package}); err != nil {
		return err
	}
	out := to.Stream(t.Package)
	command := exec.Command(t.Binary, t.Flags...)
	command.Dir, command.Stdout, command.Stderr = t.Folder, out, out
	// A process that the test left running holds its output open; it must not hold up
	// the tests to come.
	command.WaitDelay = 5 * time.Second
	started := time.Now()
	err := command.Run()
	end := console.Record{Kind: console.End, Package: t.Package, Code: exitCode(out, err), Seconds: time.Since(started).Seconds()}
	said, oops := kernel.since()
	if oops && end.Code == 0 {
		end.Code = 1
	}
	if end.Code != 0 && said != "" {
		fmt.Fprintf(out, "the kernel meanwhile:\n%s", said)
	}
	return to.Write(end)
}

func exitCode(out io.Writer, err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, exec.ErrWaitDelay):
		fmt.Fprintln(out, "a process that it started still runs")
		return 1
	case errors.As(err, &exit):
		if exit.ExitCode() < 0 {
			fmt.Fprintf(out, "ended by %v\n", exit)
			return 1
		}
		return exit.ExitCode()
	}
	fmt.Fprintf(out, "cannot be run: %v\n", err)
	return 1
}

// raw lets records pass the console's line discipline unchanged.
func raw(serial *os.File) error {
	settings, err := unix.IoctlGetTermios(int(serial.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	settings.Oflag &^= unix.OPOST
	settings.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
	return unix.IoctlSetTermios(int(serial.Fd()), unix.TCSETS, settings)
}

// kernelLog reads /dev/kmsg: a record a read, such as "4,123,456789,-;text".
type kernelLog struct{ fd int }

func openKernelLog() (*kernelLog, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/kmsg: %w", err)
	}
	if _, err = unix.Seek(fd, 0, io.SeekEnd); err != nil {
		return nil, fmt.Errorf("/dev/kmsg: %w", err)
	}
	return &kernelLog{fd}, nil
}

// since returns what the kernel has said since the last call, and whether it is
// a fault of the kernel's own.
func (k *kernelLog) since() (said string, oops bool) {
	var text strings.Builder
	buffer := make([]byte, 8192)
	for {
		n, err := unix.Read(k.fd, buffer)
		if err == unix.EPIPE { // some were overwritten; the next read goes on
			continue
		}
		if err != nil || n == 0 {
			break
		}
		_, message, _ := bytes.Cut(buffer[:n], []byte(";"))
		line, _, _ := bytes.Cut(message, []byte("\n"))
		fmt.Fprintf(&text, "\t%s\n", line)
		for _, fault := range []string{"Oops", "BUG:", "WARNING: CPU", "Internal error"} {
			oops = oops || bytes.Contains(line, []byte(fault))
		}
	}
	return text.String(), oops
}

// Close closes the log.
func (k *kernelLog) Close() { unix.Close(k.fd) }
