package ledger_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
)

var outages = flag.Int("outages", 2, "how many outages of an hour TestHourLongOutages makes, on its shortened clock, on each broker")

// distant is an appliance whose way to the broker leads through a relay, and a
// receiver with a sound one.
type distant struct {
	t        *testing.T
	relay    *sessiontest.Relay
	outbox   *ledgertest.Outbox
	store    *ledgertest.Store
	seen     *seen
	identity *ledger.Identity
	sender   *ledger.Sender
	session  *session.Session
	total    int
}

// startDistant changes the session's configuration with tune. What there is of
// time in it stays as it is on a box.
func startDistant(t *testing.T, address string, tune func(*session.Config), config ledger.SenderConfig) *distant {
	t.Helper()
	d := &distant{t: t, relay: sessiontest.NewRelay(t, address), outbox: ledgertest.NewOutbox(), store: ledgertest.NewStore(),
		seen: newSeen(), identity: identity(t, "node-1")}
	receiver := startReceiver(t, address, d.store, keys{"node-1": d.identity.Public()}, d.seen, faults{})
	c := session.Default()
	c.Brokers, c.ClientID = []string{"tcp://" + d.relay.Address}, "node-1"
	tune(&c)
	var err error
	if d.session, err = session.New(c, silent); err != nil {
		t.Fatal(err)
	}
	if d.sender, err = ledger.NewSender(d.session, d.outbox, d.identity, trusting(t), ledgertest.EpochA, config, silent); err != nil {
		t.Fatal(err)
	}
	d.sender.Start(context.WithoutCancel(t.Context()))
	d.session.Start(context.WithoutCancel(t.Context()))
	t.Cleanup(func() {
		d.relay.Light()
		d.sender.Close()
		d.session.Close()
		receiver.close()
	})
	return d
}

func (d *distant) produce(n int) {
	d.t.Helper()
	produce(d.t, d.outbox, d.identity, n)
	d.total += n
	d.sender.Notify()
}

// whole wants every record in the receiver, once and in order.
func (d *distant) whole() {
	d.t.Helper()
	drain(d.t, d.sender)
	wantAll(d.t, d.store, "node-1", d.total)
	wantOnce(d.t, d.seen, "node-1", d.total)
	if st := d.sender.Stats(); st.Voids != 0 || st.Epochs != 0 {
		d.t.Errorf("%+v", st)
	}
}

// A round trip of 250 ms on which one segment of a hundred is lost, and comes, with
// all behind it, a round trip later. All times are those of a box.
func TestSlowLink(t *testing.T) {
	onBothBrokers(t, func(t *testing.T, b server, address string) {
		b.start(t)
		defer b.kill(t)
		d := startDistant(t, address, func(*session.Config) {}, ledger.SenderConfig{})
		d.relay.Set(sessiontest.Link{Delay: 125 * time.Millisecond, Loss: .01, Stall: 250 * time.Millisecond})
		bursts := 40
		if testing.Short() {
			bursts = 3
		}
		for range bursts {
			d.produce(1 + rand.IntN(200))
			time.Sleep(rand.N(200 * time.Millisecond))
		}
		d.whole()
		t.Logf("%d records in %d messages, %d segments lost", d.total, d.sender.Stats().Messages, d.relay.Lost())
	})
}

// The link is gone for an hour again and again, in each way that there is. An hour
// is 1.8 s here, one two-thousandth; of the times of the session and the sender
// those that can be so short are shortened by a fiftieth or more.
func TestHourLongOutages(t *testing.T) {
	const hour = 1800 * time.Millisecond
	onBothBrokers(t, func(t *testing.T, b server, address string) {
		b.start(t)
		defer b.kill(t)
		d := startDistant(t, address, func(c *session.Config) {
			c.KeepAlive, c.AckTimeout, c.ConnectTimeout = time.Second, 200*time.Millisecond, 200*time.Millisecond
			c.ReconnectMin, c.ReconnectMax = 5*time.Millisecond, 100*time.Millisecond
		}, ledger.SenderConfig{Patience: 100 * time.Millisecond})
		for n := range *outages {
			d.produce(rand.IntN(100))
			time.Sleep(rand.N(100 * time.Millisecond))
			switch n % 3 {
			case 0: // nothing passes, nothing is refused
				d.relay.Dark()
			case 1: // every attempt is reset
				d.relay.Dark()
				d.relay.Cut()
			case 2: // the broker's machine is off
				b.kill(t)
			}
			for range 10 { // wafers go on
				d.produce(rand.IntN(20))
				time.Sleep(hour / 10)
			}
			if n%3 == 2 {
				b.start(t)
			}
			d.relay.Light()
		}
		d.whole()
		t.Logf("%d records over %d outages", d.total, *outages)
	})
}

// A connection that is open at both ends and passes nothing on, either way, is left
// for another one.
func TestHalfOpenConnection(t *testing.T) {
	for name, way := range map[string]struct{ up, down bool }{"up": {true, false}, "down": {false, true}, "both": {true, true}} {
		t.Run(name, func(t *testing.T) {
			onBothBrokers(t, func(t *testing.T, b server, address string) {
				b.start(t)
				defer b.kill(t)
				d := startDistant(t, address, func(c *session.Config) {
					c.AckTimeout, c.ReconnectMin, c.ReconnectMax = 200*time.Millisecond, time.Millisecond, 20*time.Millisecond
				}, ledger.SenderConfig{Patience: 100 * time.Millisecond})
				for range 3 {
					d.produce(50)
					drain(t, d.sender)
					dead := d.session.Link()
					d.relay.Swallow(way.up, way.down)
					d.produce(50)
					eventually(t, "leaving of the dead connection", func() bool { l := d.session.Link(); return l != nil && l != dead })
				}
				d.whole()
			})
		})
	}
}

// A broker whose disk is full goes on without it, until it is started again. Its disk
// counts for nothing: the receiver's word does.
func TestBrokerWithFullDisk(t *testing.T) {
	address := sessiontest.FreeAddress(t)
	b := &crowded{mosquitto{address: address}, t.TempDir()}
	b.start(t)
	defer func() { b.kill(t) }()
	d := startDistant(t, address, func(c *session.Config) {
		c.ReconnectMin, c.ReconnectMax = time.Millisecond, 20*time.Millisecond
	}, ledger.SenderConfig{Patience: 100 * time.Millisecond})
	// What is kept for somebody who is away fills the disk.
	away := session.Default()
	away.Brokers, away.ClientID = []string{"tcp://" + address}, "filler"
	filler, err := session.New(away, silent)
	if err != nil {
		t.Fatal(err)
	}
	filler.Start(t.Context())
	defer filler.Close()
	if _, err := filler.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range 40 {
		d.produce(25)
		if err := filler.Publish(t.Context(), session.Message{Topic: fmt.Sprint("fill/", n), QoS: 1, Retained: true, Payload: make([]byte, 4096)}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "complaint of the broker about its disk", func() bool {
		text, err := os.ReadFile(b.log())
		return err == nil && strings.Contains(string(text), "Error")
	})
	d.produce(100)
	drain(t, d.sender)
	b.kill(t)
	// mosquitto does not start on the half of a store that it wrote.
	stores, err := filepath.Glob(filepath.Join(b.folder, "mosquitto.db*"))
	if err != nil || len(stores) == 0 {
		t.Fatalf("the broker has no store: %v", err)
	}
	for _, store := range stores {
		if err := os.Remove(store); err != nil {
			t.Fatal(err)
		}
	}
	b.start(t)
	d.produce(100)
	d.whole()
}

// crowded is a mosquitto that keeps a store and may write only 32 KiB into a file.
type crowded struct {
	mosquitto
	folder string
}

func (c *crowded) log() string { return filepath.Join(c.folder, "log") }

func (c *crowded) start(t testing.TB) {
	t.Helper()
	_, port, err := net.SplitHostPort(c.address)
	if err != nil {
		t.Fatal(err)
	}
	broker := sessiontest.Mosquitto(t, c.folder, fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"+
		"persistence true\npersistence_location %s/\nautosave_on_changes true\nautosave_interval 5\nlog_dest stderr\n", port, c.folder))
	log, err := os.Create(c.log())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	// A limit of the file's size gives the same error as a full disk, a little
	// earlier; the signal that comes with it is ignored.
	c.command = exec.Command("sh", append([]string{"-c", `trap '' XFSZ; ulimit -f 64; exec "$0" "$@"`}, broker...)...)
	c.command.Stderr = log
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
}
