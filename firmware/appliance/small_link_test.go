package appliance

import (
	"net/url"
	"testing"

	"kensa/bus/ledger"
	"kensa/bus/session/sessiontest"
	"kensa/firmware/record"
)

// narrowed is what watches an appliance behind a link of so many bytes a second, with
// wafers that wait.
func narrowed(t *testing.T, bandwidth int, small bool, wafers int, make func(number uint64) *record.Wafer) (watched, service, *sessiontest.Relay) {
	t.Helper()
	c, s := serviced(t)
	broker, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	relay := sessiontest.NewRelay(t, broker.Host)
	c.MQTT.Brokers = []string{"tcp://" + relay.Address}
	c.MQTT.SmallLink, c.MQTT.Bandwidth = small, bandwidth
	commitAll(t, c, 1, wafers, make)
	return watch(t, c), s, relay
}

// toldOnce waits until a backlog of both planes is told, and checks that it went on the
// connections that it began with, and that nothing was sent twice because of the
// slowness.
func toldOnce(t *testing.T, w watched, s service, relay *sessiontest.Relay, records int) {
	t.Helper()
	drainLedger(t, w)
	eventuallyTold(t, w)
	stats := w.ledger.Stats()
	if stats.Repeated != 0 || w.line.State().Attempts != 0 || w.mesSession.State().Attempts != 0 || stats.Epochs != 0 || relay.Pairs() != 2 {
		t.Errorf("%+v; ledger's connection %+v, MES's %+v, %d connections; want nothing repeated, and two", stats, w.line.State(), w.mesSession.State(), relay.Pairs())
	}
	if at, err := s.store.Position(t.Context(), ledger.Stream{Node: w.config.Station.Name, Epoch: w.store.Epoch()}); at != uint64(records) || err != nil {
		t.Errorf("the service stands at %d, %v; want %d", at, err, records)
	}
	t.Logf("%d bytes up for %d records and results", relay.Up(), records)
}

// A backlog goes over a link of six kilobytes a second.
func TestSmallLink(t *testing.T) {
	records := 40
	if testing.Short() {
		records = 20
	}
	w, s, relay := narrowed(t, 6000, true, records, killedWafer)
	toldOnce(t, w, s, relay, records)
	if stats := w.ledger.Stats(); stats.Messages < uint64(records)/4 {
		t.Errorf("%d records in %d messages; want few in one, lest others wait", records, stats.Messages)
	}
}

// Results with die maps pass too, though each takes seconds.
func TestDieMapsOnANarrowLink(t *testing.T) {
	const wafers = 3
	w, s, relay := narrowed(t, 10_000, false, wafers, largeWafer)
	toldOnce(t, w, s, relay, wafers)
	if least := wafers * 20_000; relay.Up() < int64(least) {
		t.Errorf("%d bytes up; want at least %d: the die maps", relay.Up(), least)
	}
}

// eventuallyTold waits until the MES outbox is empty.
func eventuallyTold(t testing.TB, w watched) {
	t.Helper()
	w.eventually("told results", func() bool {
		n, err := w.store.Numbering(t.Context(), record.MES)
		return err == nil && n.Waiting() == 0
	})
}
