package appliance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"kensa/bus/broker"
	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/bus/sparkplug"
	"kensa/bus/uns"
	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/firmware/display"
	"kensa/firmware/record"
	"kensa/firmware/station"
	"kensa/firmware/version"
	"kensa/hw/trigger"
)

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
func (a *Appliance) openBus(ctx context.Context) (err error) {
	if a.config.Ledger.Enabled { // records are signed also while nobody listens
		a.identity, err = ledger.OpenIdentity(filepath.Join(a.config.Storage.State, KeysFolder), a.config.Station.Name)
		if err != nil {
			return err
		}
	}
	if len(a.config.MQTT.Brokers) == 0 {
		return nil
	}
	a.throttle = session.NewThrottle(a.config.MQTT.Bandwidth)
	if a.config.MES.Enabled {
		if err := a.openMES(ctx); err != nil {
			return err
		}
	}
	if a.config.Ledger.Enabled {
		return a.openLedger()
	}
	return nil
}

func (a *Appliance) openMES(ctx context.Context) (err error) {
	a.mesSession, err = session.New(a.config.Connection("-mes"), a.log.With("part", "mes"))
	if err != nil {
		return err
	}
	a.mesSession.Share(a.throttle, false)
	node, err := sparkplug.New(a.config.Sparkplug(), a.mesSession, a.store, a.log.With("part", "mes"))
	if err != nil {
		return err
	}
	a.mes = newMES(node, a.store, a.rowUnreadable, a.log.With("part", "mes"))
	if err := a.openUNS(); err != nil {
		return err
	}
	return a.mes.restore(ctx)
}

// openUNS makes the mirror, with units as the births have them.
func (a *Appliance) openUNS() error {
	if !a.config.UNS.Enabled {
		return nil
	}
	line, err := session.New(a.config.Connection("-uns"), a.log.With("part", "uns"))
	if err != nil {
		return err
	}
	line.Share(a.throttle, false)
	units := map[string]string{}
	for _, m := range sparkplug.Fab() {
		if m.Unit != "" {
			units[m.Name] = m.Unit
		}
	}
	a.mes.mirror, err = uns.New(a.config.UNSNames(), units, line, a.log.With("part", "uns"))
	return err
}

func (a *Appliance) openLedger() (err error) {
	a.line, err = session.New(a.config.Connection("-ledger"), a.log.With("part", "ledger"))
	if err != nil {
		return err
	}
	a.line.Share(a.throttle, true) // somebody waits for what it tells; the MES's states are told anew
	path := a.config.Ledger.ReceiverKey
	if path == "" {
		path = filepath.Join(a.config.Storage.State, ReceiverKey)
	}
	pin, err := ledger.OpenPin(path, a.config.Ledger.ReceiverKey != "")
	if err != nil {
		return err
	}
	sending := a.config.Sender()
	sending.OnVoid = a.rowUnreadable
	a.ledger, err = ledger.NewSender(a.line, outbox{a.store.Outbox(record.Ledger)}, a.identity, pin, a.store.Epoch(), sending, a.log.With("part", "ledger"))
	return err
}

func (a *Appliance) rowUnreadable(why error) { a.alarms.Raise(alarm.RowUnreadable, why.Error()) }

func (a *Appliance) openStation(ctx context.Context) error {
	job, err := a.prepareJob(ctx)
	if err != nil {
		return err
	}
	a.screen = &screen{plan: job.Plan, log: a.log, status: display.Status{
		Tool: a.config.Station.Name, SoftwareVersion: version.Version, Recipe: job.Recipe, RecipeVersion: job.Version,
		Equipment: display.NonScheduled, Control: display.HostOffline,
	}}
	finished, err := archive{a.store.Reader}.Wafers(ctx, display.MaxFinished)
	if err != nil {
		return err
	}
	a.screen.board = display.NewBoard(display.State{Status: a.screen.status, Finished: finished})
	lines := a.tool.Lines()
	pulses, err := pulsesOf(a.tool)
	if err != nil {
		return err
	}
	meter, err := station.NewMeter(a.registry, a.config.Source.Live())
	if err != nil {
		return err
	}
	a.station, err = station.New(station.Parts{
		Lines: lines, Pulses: pulses, Camera: a.tool.Camera(), Handler: a.tool, Alarms: a.alarms, Log: a.log, Meter: meter, KeepFrames: a.keptFrames(),
		FreeCamera: a.config.Source.Live() && a.config.Lines.WaferPresent.Wired() && a.config.Trigger.Mode == config.Free,
		Climate:    a.climateNow,
		Store:      &keeper{a.store, a.identity, a.config, a.notify, a.committed},
		Optics:     newDustKeeper(a.config.Storage.State, job.Plan, a.log),
		Observer:   a.observers(),
	}, a.cycle(), job)
	return err
}

// committed makes a wafer's result the present one for hosts that come later.
func (a *Appliance) committed(seq uint64, w *record.Wafer) {
	if a.mes != nil {
		a.mes.current(seq, hostWafer(w))
	}
}

// keptFrames is how many frames of a real camera may wait for their pulses: of its
// buffers those that neither the queue nor the driver needs. Pulses come within a
// millisecond, on a busy box later.
func (a *Appliance) keptFrames() int {
	if a.config.Source.Live() {
		return max(a.config.Camera.Buffers-a.config.Cycle.Queue-config.DriverBuffers, 1)
	}
	return 0
}

// pulsesOf are the tool's field triggers.
func pulsesOf(t Tool) (trigger.Source, error) {
	if own, ok := t.(interface{ Pulses() trigger.Source }); ok {
		return own.Pulses(), nil
	}
	return trigger.NewCounter(t.Lines().FieldTrigger)
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
		Registry: a.registry, Board: a.screen.board, Archive: archive{a.store.Reader},
		Commands: operator{a.station, a.alarms, a.screen, a.control, a.store, a.log}, Health: a.health,
		Hosts: a.config.Display.Hosts, Log: a.log.With("part", "display"),
	})
	return err
}
