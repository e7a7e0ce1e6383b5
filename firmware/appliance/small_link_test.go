package appliance

import (
	"net/url"
	"testing"

	"kensa/bus/ledger"
	"kensa/bus/session/sessiontest"
	"kensa/firmware/record"
)

// A backlog of both planes goes over a link of six kilobytes a second, on the
// connections that it began with, and nothing is sent twice because of the slowness.
func TestSmallLink(t *testing.T) {
	c, s := serviced(t)
	broker, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	relay := sessiontest.NewRelay(t, broker.Host)
	c.MQTT.Brokers = []string{"tcp://" + relay.Address}
	c.MQTT.SmallLink, c.MQTT.Bandwidth = true, 6000
	records := 40
	if testing.Short() {
		records = 20
	}
	commitWafers(t, c, 1, records)
	w := watch(t, c)
	drainLedger(t, w)
	eventuallyTold(t, w)
	stats := w.ledger.Stats()
	if stats.Repeated != 0 || w.line.State().Attempts != 0 || w.mesSession.State().Attempts != 0 || stats.Epochs != 0 || relay.Pairs() != 2 {
		t.Errorf("%+v; ledger's connection %+v, MES's %+v, %d connections; want nothing repeated, and two", stats, w.line.State(), w.mesSession.State(), relay.Pairs())
	}
	if stats.Messages < uint64(records)/4 {
		t.Errorf("%d records in %d messages; want few in one, lest others wait", records, stats.Messages)
	}
	if at, err := s.store.Position(t.Context(), ledger.Stream{Node: c.Station.Name, Epoch: w.store.Epoch()}); at != uint64(records) || err != nil {
		t.Errorf("the service stands at %d, %v; want %d", at, err, records)
	}
	t.Logf("%d bytes up for %d records and results", relay.Up(), records)
}

// eventuallyTold waits until the MES outbox is empty.
func eventuallyTold(t testing.TB, w watched) {
	t.Helper()
	w.eventually("told results", func() bool {
		n, err := w.store.Numbering(t.Context(), record.MES)
		return err == nil && n.Waiting() == 0
	})
}
