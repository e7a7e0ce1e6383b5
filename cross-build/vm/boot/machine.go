package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"kensa/cross-build/vm/console"
)

const qemu = "qemu-system-aarch64"

// machine is the virtual machine.
type machine struct {
	kernel, initrd string
	cpus           int
	cpu            string // qemu's name of the model
}

// headless boots for tests. Guest time follows the instructions executed, two
// nanoseconds each, and leaps over idle time: a loaded host makes the run longer
// but changes no time within it, so that no paced stream loses anything and
// times measured in the guest are counts of instructions.
//
// Several processors run in turn then, for as long as to the next timer's end: each
// stands still while another runs, which is no board's behaviour.
func (m machine) headless(ctx context.Context, r *report) error {
	command := exec.CommandContext(ctx, qemu, m.arguments("test",
		"-accel", "tcg,thread=single", "-smp", strconv.Itoa(m.cpus), "-icount", "shift=1,sleep=off", "-nic", "none",
		"-display", "none", "-monitor", "none", "-serial", "stdio")...)
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	var said strings.Builder
	command.Stderr = &said
	if err := command.Start(); err != nil {
		return err
	}
	reading := r.read(console.NewReader(out))
	if reading != nil {
		_ = command.Process.Kill() // it may have ended already
	}
	_, _ = io.Copy(io.Discard, out) // what comes after a damaged console
	err = command.Wait()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the machine was stopped: %w", context.Cause(ctx))
	case reading != nil:
		return reading
	case err != nil:
		return fmt.Errorf("%s: %w: %s", qemu, err, said.String())
	}
	return nil
}

// interactive boots with the console on this terminal, in real time, and the
// operator display forwarded to listen.
func (m machine) interactive(ctx context.Context, listen string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	command := exec.CommandContext(ctx, qemu, m.arguments("run",
		"-accel", "tcg,thread=multi", "-smp", "2", "-nographic",
		// The card's boot program is in a package of its own, and nothing needs it.
		"-device", "virtio-net-pci,netdev=host,romfile=",
		"-netdev", fmt.Sprintf("user,id=host,restrict=on,hostfwd=tcp:%s:%s-:8080", host, port))...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	return command.Run()
}

func (m machine) arguments(mode string, more ...string) []string {
	return append([]string{"-M", "virt", "-cpu", m.cpu, "-m", "1024", "-no-reboot",
		"-kernel", m.kernel, "-initrd", m.initrd,
		"-append", "console=ttyAMA0 loglevel=1 panic=-1 kensa.mode=" + mode}, more...)
}
