// Command kensa is the appliance beside a wafer-inspection tool, and the tools
// of those who set it up.
//
// `kensa run` is the appliance. It listens on the operator display's address
// (127.0.0.1:8080 unless configured) and, where the embedded broker is switched
// on, on that of the first broker (127.0.0.1:1883). SIGINT and SIGTERM stop it:
// READY falls, the wafer on the chuck is closed as incomplete and committed,
// and what the warning service has not acknowledged stays in the outbox. That takes
// 40 seconds at most; a stop that takes longer prints what each goroutine waits for,
// and fails.
//
// Exit codes, of every command:
//
//	0  done
//	1  failed while running
//	2  wrong command line, configuration or recipe
//	3  input that cannot be read: an image, a golden, a classifier, a folder, the database
//	4  an address is taken
//	5  `kensa simulate --wafers`: some wafer was not inspected, recorded and acknowledged
//	6  `kensa update`: the bundle was refused; nothing has changed
//	7  `kensa update`: the new version did not become healthy; the one before is back
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitFailed     = 1
	exitUsage      = 2
	exitInput      = 3
	exitAddress    = 4
	exitIncomplete = 5
	exitRefused    = 6
	exitWentBack   = 7
)

const description = `Kensa inspects wafers beside the tool.

Exit codes: 0 done; 1 failed while running; 2 wrong command line, configuration
or recipe; 3 input that cannot be read; 4 an address is taken; 5 simulate: some
wafer was not inspected, recorded and acknowledged; 6 update: the bundle was
refused; 7 update: the new version did not become healthy, the one before is back.`

// commands is the whole command line.
type commands struct {
	Run       runCommand       `cmd:"" help:"Be the appliance: inspect what the tool brings, until stopped."`
	Simulate  simulateCommand  `cmd:"" help:"Run everything on this machine with a simulated tool, or write its frames."`
	Inspect   inspectCommand   `cmd:"" help:"Inspect images: against a reference, or as bare wafers."`
	Train     trainCommand     `cmd:"" help:"Learn a recipe's golden die, or the site's own classes of defects."`
	Calibrate calibrateCommand `cmd:"" help:"Measure the station: camera, optics, light, stage, trigger."`
	Evaluate  evaluateCommand  `cmd:"" help:"Score the inspection against labelled pairs, or against simulated wafers."`
	Wafers    wafersCommand    `cmd:"" help:"List the wafers inspected."`
	Show      showCommand      `cmd:"" help:"Show one wafer."`
	Export    exportCommand    `cmd:"" help:"Write one wafer as KLARF or CSV."`
	Bus       busCommand       `cmd:"" help:"Watch the broker, check it, and command an appliance as a host."`
	Audit     auditCommand     `cmd:"" help:"Read or check the log of who ordered what."`
	Camera    cameraCommand    `cmd:"" help:"List, show, set and try the cameras of this machine."`
	Doctor    doctorCommand    `cmd:"" help:"Check configuration, folders, broker, camera and clock."`
	Update    updateCommand    `cmd:"" help:"Install a signed bundle; go back to the version before."`
	Kiosk     kioskCommand     `cmd:"" help:"Keep a browser with the operator display on this machine's screen."`
	Version   versionCommand   `cmd:"" help:"Print the version."`
}

// console is where a command reads its context from and prints to.
type console struct {
	context.Context
	in       io.Reader
	out, err io.Writer
	exit     func(code int) // ends the program at once; nil: it cannot be
}

// without is a context that a signal does not end: for what must still be done
// after one.
func (c console) without() context.Context { return context.WithoutCancel(c.Context) }

// failure is an error with an exit code and, where the cause is certain, a hint.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// fail wraps an error for the user; nil stays nil.
func fail(code int, err error, hint string) error {
	if err == nil {
		return nil
	}
	return &failure{code, err, hint}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(console{ctx, os.Stdin, os.Stdout, os.Stderr, os.Exit}, os.Args[1:])
	stop()
	os.Exit(code)
}

// execute runs one command line and returns its exit code.
func execute(c console, args []string) int {
	var cli commands
	code := -1
	parser, err := kong.New(&cli, kong.Name("kensa"), kong.Description(description), kong.UsageOnError(),
		kong.Writers(c.out, c.err), kong.Exit(func(n int) { code = n }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		return report(c.err, err)
	}
	chosen, err := parser.Parse(args)
	if code >= 0 { // --help
		return code
	}
	if err != nil {
		return report(c.err, fail(exitUsage, err, "kensa --help lists the commands"))
	}
	return report(c.err, chosen.Run(c))
}

// report prints an error as `kensa: error:` and `kensa: hint:` and returns the
// exit code.
func report(to io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(to, "kensa: error: %v\n", err)
	var f *failure
	if !errors.As(err, &f) {
		return exitFailed
	}
	if f.hint != "" {
		fmt.Fprintf(to, "kensa: hint: %s\n", f.hint)
	}
	return f.code
}
