// Command boot boots the virtual machine: an arm64 kernel with a virtual camera
// and virtual lines, on which the real program runs.
//
//	boot test [-run REGEXP] [-v] [-long] [-cpus N] [-cpu MODEL] [PACKAGE...]   run the tests listed in cross-build/vm/tests, or those of the packages named
//	boot run [COMMAND...]                               run a command in it, with a shell beside it
//
// It is started from the root of the tree; `make test-vm` and `make vm` do that.
// Exit codes: 0 every test passed; 1 one did not, or the machine failed; 2 wrong
// command line.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// settings are the command line's.
type settings struct {
	binary  string        // the real program, dist/kensa-linux-arm64
	listen  string        // where the display of `boot run` is reached on this machine
	pattern string        // tests to run; empty means all
	verbose bool          // print what passes too
	long    bool          // without -short
	cpus    int           // of the machine for tests
	cpu     string        // their model, as qemu names it
	timeout time.Duration // of the whole machine
	words   []string
}

func main() {
	if len(os.Args) < 2 || os.Args[1] != "test" && os.Args[1] != "run" {
		fmt.Fprintln(os.Stderr, "usage: boot test|run; see its package comment")
		os.Exit(2)
	}
	var s settings
	flags := flag.NewFlagSet("boot "+os.Args[1], flag.ExitOnError)
	flags.StringVar(&s.binary, "binary", "dist/kensa-linux-arm64", "the real program; empty boots without it")
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8080", "run: where the operator display is reached on this machine")
	flags.StringVar(&s.pattern, "run", "", "test: regular expression of the tests to run")
	flags.BoolVar(&s.verbose, "v", false, "test: print the output of what passes too")
	flags.BoolVar(&s.long, "long", false, "test: the long forms")
	flags.IntVar(&s.cpus, "cpus", 1, "test: processors; more than one run in turn")
	flags.StringVar(&s.cpu, "cpu", "cortex-a72", "test: model of the processors and its features, as qemu names them")
	flags.DurationVar(&s.timeout, "timeout", 10*time.Minute, "test: wall time after which the machine is stopped")
	if err := flags.Parse(os.Args[2:]); err != nil {
		os.Exit(2)
	}
	s.words = flags.Args()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := s.boot(ctx, os.Args[1])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vm:", err)
		os.Exit(1)
	}
}

// boot makes the machine's memory disk and runs it.
func (s settings) boot(ctx context.Context, mode string) error {
	kernel, err := kernelFolder(ctx)
	if err != nil {
		return err
	}
	if _, err := exec.LookPath(qemu); err != nil {
		return fmt.Errorf("%s: not found; cross-build/deps.sh vm installs it", qemu)
	}
	work, err := os.MkdirTemp("", "kensa-vm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	m := machine{kernel: filepath.Join(kernel, "vmlinuz"), initrd: filepath.Join(work, "initrd"), cpus: s.cpus, cpu: s.cpu}
	if mode == "run" {
		return s.run(ctx, m, kernel, work)
	}
	return s.test(ctx, m, kernel, work)
}

// kernelFolder makes the kernel, unless it is there.
func kernelFolder(ctx context.Context) (string, error) {
	recipe := exec.CommandContext(ctx, "cross-build/vm/kernel.sh")
	recipe.Stderr = os.Stderr
	out, err := recipe.Output()
	if err != nil {
		return "", errors.New("no kernel; see above")
	}
	return strings.TrimSpace(string(out)), nil
}

func (s settings) run(ctx context.Context, m machine, kernel, work string) error {
	command := s.words
	if len(command) == 0 {
		command = []string{"/bin/kensa", "run", "--config", "/etc/kensa/kensa.toml"}
	}
	disk, err := s.disk(ctx, kernel, work, nil, command)
	if err != nil {
		return err
	}
	if err := disk.write(m.initrd); err != nil {
		return err
	}
	fmt.Printf("operator display, once it is up: http://%s; Ctrl-A X ends the machine\n", s.listen)
	return m.interactive(ctx, s.listen)
}

func (s settings) test(ctx context.Context, m machine, kernel, work string) error {
	tests, err := s.build(ctx, work)
	if err != nil {
		return err
	}
	disk, err := s.disk(ctx, kernel, work, tests, nil)
	if err != nil {
		return err
	}
	if err := disk.write(m.initrd); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("not done after %v; -timeout allows more", s.timeout))
	defer cancel()
	r := &report{to: os.Stdout, verbose: s.verbose, partial: s.pattern != "", expected: tests}
	if err := m.headless(ctx, r); err != nil {
		return errors.Join(err, r.close())
	}
	return r.close()
}
