package appliance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
	"kensa/bus/sparkplug/payload"
	"kensa/firmware/alarm"
	"kensa/firmware/record"
)

// A broker whose certificate has expired is not spoken to, and whoever renews it is
// told (401).
func TestExpiredBrokerIsAlarmed(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a broker may be away for ten seconds before that is an alarm")
	}
	c, folder := testConfig(t), t.TempDir()
	authority := sessiontest.NewAuthority(t, folder)
	cert, key := authority.Leaf(t, "broker", sessiontest.Validity{From: -2 * time.Hour, Until: -time.Hour, Host: sessiontest.Good.Host})
	address := mosquittoWith(t, fmt.Sprintf("cafile %s\ncertfile %s\nkeyfile %s\n", authority.File, cert, key))
	c.MQTT.Brokers, c.MQTT.CAFile = []string{"tls://" + address}, authority.File
	watch(t, c).await(alarm.BrokerUnreachable, "certificate has expired")
}

// The appliance's own certificate is told before its end, and when it is renewed that
// is over (412).
func TestEndOfCertificateIsAlarmed(t *testing.T) {
	c := testConfig(t)
	authority := sessiontest.NewAuthority(t, t.TempDir())
	c.MQTT.Brokers = []string{"tls://127.0.0.1:1"}
	c.MQTT.CertFile, c.MQTT.KeyFile = authority.Leaf(t, "client", sessiontest.Good)
	w := watch(t, c)
	w.await(alarm.CertificateEnds, c.MQTT.CertFile)
	authority.Leaf(t, "client", sessiontest.Validity{From: -time.Hour, Until: 2 * renewalTime, Host: sessiontest.Good.Host})
	w.watchHealth(t.Context())
	for _, set := range w.alarms.Active() {
		if set.ID == alarm.CertificateEnds.ID {
			t.Errorf("still set after the renewal: %s", set.Detail)
		}
	}
}

// A broker's certificate is told before its end too: the connection outlives it, and no
// other comes to be (412).
func TestEndOfTheBrokersCertificateIsAlarmed(t *testing.T) {
	c, folder := testConfig(t), t.TempDir()
	authority := sessiontest.NewAuthority(t, folder)
	cert, key := authority.Leaf(t, "broker", sessiontest.Good)
	address := mosquittoWith(t, fmt.Sprintf("cafile %s\ncertfile %s\nkeyfile %s\n", authority.File, cert, key))
	c.MQTT.Brokers, c.MQTT.CAFile = []string{"tls://" + address}, authority.File
	watch(t, c).await(alarm.CertificateEnds, "of tls://"+address)
}

// A second appliance of the same name is told on the first (404).
func TestNamesakeIsAlarmed(t *testing.T) {
	c, _ := serviced(t)
	first := watch(t, c)
	twin := c
	twin.Storage.State, twin.MQTT.ClientID = t.TempDir(), "twin"
	watch(t, twin)
	first.await(alarm.NameTaken, "")
}

// What a host must not send is refused with its reason, and the operator told (405);
// the appliance goes on.
func TestHostileCommandsAreAlarmed(t *testing.T) {
	c, s := serviced(t)
	w := watch(t, c)
	h := newHost(t, s.url, c)
	w.eventually("births", func() bool { return w.mes.node.State().Live })
	n := c.Sparkplug()
	node, device := "spBv1.0/"+n.Group+"/NCMD/"+n.Node, "spBv1.0/"+n.Group+"/DCMD/"+n.Node+"/"+n.Device
	metrics := func(m ...payload.Metric) []byte { return payload.Payload{Metrics: m}.Encode() }
	for _, bad := range []struct {
		topic   string
		payload []byte
		reason  string
	}{
		{device, []byte("\xff\xff\xff"), "unexpected EOF"},
		{device, make([]byte, 65<<10), "limit"},
		{device, metrics(payload.Metric{Alias: new(uint64(9999)), Value: payload.String("STOP")}), "alias 9999"},
		{device, metrics(payload.Metric{Name: "Command/Name", Value: payload.UInt32(5)}), "Command/Name"},
		{device, metrics(payload.Metric{Name: "Command/../x", Value: payload.String("STOP")}), "no metric"},
		{device, metrics(payload.Metric{Name: "Command/Name", Value: payload.String(strings.Repeat("S", 200))}), "Command/Name"},
		{node, metrics(payload.Metric{Name: "Node Control/Rebirth", Value: payload.String("yes")}), "Rebirth"},
	} {
		before := w.mes.node.State().Refused
		if err := h.line.Publish(t.Context(), session.Message{Topic: bad.topic, QoS: 1, Payload: bad.payload}); err != nil {
			t.Fatal(err)
		}
		w.eventually("refusal for "+bad.reason, func() bool { return w.mes.node.State().Refused == before+1 })
		w.await(alarm.HostRefused, bad.reason)
	}
	if state := w.mes.node.State(); !state.Live || state.Rebirths != 0 {
		t.Errorf("%+v; want it to live on", state)
	}
}

// A clock that goes back is told (508), and records keep their order: it is that of
// their numbers.
func TestClockSetBack(t *testing.T) {
	c, s := serviced(t)
	commitAll(t, c, 1, 3, killedWafer)
	commitAll(t, c, 4, 3, func(number uint64) *record.Wafer {
		w := killedWafer(number)
		w.Started, w.Finished = time.Unix(int64(number), 0).UTC(), time.Unix(int64(number)+1, 0).UTC() // 1970
		return w
	})
	w := watch(t, c)
	drainLedger(t, w)
	if records := s.store.Records(w.store.Epoch()); len(records) != 6 || records[2].Time.Year() != 2030 || records[3].Time.Year() != 1970 {
		t.Errorf("the service has %+v", records)
	}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w.watchClock(noon, 0)
	w.watchClock(noon.Add(-30*time.Second), time.Second) // a correction
	w.watchClock(noon.Add(time.Hour), 2*time.Second)     // forward
	if active := w.alarms.Active(); len(active) != 0 {
		t.Errorf("told too early: %v", active)
	}
	w.watchClock(noon.Add(-time.Hour), 3*time.Second)
	w.await(alarm.ClockSetBack, "by 2h0m1s, to 2026-03-01 11:00:00")
}

// mosquittoWith starts the broker with more of a configuration, and returns its address.
func mosquittoWith(t *testing.T, more string) string {
	t.Helper()
	address := sessiontest.FreeAddress(t)
	start(t, brokerCommand(t, t.TempDir(), address, more)())
	return address
}
