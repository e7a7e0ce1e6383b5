// Package appliance builds every part of the program on the box from its
// configuration, and owns their lifetimes.
package appliance

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kensa/bus/broker"
	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/calibration/store"
	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/firmware/display"
	"kensa/firmware/record"
	"kensa/firmware/station"
	"kensa/vision/hotpath"
	"kensa/vision/inspect"
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
	throttle   *session.Throttle // of all connections; nil for none
	ledger     *ledger.Sender    // nil where switched off
	line       *session.Session
	identity   *ledger.Identity
	screen     *screen
	control    *control
	listener   net.Listener
	display    *display.Server
	station    *station.Station
	remote     *remote // nil where the MES plane is switched off
	inspectors []inspect.Inspector
	loaded     loaded
	registry   *prometheus.Registry
	// calibration in use and what its maps correct frames by; nil where there is none.
	calibration *store.Calibration
	flat        *hotpath.Flat
	tower       *lamps    // nil where there is none
	climate     *climate  // nil where there is no sensor
	hurried     sync.Once // tells a refusal of the threads' urgency

	// What the watch last saw; its own.
	lastAnswered time.Time
	raised       map[alarm.ID]bool
	links        map[string]display.Connection
	refused      uint64    // messages of hosts, as last seen
	epochs       uint64    // begun by the ledger, as last seen
	stuck        int       // watches since its outbox last answered
	nearSince    time.Time // since when the ledger is near its retention; zero while it is not
	begun        time.Time // when the watch began, as the clock had it

	closers Closers
}

// DatabaseName is the database's file within the state folder.
const DatabaseName = "kensa.db"

// KeysFolder is where an appliance's identity lies within the state folder.
const KeysFolder = "keys"

// ReceiverKey is where the first key that acknowledged is kept within the state
// folder. It is not among the keys: a warning service may enrol those.
const ReceiverKey = "receiver.pub"

// New builds the parts and takes the addresses. Nothing runs yet. An address
// that is taken, a recipe that cannot be used, a database that cannot be opened
// is an error: all that is seen by the person who starts the program. What fails
// later is an alarm, and the appliance goes on where it can.
func New(ctx context.Context, o Options) (a *Appliance, err error) {
	a = bare(o)
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	for _, build := range []func(context.Context) error{
		a.openStore, a.openControl, a.startBroker, a.openBus, a.openPeriphery, a.openStation, a.openRemote, a.openDisplay,
	} {
		if err := build(ctx); err != nil {
			return a, err
		}
	}
	return a, nil
}

// bare is an appliance without parts.
func bare(o Options) *Appliance {
	return &Appliance{options: o, config: o.Config, log: o.Log, alarms: alarm.NewSet(time.Now),
		registry: prometheus.NewRegistry(), raised: map[alarm.ID]bool{}, links: map[string]display.Connection{}, lastAnswered: time.Now()}
}

// onClose has f called by Close, the latest first.
func (a *Appliance) onClose(f func() error) { a.closers.Add(f) }

// Close lets go of everything that New took.
func (a *Appliance) Close() error {
	return a.closers.Close()
}

// DisplayURL is where the operator display answers.
func (a *Appliance) DisplayURL() string { return "http://" + a.listener.Addr().String() }

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
		a.remote.Start(ctx)
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
		a.remote.Close()
		a.mes.Close()
	}
	if a.ledger != nil {
		a.ledger.Close()
		a.line.Close()
	}
}
