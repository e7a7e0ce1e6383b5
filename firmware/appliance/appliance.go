// Package appliance builds every part of the program on the box from its
// configuration, and owns their lifetimes.
package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"kensa/bus/broker"
	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/bus/sparkplug"
	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/firmware/display"
	"kensa/firmware/record"
	"kensa/firmware/station"
	"kensa/firmware/version"
	"kensa/hw/trigger"
	"kensa/vision/wafer"
)

// Options are what an appliance is built from.
type Options struct {
	Config config.Config
	Log    *slog.Logger
	// WaferClosed is called with each committed wafer, from the station's own
	// goroutine: it must return at once. Nil: nobody asks.
	WaferClosed func(*record.Wafer)
	// Tool makes the tool for a plan, instead of the one that the configuration
	// names. Nil: that one.
	Tool func(*wafer.Plan) (Tool, error)
}

// Appliance is the program on the box. Make one with New, then call Run once,
// then Close.
type Appliance struct {
	options    Options
	config     config.Config
	log        *slog.Logger
	tool       Tool
	store      *record.Store
	alarms     *alarm.Set
	broker     *broker.Broker // nil where it is not embedded
	mes        *mes           // nil where switched off
	mesSession *session.Session
	ledger     *ledger.Sender // nil where switched off
	line       *session.Session
	identity   *ledger.Identity
	screen     *screen
	listener   net.Listener
	display    *display.Server
	station    *station.Station

	// What the watch last saw; its own.
	lastAnswered time.Time
	raised       map[alarm.ID]bool
	links        map[string]display.Connection
	control      display.ControlState

	closers []func() error // in the order of their making
}

// DatabaseName is the database's file within the state folder.
const DatabaseName = "kensa.db"

// KeysFolder is where an appliance's identity lies within the state folder.
const KeysFolder = "keys"

// New builds the parts and takes the addresses. Nothing runs yet. An address
// that is taken, a recipe that cannot be used, a database that cannot be opened
// is an error: all that is seen by the person who starts the program. What fails
// later is an alarm, and the appliance goes on where it can.
func New(ctx context.Context, o Options) (a *Appliance, err error) {
	a = &Appliance{options: o, config: o.Config, log: o.Log, alarms: alarm.NewSet(time.Now),
		raised: map[alarm.ID]bool{}, links: map[string]display.Connection{}, lastAnswered: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	for _, build := range []func(context.Context) error{
		a.openStore, a.startBroker, a.openBus, a.openStation, a.openDisplay,
	} {
		if err := build(ctx); err != nil {
			return a, err
		}
	}
	return a, nil
}

// onClose has f called by Close, the latest first.
func (a *Appliance) onClose(f func() error) { a.closers = append(a.closers, f) }

// Close lets go of everything that New took.
func (a *Appliance) Close() error {
	var errs []error
	for n := len(a.closers) - 1; n >= 0; n-- {
		errs = append(errs, a.closers[n]())
	}
	a.closers = nil
	return errors.Join(errs...)
}

func (a *Appliance) openStore(ctx context.Context) error {
	state := a.config.Storage.State
	if err := os.MkdirAll(state, 0o750); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	store, err := record.Open(ctx, filepath.Join(state, DatabaseName))
	if err != nil {
		return err
	}
	a.store = store
	a.onClose(store.Close)
	return nil
}

func (a *Appliance) startBroker(context.Context) error {
	if !a.config.MQTT.Embedded {
		return nil
	}
	address, err := url.Parse(a.config.MQTT.Brokers[0])
	if err != nil {
		return fmt.Errorf("mqtt.brokers: %w", err)
	}
	a.broker, err = broker.Start(address.Host, a.log.With("part", "broker"))
	if err != nil {
		return err
	}
	a.onClose(a.broker.Close)
	return nil
}

// openBus makes the two planes, each on a connection of its own: Sparkplug's
// last will must not speak for the ledger.
func (a *Appliance) openBus(context.Context) (err error) {
	if a.config.Ledger.Enabled { // records are signed also while nobody listens
		a.identity, err = ledger.OpenIdentity(filepath.Join(a.config.Storage.State, KeysFolder), a.config.Station.Name)
		if err != nil {
			return err
		}
	}
	if len(a.config.MQTT.Brokers) == 0 {
		return nil
	}
	if a.config.MES.Enabled {
		if err := a.openMES(); err != nil {
			return err
		}
	}
	if a.config.Ledger.Enabled {
		return a.openLedger()
	}
	return nil
}

func (a *Appliance) openMES() (err error) {
	a.mesSession, err = session.New(a.config.Connection("-mes"), a.log.With("part", "mes"))
	if err != nil {
		return err
	}
	names := sparkplug.Config{Group: a.config.Station.Site + "-" + a.config.Station.Area, Node: a.config.Station.Name, Device: a.config.MES.Device}
	node, err := sparkplug.New(names, a.mesSession, a.store, a.log.With("part", "mes"))
	if err != nil {
		return err
	}
	a.mes = newMES(node, a.store, a.log.With("part", "mes"))
	return nil
}

func (a *Appliance) openLedger() (err error) {
	a.line, err = session.New(a.config.Connection("-ledger"), a.log.With("part", "ledger"))
	if err != nil {
		return err
	}
	a.ledger, err = ledger.NewSender(a.line, outbox{a.store.Outbox(record.Ledger)}, a.identity, a.store.Epoch(), ledger.SenderConfig{}, a.log.With("part", "ledger"))
	return err
}

func (a *Appliance) openStation(ctx context.Context) error {
	job, err := a.prepareJob(ctx)
	if err != nil {
		return err
	}
	a.screen = &screen{plan: job.Plan, rules: job.Rules, log: a.log, status: display.Status{
		Tool: a.config.Station.Name, SoftwareVersion: version.Version, Recipe: job.Recipe, RecipeVersion: job.Version,
		Equipment: display.NonScheduled, Control: display.HostOffline,
	}}
	finished, err := archive{a.store.Reader}.Wafers(ctx, display.MaxFinished)
	if err != nil {
		return err
	}
	a.screen.board = display.NewBoard(display.State{Status: a.screen.status, Finished: finished})
	lines := a.tool.Lines()
	pulses, err := trigger.NewCounter(lines.FieldTrigger)
	if err != nil {
		return err
	}
	a.station, err = station.New(station.Parts{
		Lines: station.Lines{
			WaferPresent: lines.WaferPresent, Ready: lines.Ready, Busy: lines.Busy,
			ResultOK: lines.ResultOK, ResultNG: lines.ResultNG,
		},
		Pulses: pulses, Camera: a.tool.Camera(), Handler: a.tool, Alarms: a.alarms, Log: a.log,
		Store:    &keeper{a.store, a.identity, a.config, a.notify},
		Observer: a.observers(),
	}, a.config.Cycle, job)
	return err
}

// notify wakes those who send what was committed.
func (a *Appliance) notify() {
	if a.mes != nil {
		a.mes.Notify()
	}
	if a.ledger != nil {
		a.ledger.Notify()
	}
}

func (a *Appliance) openDisplay(context.Context) error {
	listener, err := display.Listen(a.config.Display.Listen)
	if err != nil {
		return err
	}
	a.onClose(func() error { // the display has closed it, if it ran
		if err := listener.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	a.listener = listener
	a.display, err = display.New(display.Options{
		Board: a.screen.board, Archive: archive{a.store.Reader},
		Commands: operator{a.station, a.alarms, a.screen, a.log}, Hosts: a.config.Display.Hosts, Log: a.log.With("part", "display"),
	})
	return err
}

// DisplayURL is where the operator display answers.
func (a *Appliance) DisplayURL() string { return "http://" + a.listener.Addr().String() }

// BrokerURL is where the embedded broker answers; empty where there is none.
func (a *Appliance) BrokerURL() string {
	if a.broker == nil {
		return ""
	}
	return a.broker.URL()
}

// Run inspects until the context ends or the tool has brought its last wafer.
// It returns after the last wafer was committed and, as far as the broker and
// the warning service answer, told.
func (a *Appliance) Run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wait sync.WaitGroup
	a.display.Start(a.listener)
	a.startBus(background)
	wait.Go(func() { a.relayAlarms(background) })
	wait.Go(func() { a.watch(background) })

	err := a.work(ctx)

	a.drain(ctx)
	stop()
	wait.Wait()
	a.stopBus()
	return errors.Join(err, a.display.Close())
}

// work runs the station for as long as the tool brings wafers.
func (a *Appliance) work(ctx context.Context) error {
	cycle, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.tool.Run(cycle); stop() }()
	err := a.station.Run(cycle)
	stop()
	if toolErr := <-ended; toolErr != nil && !errors.Is(toolErr, context.Canceled) {
		err = errors.Join(err, toolErr)
	}
	return err
}

func (a *Appliance) startBus(ctx context.Context) {
	if a.mes != nil {
		a.mes.Start(ctx)
	}
	if a.ledger != nil {
		a.ledger.Start(ctx)
		a.line.Start(ctx)
	}
}

// drain waits a little for the acknowledgements of what was committed, where there
// is a connection to get them by; longer where the service has answered before.
// What stays is sent at the next start.
func (a *Appliance) drain(ctx context.Context) {
	if a.ledger == nil || !a.line.State().Up {
		return
	}
	patience := 2 * time.Second
	if !a.ledger.Stats().LastAck.IsZero() {
		patience = 10 * time.Second
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := a.ledger.Drain(limit); err != nil {
		a.log.Warn("stopping with records unacknowledged; they are sent at the next start", "error", err)
	}
}

func (a *Appliance) stopBus() {
	if a.mes != nil {
		a.mes.Close()
	}
	if a.ledger != nil {
		a.ledger.Close()
		a.line.Close()
	}
}
