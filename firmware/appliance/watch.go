package appliance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"kensa/bus/session"
	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
	"kensa/firmware/alarm"
	"kensa/firmware/display"
	"kensa/firmware/record"
	"kensa/firmware/version"
)

// relayAlarms tells the display, the host and the history of every alarm.
func (a *Appliance) relayAlarms(ctx context.Context) {
	const buffer = 256
	changes, cancel := a.alarms.Subscribe(buffer)
	defer cancel()
	left, err := a.store.Unfinished(ctx)
	if err != nil {
		a.log.Error("alarms of the run before not told", "error", err)
	}
	for _, gone := range left {
		a.keep(ctx, gone)
	}
	for _, set := range a.alarms.Active() {
		a.relay(ctx, set)
	}
	dropped := uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-changes:
			if c.Dropped != dropped {
				dropped = c.Dropped
				a.log.Warn("alarm changes lost; the history has gaps", "dropped", dropped)
				for _, set := range a.alarms.Active() {
					a.relay(ctx, set)
				}
			}
			a.relay(ctx, c.Alarm)
		}
	}
}

func (a *Appliance) relay(ctx context.Context, changed alarm.Alarm) {
	a.screen.alarm(changed)
	if a.tower != nil {
		a.tower.alarm(changed)
	}
	a.keep(ctx, changed)
}

// keep puts an alarm into the history, and its setting and clearing into the MES
// outbox.
func (a *Appliance) keep(ctx context.Context, changed alarm.Alarm) {
	var err error
	var told []sparkplug.Numbered
	if a.config.MES.Enabled {
		err = a.store.TellAlarm(ctx, changed, func(tx *record.Tx, as alarm.Alarm) error {
			report := hostAlarm(as, len(a.alarms.Active()))
			seq, err := announce(tx, announcement{Alarm: &report})
			told = append(told, sparkplug.Numbered{Number: seq, Report: report})
			return err
		})
	} else {
		err = a.store.SaveAlarm(ctx, changed)
	}
	if err != nil && ctx.Err() == nil {
		a.log.Error("alarm not kept", "alid", changed.ID, "error", err)
	}
	if err == nil && a.mes != nil && told != nil {
		for _, report := range told {
			a.mes.current(report.Number, report.Report)
		}
		a.mes.Notify()
	}
}

// Intervals of the watch, and how long a link may be down before that is an
// alarm: a restart of the broker is none.
const (
	watchInterval = time.Second
	healthEvery   = 10   // watches
	pruneEvery    = 3600 // watches
	linkPatience  = 10 * time.Second
	backlogAlarm  = 10_000 // records
	ackPatience   = 15 * time.Second
	bytesPerMiB   = 1 << 20
	clockUnsynced = 0x40 // STA_UNSYNC of adjtimex(2)
	// setBack is by how much a clock goes back at least that is told: a time server
	// corrects less without harm.
	setBack = time.Minute
	// renewalTime is how long before its end a certificate wants renewal.
	renewalTime = 14 * 24 * time.Hour
)

// watch looks after what nobody else does: links, disk, clock, retention.
func (a *Appliance) watch(ctx context.Context) {
	ticker, started := time.NewTicker(watchInterval), time.Now()
	defer ticker.Stop()
	for n := 0; ; n++ {
		a.watchLinks()
		a.watchClock(time.Now(), time.Since(started))
		if n%healthEvery == 0 {
			a.watchHealth(ctx)
		}
		if n%pruneEvery == 0 {
			a.prune(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// watchLinks shows the state of the connections, and raises alarms for those
// that stay down.
func (a *Appliance) watchLinks() {
	broker := display.Connection{Name: display.Broker, Link: display.Off}
	warning := display.Connection{Name: display.Warning, Link: display.Off}
	if a.mes != nil {
		broker = linkOf(display.Broker, a.mesSession.State())
	}
	if a.ledger != nil {
		state := a.line.State()
		if a.mes == nil {
			broker = linkOf(display.Broker, state)
		}
		warning = a.warningLink(state)
	}
	a.alarmWhen(broker.Link == display.Down && time.Since(broker.Since) > linkPatience, alarm.BrokerUnreachable, broker.Detail)
	if a.ledger != nil {
		a.watchLedger()
	}
	if a.mes != nil {
		broker = a.watchHost(broker)
	}
	a.control.setOnline(a.mes != nil && broker.Link == display.Up)
	for _, c := range []display.Connection{broker, warning} {
		a.setLink(c)
	}
}

func linkOf(name string, s session.State) display.Connection {
	c := display.Connection{Name: name, Link: display.Down, Since: s.Since, Detail: s.Broker}
	if s.Up {
		c.Link = display.Up
	} else if s.Err != nil {
		c.Detail = s.Err.Error()
	}
	return c
}

// warningLink judges the warning service by what it says itself: the broker
// answers for nobody.
func (a *Appliance) warningLink(s session.State) display.Connection {
	stats := a.ledger.Stats()
	c := linkOf(display.Warning, s)
	c.Pending = int(stats.Pending())
	switch {
	case stats.Pending() == 0:
		a.lastAnswered = time.Now()
	case stats.LastAck.After(a.lastAnswered):
		a.lastAnswered = stats.LastAck
	}
	if s.Up && c.Pending > 0 && time.Since(a.lastAnswered) > ackPatience {
		c.Link, c.Since, c.Detail = display.Down, a.lastAnswered, "no acknowledgement"
	}
	return c
}

// alarmWhen keeps an alarm set for as long as something is wrong.
func (a *Appliance) alarmWhen(wrong bool, kind alarm.Kind, detail string) {
	if wrong == a.raised[kind.ID] {
		return
	}
	a.raised[kind.ID] = wrong
	if wrong {
		a.alarms.Raise(kind, detail)
	} else {
		a.alarms.Clear(kind.ID)
	}
}

// watchHost shows a primary host that is offline as a link that is down, and
// raises alarms for what the host or its integrator must put right.
func (a *Appliance) watchHost(broker display.Connection) display.Connection {
	state := a.mes.node.State()
	absent := broker.Link == display.Up && state.WaitsForHost
	if absent {
		broker.Link, broker.Detail = display.Down, "primary host "+a.config.MES.PrimaryHost+" is offline"
	}
	a.alarmWhen(absent && time.Since(broker.Since) > linkPatience, alarm.HostAbsent, broker.Detail)
	a.alarmWhen(state.Namesake != "", alarm.NameTaken, state.Namesake)
	if state.Refused != a.refused {
		a.refused = state.Refused
		a.alarms.Raise(alarm.HostRefused, state.Refusal)
	}
	return broker
}

func (a *Appliance) setLink(c display.Connection) {
	if a.links[c.Name] != c {
		a.links[c.Name] = c
		a.screen.apply(display.ConnectionChanged{Connection: c})
	}
}

// watchClock compares the clock with the time that has gone by since the watch began,
// which nobody can set.
func (a *Appliance) watchClock(wall time.Time, gone time.Duration) {
	begun := wall.Round(0).Add(-gone) // as the clock has it now
	if !a.begun.IsZero() && a.begun.Sub(begun) >= setBack {
		a.alarms.Raise(alarm.ClockSetBack, fmt.Sprintf("by %v, to %s", a.begun.Sub(begun).Round(time.Second), wall.UTC().Format(time.DateTime)))
	}
	a.begun = begun
}

// watchCertificate tells in time that the appliance's own certificate ends, or a
// broker's: no connection comes to be after it.
func (a *Appliance) watchCertificate(now time.Time) {
	ends := map[string]time.Time{}
	if own, err := a.config.MQTT.ClientExpires(); err == nil { // else no connection comes to be, and that is told with the reason
		ends[a.config.MQTT.CertFile] = own
	}
	for _, line := range []*session.Session{a.mesSession, a.line} {
		if line != nil {
			state := line.State()
			ends["of "+state.Broker] = state.Expires
		}
	}
	var soon []string
	for whose, end := range ends {
		if !end.IsZero() && end.Sub(now) < renewalTime {
			soon = append(soon, fmt.Sprintf("%s on %s", whose, end.UTC().Format(time.DateOnly)))
		}
	}
	slices.Sort(soon)
	a.alarmWhen(soon != nil, alarm.CertificateEnds, strings.Join(soon, ", "))
}

// watchHealth looks at the disk and the clock.
func (a *Appliance) watchHealth(ctx context.Context) {
	free, err := FreeSpace(a.config.Storage.State)
	if err != nil {
		a.log.Error("free disk space unknown", "folder", a.config.Storage.State, "error", err)
	} else {
		low := free < uint64(a.config.Storage.MinFree)*bytesPerMiB
		a.alarmWhen(low, alarm.DiskNearlyFull, fmt.Sprintf("%d MiB free of the %d wanted", free/bytesPerMiB, a.config.Storage.MinFree))
	}
	a.watchClimate()
	a.watchCertificate(time.Now())
	a.watchCalibration(time.Now())
	if a.config.Source.Live() {
		a.alarmWhen(!ClockSynchronised(), alarm.ClockUnsynchronised, "the kernel's clock follows no time server")
	}
	if a.ledger != nil {
		a.watchBacklog(ctx)
	}
	if a.mes != nil {
		values := map[string]payload.Value{sparkplug.HealthSoftware: payload.String(version.Version), sparkplug.HealthDisk: payload.UInt64(free)}
		waiting := uint64(0)
		if a.ledger != nil {
			waiting = a.ledger.Stats().Pending()
		}
		numbers, err := a.store.Numbering(ctx, record.MES)
		if err != nil && ctx.Err() == nil {
			a.log.Error("MES outbox not read", "error", err)
		}
		a.alarmWhen(numbers.Waiting() > backlogAlarm, alarm.HostBacklog, fmt.Sprintf("%d results and alarms wait", numbers.Waiting()))
		maps.Copy(values, healthOfClimate(a.climateNow()))
		values[sparkplug.HealthClock] = clockOffset()
		values[sparkplug.HealthOutbox] = payload.UInt64(waiting + numbers.Waiting())
		a.mes.update(values)
	}
}

// FreeSpace is what an ordinary user may still write at the folder, in bytes.
func FreeSpace(folder string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, err
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// ClockSynchronised reports whether the kernel's clock follows a time server.
func ClockSynchronised() bool {
	var t unix.Timex
	_, err := unix.Adjtimex(&t)
	return err == nil && t.Status&clockUnsynced == 0
}

// clockOffset is what the kernel still has to correct of its clock, ms.
func clockOffset() payload.Value {
	const nano = 0x2000 // STA_NANO: the offset is in nanoseconds, else in microseconds
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil || t.Status&clockUnsynced != 0 {
		return payload.Null(payload.TypeDouble)
	}
	unit := time.Microsecond
	if t.Status&nano != 0 {
		unit = time.Nanosecond
	}
	return payload.Double(float64(t.Offset) * float64(unit) / float64(time.Millisecond))
}

func (a *Appliance) prune(ctx context.Context) {
	if a.config.Storage.KeepDays == 0 {
		return
	}
	keep := time.Duration(a.config.Storage.KeepDays) * 24 * time.Hour
	pruned, err := a.store.Prune(ctx, record.Retention{Wafers: keep, Images: keep}, time.Now())
	if err != nil && ctx.Err() == nil {
		a.log.Error("old wafers not removed", "error", err)
	}
	if pruned.Wafers > 0 {
		a.log.Info("old wafers removed", "wafers", pruned.Wafers, "images", pruned.Images, "alarms", pruned.Alarms)
	}
}
