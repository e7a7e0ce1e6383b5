//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
)

// run runs the command in /kensa/run until it ends, then a shell, on the
// console, until that ends.
func run(serial *os.File) error {
	var command []string
	text, err := os.ReadFile("/kensa/run")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &command); err != nil {
		return fmt.Errorf("/kensa/run: %w", err)
	}
	// The address that qemu's own network gives its guest.
	address := netip.AddrFrom4([4]byte{10, 0, 2, 15})
	if err := up("eth0", &address); err != nil {
		return err
	}
	if len(command) > 0 {
		fmt.Fprintln(serial, "$", command)
		if err := foreground(serial, command...); err != nil {
			fmt.Fprintln(serial, "guest:", err)
		}
	}
	fmt.Fprintln(serial, "a shell; exit switches the machine off")
	return foreground(serial, "/bin/busybox", "sh")
}

// foreground runs a command with the console as its terminal, so that Ctrl-C is
// for the command.
func foreground(serial *os.File, words ...string) error {
	command := exec.Command(words[0], words[1:]...)
	command.Dir = "/root"
	command.Stdin, command.Stdout, command.Stderr = serial, serial, serial
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return command.Run()
}
