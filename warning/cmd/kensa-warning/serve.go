package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/bus/supervisor"
	"kensa/warning/intake"
	"kensa/warning/serve"
	"kensa/warning/store"
)

type serveCommand struct {
	Listen string   `default:"127.0.0.1:8090" placeholder:"ADDRESS" help:"Address of the page and the API (${default})."`
	Broker []string `default:"tcp://127.0.0.1:1883" placeholder:"URL" help:"MQTT broker, tcp:// or tls://; may be repeated (${default})."`
	State  string   `default:"var/warning" type:"path" placeholder:"DIR" help:"Folder of the database (${default})."`
	Enrol  string   `type:"path" placeholder:"DIR" help:"Folder of public keys, NODE.pub, of the nodes whose records are taken. Files count as soon as they are there (default: enrolled, in the state folder)."`

	ClientID     string `default:"kensa-warning" placeholder:"NAME" help:"Name at the broker (${default})."`
	Username     string `placeholder:"NAME" help:"Name to log in at the broker with."`
	PasswordFile string `type:"path" placeholder:"FILE" help:"File of which the first line is the password."`
	CAFile       string `name:"ca-file" type:"path" placeholder:"FILE" help:"Authorities of the broker's certificate, PEM."`
	CertFile     string `type:"path" placeholder:"FILE" help:"Own certificate, PEM."`
	KeyFile      string `type:"path" placeholder:"FILE" help:"Key of the own certificate, PEM."`

	Log slog.Level `default:"info" placeholder:"LEVEL" help:"Least level that is logged: debug, info, warn or error (${default})."`
}

func (c *serveCommand) session() session.Config {
	s := session.Default()
	s.Brokers, s.ClientID, s.Username, s.PasswordFile = c.Broker, c.ClientID, c.Username, c.PasswordFile
	s.CAFile, s.CertFile, s.KeyFile = c.CAFile, c.CertFile, c.KeyFile
	return s
}

// Run serves until a signal comes.
func (c *serveCommand) Run(ctx context.Context, std streams) (err error) {
	log := slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: c.Log}))
	if err := c.session().Check(); err != nil {
		return failure{err, exitUsage, ""}
	}
	s, err := store.Open(ctx, c.State)
	if err != nil {
		return failure{err, exitUsage, stateHint(err)}
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	enrolment, err := c.enrolment(log)
	if err != nil {
		return err
	}
	signer, err := ledger.OpenSigner(c.State, "kensa-warning")
	if err != nil {
		return failure{err, exitUsage, "put the key back from a backup; with a new one, every appliance must be told to trust it"}
	}
	in, err := intake.New(ctx, c.session(), s, enrolment, signer, log)
	if err != nil {
		return err
	}
	defer in.Close()
	server, err := serve.Listen(c.Listen, in, read().Version, log)
	if err != nil {
		return failure{err, exitUsage, listenHint(err)}
	}
	server.Start()
	in.Start(ctx)
	log.Info("serving", "page", "http://"+server.Addr().String(), "state", c.State, "enrolled", enrolment.Nodes(), "version", read().Version)
	stop := supervise(ctx, in, s, log)
	defer stop()
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case err = <-server.Failed():
	}
	return errors.Join(err, server.Close())
}

// supervise tells systemd that the service serves, and goes on proving that
// intake and store answer, until stopped. A broker that is away is no reason to
// be restarted.
func supervise(ctx context.Context, in *intake.Intake, s *store.Store, log *slog.Logger) (stop func()) {
	service := supervisor.Service{
		Alive: func(ctx context.Context) error { return alive(ctx, in, s) },
		Ready: func(context.Context) error { return nil },
		Status: func() string {
			if broker := in.Broker(); !broker.Up {
				return "waiting for the broker"
			}
			return fmt.Sprintf("receiving; %d nodes known", len(in.Nodes()))
		},
		Log: log,
	}
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	wait.Go(func() { service.Run(ctx) })
	return func() { cancel(); wait.Wait() }
}

// alive proves that the intake hands out what it counts, and that the store can
// be written.
func alive(ctx context.Context, in *intake.Intake, s *store.Store) error {
	answered := make(chan struct{})
	go func() { in.Nodes(); close(answered) }()
	select {
	case <-answered:
	case <-ctx.Done():
		return errors.New("the intake does not answer")
	}
	return s.Ping(ctx)
}

func (c *serveCommand) enrolment(log *slog.Logger) (*intake.Enrolment, error) {
	folder := c.Enrol
	if folder == "" {
		folder = filepath.Join(c.State, "enrolled")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, failure{err, exitUsage, stateHint(err)}
		}
	}
	e, err := intake.OpenEnrolment(folder, log)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, failure{err, exitUsage, "make the folder, and put the nodes' public keys into it, now or later"}
	case err != nil:
		return nil, failure{err, exitUsage, "copy the node's .pub file again from its key folder, or remove this one"}
	}
	return e, nil
}

func stateHint(err error) string {
	switch {
	case errors.Is(err, store.ErrLocked):
		return "stop the other kensa-warning, or give this one another --state"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		return "give a folder that this user may write to with --state"
	}
	return ""
}

func listenHint(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return "stop the program that has the port, or give another with --listen"
	}
	return ""
}
