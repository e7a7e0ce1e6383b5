//go:build linux

// Command guest is the first and only process that the virtual machine's kernel
// starts. It mounts what programs expect, loads the modules, and then does what
// the kernel's command line asks for with kensa.mode:
//
//	test      runs the test binaries listed in /kensa/tests, one after the other,
//	          and tells of them in records on the console (package console)
//	run       runs the command in /kensa/run, with a shell beside it
//
// When that has ended it switches the machine off.
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "guest: is the first process of the virtual machine; `make test-vm` boots it")
		os.Exit(2)
	}
	console, err := os.OpenFile("/dev/console", os.O_RDWR, 0)
	if err == nil {
		err = prepare()
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "guest:", err)
	case mode() == "run":
		err = run(console)
	default:
		err = test(console)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
	}
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Fprintln(os.Stderr, "guest: power off:", err)
	}
}

// mode is what the kernel's command line asks for.
func mode() string {
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return ""
	}
	for _, word := range strings.Fields(string(line)) {
		if value, ok := strings.CutPrefix(word, "kensa.mode="); ok {
			return value
		}
	}
	return ""
}
