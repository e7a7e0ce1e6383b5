// Command kensa-warning is Kensa's supply-chain early-warning service: it
// receives the yield records of many appliances and tells when a product's yield
// drifts down.
//
// Ports: HTTP on 127.0.0.1:8090 (--listen), for the page and the JSON API. It
// connects to an MQTT broker (--broker) and waits for it when it is not there.
//
// Signals: SIGINT and SIGTERM end it; what was acknowledged to a node is
// committed, the rest is sent again. A second one ends it at once.
//
// Exit codes: 0 done; 1 failed while running; 2 wrong usage or configuration,
// among these a taken port, a state folder that cannot be used, and a damaged
// key; 3 no answer from the service (status).
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
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNoAnswer = 3
)

const description = `Receive yield records of Kensa appliances and warn when a product's yield drifts down.

Exit codes: 0 done; 1 failed while running; 2 wrong usage or configuration; 3 no answer from the service.`

type cli struct {
	Serve   serveCommand   `cmd:"" default:"withargs" help:"Run the service (default)."`
	Status  statusCommand  `cmd:"" help:"Print what a running service knows."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// streams are what a command prints to.
type streams struct{ out, err io.Writer }

// failure is an error with its exit code and, where the cause is certain, what
// to do about it.
type failure struct {
	error
	code int
	hint string
}

func (f failure) Unwrap() error { return f.error }

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings given.
func run(args []string, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal has its usual effect
	var c cli
	exited := -1
	parser, err := kong.New(&c, kong.Name("kensa-warning"), kong.Description(description), kong.UsageOnError(),
		kong.Writers(out, errs), kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(streams{out, errs}))
	if err != nil {
		return report(errs, err)
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // help was printed
		return exitDone
	}
	if err != nil {
		return report(errs, failure{err, exitUsage, "kensa-warning --help lists commands and flags"})
	}
	return report(errs, parsed.Run())
}

// report prints an error and gives its exit code.
func report(errs io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(errs, "kensa-warning: error:", err)
	var f failure
	if !errors.As(err, &f) {
		return exitFailed
	}
	if f.hint != "" {
		fmt.Fprintln(errs, "kensa-warning: hint:", f.hint)
	}
	return f.code
}
