package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/firmware/config"
)

type busPing struct {
	onBus
	Count   int  `short:"n" default:"10" help:"Round trips to measure."`
	Publish bool `help:"Also test the right to publish, with one empty message on each of the appliance's own topics: hosts and the warning service count them as malformed."`
	JSON    bool `help:"Print JSON."`
}

// expiryWarning is how soon a certificate's end is worth a warning.
const expiryWarning = 30 * 24 * time.Hour

// Run checks every address, and from the first that takes a connection the rest.
func (p *busPing) Run(c console) error {
	loaded, err := p.load()
	if err != nil {
		return err
	}
	var findings []finding
	for _, broker := range loaded.MQTT.Brokers {
		findings = append(findings, probe(c, loaded, broker)...)
	}
	s, err := p.connect(c, loaded, func(*session.Session) error { return nil })
	if err != nil {
		findings = append(findings, judge("connect", false, "", err, "check address, user, password and certificates; the broker's own log says why it refuses"))
	} else {
		defer s.Close()
		findings = append(findings, finding{Check: "connect", State: "ok", Detail: "MQTT 3.1.1 at " + s.State().Broker})
		findings = append(findings, p.roundTrips(c, s))
		findings = append(findings, p.permissions(c, s, loaded)...)
	}
	if err := (&doctorCommand{JSON: p.JSON}).print(c, findings); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, func(f finding) bool { return f.State == "error" }) {
		return fail(exitFailed, errors.New("the bus is not as it must be"), "")
	}
	return nil
}

// probe looks at one address: can it be reached, and what are its certificates.
func probe(c console, loaded config.Config, broker string) []finding {
	ctx, cancel := context.WithTimeout(c, connectPatience)
	defer cancel()
	p, err := loaded.Connection("").Probe(ctx, broker)
	findings := []finding{judge("reach", len(loaded.MQTT.Brokers) > 1, fmt.Sprintf("%s in %v", p.Broker, p.Took.Round(10*time.Microsecond)), err,
		"check address, network, firewall and certificate")}
	if err != nil {
		return findings
	}
	if p.TLS == "" {
		return append(findings, finding{"tls", "warning", p.Broker + " speaks none: everyone on the way can read and change messages", "use a tls:// address"})
	}
	findings = append(findings, finding{Check: "tls", State: "ok", Detail: fmt.Sprintf("%s, %s, key exchange %s", p.TLS, p.Cipher, p.KeyExchange)},
		expiry("broker certificate", p.Subject, p.Expires))
	if p.ClientSubject == "" {
		return append(findings, finding{"client certificate", "warning", "none", "set mqtt.cert_file and mqtt.key_file, so that the broker knows the appliance"})
	}
	return append(findings, expiry("client certificate", p.ClientSubject, p.ClientExpires))
}

func expiry(check, subject string, end time.Time) finding {
	left := time.Until(end)
	f := finding{Check: check, State: "ok", Detail: fmt.Sprintf("%s, %d days left", subject, int(left.Hours()/24))}
	switch {
	case left < 0:
		f.State, f.Remedy = "error", "renew it; the appliance reads it anew with each connection"
	case left < expiryWarning:
		f.State, f.Remedy = "warning", "renew it; the appliance reads it anew with each connection"
	}
	return f
}

// roundTrips measures how long the broker takes to answer.
func (p *busPing) roundTrips(c console, s *session.Session) finding {
	var times []time.Duration
	for range max(p.Count, 1) {
		started := time.Now()
		link := s.Link()
		if link == nil {
			return judge("round trip", false, "", session.ErrDown, "")
		}
		if err := link.RoundTrip(c); err != nil {
			return judge("round trip", false, "", err, "")
		}
		times = append(times, time.Since(started))
	}
	slices.Sort(times)
	text := func(d time.Duration) string { return d.Round(time.Microsecond).String() }
	return finding{Check: "round trip", State: "ok", Detail: fmt.Sprintf("%d: least %s, median %s, most %s", len(times), text(times[0]), text(times[len(times)/2]), text(times[len(times)-1]))}
}

// permissions asks for what the appliance subscribes to, and with --publish tries
// what it publishes. Some brokers (mosquitto 2.0) grant a subscription that their
// access list forbids, and keep the messages back.
func (p *busPing) permissions(c console, s *session.Session, loaded config.Config) []finding {
	hears, says := topics(loaded)
	var findings []finding
	const remedy = "the broker's access list must allow it for this user"
	for _, topic := range hears {
		err := s.Subscribe(c, topic, 1, func(session.Message) {})
		findings = append(findings, judge("subscribe", false, topic, err, remedy))
	}
	if !p.Publish {
		return findings
	}
	for _, topic := range says {
		findings = append(findings, judge("publish", false, topic, p.try(c, s, topic), remedy))
	}
	return findings
}

// topics are what the appliance subscribes to, and what it publishes to.
func topics(c config.Config) (hears, says []string) {
	if c.MES.Enabled {
		n := c.Sparkplug()
		base := func(kind string) string { return "spBv1.0/" + n.Group + "/" + kind + "/" + n.Node }
		hears = append(hears, base("NCMD"), base("DCMD")+"/"+n.Device, base("NBIRTH"))
		if n.PrimaryHost != "" {
			hears = append(hears, "spBv1.0/STATE/"+n.PrimaryHost, "STATE/"+n.PrimaryHost)
		}
		says = append(says, base("NDATA"), base("DDATA")+"/"+n.Device)
	}
	if c.Ledger.Enabled {
		hears = append(hears, ledger.Topic(ledger.KindAck, c.Station.Name), ledger.Topic(ledger.KindReplay, c.Station.Name))
		says = append(says, ledger.Topic(ledger.KindYield, c.Station.Name), ledger.Topic(ledger.KindHorizon, c.Station.Name))
	}
	return hears, says
}

// try publishes an empty message and wants it back: MQTT 3.1.1 does not say that
// one was refused.
func (p *busPing) try(c console, s *session.Session, topic string) error {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(c, patience)
	defer cancel()
	came := make(chan struct{}, 1)
	err := s.Subscribe(ctx, topic, 1, func(m session.Message) {
		if len(m.Payload) == 0 {
			select {
			case came <- struct{}{}:
			default:
			}
		}
	})
	if err != nil {
		return fmt.Errorf("%s: cannot be told, for this user may not subscribe to it either: %w", topic, err)
	}
	if err := s.Publish(ctx, session.Message{Topic: topic, QoS: 1}); err != nil {
		return err
	}
	select {
	case <-came:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: what was published did not come back within %v", topic, patience)
	}
}
