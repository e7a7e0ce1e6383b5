package appliance

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"kensa/bus/broker"
	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
	"kensa/bus/traffic"
	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/firmware/record"
)

// document is as much of an AsyncAPI document as decides what may be sent.
type document struct {
	channels map[string]*regexp.Regexp
	schemas  map[string]*jsonschema.Schema
}

const asyncapi = "../../bus/asyncapi.yaml"

func readDocument(t *testing.T) document {
	t.Helper()
	text, err := os.ReadFile(asyncapi)
	if err != nil {
		t.Fatal(err)
	}
	var head struct {
		Channels map[string]struct {
			Address  string
			Messages map[string]map[string]string
		}
	}
	var whole any
	if err := yaml.Unmarshal(text, &head); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	ledgerText, err := os.Open("../../bus/ledger/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer ledgerText.Close()
	ledgerSchema, err := jsonschema.UnmarshalJSON(ledgerText)
	if err != nil {
		t.Fatal(err)
	}
	for url, resource := range map[string]any{"test:///bus/asyncapi.yaml": asJSON(t, whole), "test:///bus/ledger/schema.json": ledgerSchema} {
		if err := compiler.AddResource(url, resource); err != nil {
			t.Fatal(err)
		}
	}
	d := document{map[string]*regexp.Regexp{}, map[string]*jsonschema.Schema{}}
	parameter := regexp.MustCompile(`\\\{[a-z]+\\\}`)
	for name, c := range head.Channels {
		d.channels[name] = regexp.MustCompile("^" + parameter.ReplaceAllString(regexp.QuoteMeta(c.Address), "[^/]+") + "$")
		for _, message := range c.Messages {
			d.schemas[name] = compiler.MustCompile("test:///bus/asyncapi.yaml" + message["$ref"] + "/payload")
		}
	}
	return d
}

// asJSON is a YAML value as JSON has it.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// check wants a message on exactly one channel and its content as its schema says.
func (d document) check(m traffic.Message) (channel string, err error) {
	for name, address := range d.channels {
		if !address.MatchString(m.Topic) {
			continue
		}
		// STATE is one level that a group could be named, and no group is.
		if channel != "" {
			return "", fmt.Errorf("%s: channels %s and %s", m.Topic, channel, name)
		}
		channel = name
	}
	if channel == "" {
		return "", fmt.Errorf("%s: on no channel", m.Topic)
	}
	var content any = m.Text
	switch {
	case m.Problem != "":
		return channel, fmt.Errorf("%s: %s", m.Topic, m.Problem)
	case m.Sparkplug != nil:
		content = m.Sparkplug
	case m.JSON != nil:
		content = m.JSON
	}
	text, err := json.Marshal(content)
	if err != nil {
		return channel, err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		return channel, err
	}
	if err := d.schemas[channel].Validate(value); err != nil {
		return channel, fmt.Errorf("%s: %.300s: %w", m.Topic, text, err)
	}
	return channel, nil
}

// listener keeps everything that goes over a broker.
type listener struct {
	line *session.Session

	mu       sync.Mutex
	messages []traffic.Message
}

func listen(t *testing.T, broker string) *listener {
	t.Helper()
	settings := session.Default()
	settings.Brokers, settings.ClientID = []string{broker}, "listener"
	line, err := session.New(settings, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, decoder := &listener{line: line}, traffic.NewDecoder()
	if err := line.Subscribe(t.Context(), "#", 1, func(m session.Message) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.messages = append(l.messages, decoder.Decode(time.Now(), m.Topic, m.Retained, m.Payload))
	}); err != nil {
		t.Fatal(err)
	}
	line.Start(t.Context())
	t.Cleanup(line.Close)
	if _, err := line.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// heard tells whether a message came that satisfies a condition.
func (l *listener) heard(ok func(traffic.Message) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.messages, ok)
}

// await waits for a message on topics with a part in them.
func (l *listener) await(t *testing.T, part string) {
	t.Helper()
	for end := time.Now().Add(hostPatience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if l.heard(func(m traffic.Message) bool { return strings.Contains(m.Topic, part) }) {
			return
		}
	}
	t.Errorf("nothing on %s", part)
}

// TestWhatIsSentIsWhatIsDescribed holds bus/asyncapi.yaml against a run with
// wafers, alarms, commands, a primary host of both generations, a chuck that goes
// and comes back, and a receiver of the ledger that misses records which are no
// longer held: every channel is used, over either broker.
func TestWhatIsSentIsWhatIsDescribed(t *testing.T) {
	long(t)
	for name, broker := range map[string]func(testing.TB) string{"embedded": embeddedBroker, "mosquitto": mosquittoBroker} {
		t.Run(name, func(t *testing.T) {
			c := testConfig(t)
			c.Simulator.Lots, c.Simulator.Wafers = 1, 2
			c.MES.PrimaryHost, c.UNS.Enabled = "mes-1", true
			commitWafers(t, c, 1, 8)
			discardAll(t, c)
			commitWafers(t, c, 9, 3) // they wait, and go together
			url := broker(t)
			c.MQTT.Brokers = []string{url}
			l := listen(t, url)
			startReceiver(t, c, url)
			runDescribed(t, c, l)
			compare(t, readDocument(t), l)
		})
	}
}

func embeddedBroker(t testing.TB) string {
	t.Helper()
	b, err := broker.Start("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b.URL()
}

func mosquittoBroker(t testing.TB) string {
	t.Helper()
	address := sessiontest.FreeAddress(t)
	start(t, brokerCommand(t, t.TempDir(), address)())
	for end := time.Now().Add(hostPatience); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return "tcp://" + address
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// discardAll lets all waiting records go, as the retention does.
func discardAll(t *testing.T, c config.Config) {
	t.Helper()
	store, err := record.Open(t.Context(), filepath.Join(c.Storage.State, DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	if _, gone, err := store.Outbox(record.Ledger).Discard(t.Context(), 0, time.Now().Add(time.Hour)); !gone || err != nil {
		t.Fatal(gone, err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

func runDescribed(t *testing.T, c config.Config, l *listener) {
	t.Helper()
	h := newHost(t, c.MQTT.Brokers[0], c)
	state := func(online bool) {
		text := fmt.Sprintf(`{"online":%v,"timestamp":%d}`, online, time.Now().UnixMilli())
		legacy := map[bool]string{true: "ONLINE", false: "OFFLINE"}[online]
		for topic, text := range map[string]string{"spBv1.0/STATE/mes-1": text, "STATE/mes-1": legacy} {
			if err := h.line.Publish(t.Context(), session.Message{Topic: topic, QoS: 1, Retained: true, Payload: []byte(text)}); err != nil {
				t.Error(err)
			}
		}
	}
	state(true)
	var sending sync.WaitGroup
	defer sending.Wait()
	runAppliance(t, Options{Config: c}, func(a *Appliance, w *record.Wafer) {
		a.alarms.Raise(alarm.OpticsDust, "for the test")
		a.alarms.Clear(alarm.OpticsDust.ID)
		a.mes.update(map[string]payload.Value{sparkplug.HealthFrames: payload.UInt64(uint64(w.ID))})
		a.mes.node.SetDevice(false) // no tool of today loses its chuck alone
		sending.Go(func() {
			l.await(t, "/DDEATH/")
			a.mes.node.SetDevice(true)
		})
		sending.Go(func() {
			for _, m := range []session.Message{
				order(c, sparkplug.Command{ID: fmt.Sprint(w.ID), Name: "ACK-ALARM", ALID: 401}), births(c),
			} {
				if err := h.line.Publish(t.Context(), m); err != nil {
					t.Error(err)
				}
			}
		})
	})
	l.await(t, "/NDEATH/")
	l.await(t, "/Status")
	l.await(t, "/ack/")
	state(false)
}

// order is a command as a message.
func order(c config.Config, o sparkplug.Command) session.Message {
	n := c.Sparkplug()
	return session.Message{Topic: "spBv1.0/" + n.Group + "/DCMD/" + n.Node + "/" + n.Device, Payload: commandPayload(o)}
}

// births asks for births.
func births(c config.Config) session.Message {
	n := c.Sparkplug()
	p := payload.Payload{Timestamp: time.Now(), Metrics: []payload.Metric{{Name: "Node Control/Rebirth", Value: payload.Boolean(true)}}}
	return session.Message{Topic: "spBv1.0/" + n.Group + "/NCMD/" + n.Node, Payload: p.Encode()}
}

func compare(t *testing.T, d document, l *listener) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[string]int{}
	for _, m := range l.messages {
		channel, err := d.check(m)
		if err != nil {
			t.Error(err)
		}
		seen[channel]++
	}
	t.Logf("%d messages: %v", len(l.messages), seen)
	for channel := range d.channels {
		if seen[channel] == 0 {
			t.Errorf("channel %s: nothing was sent there", channel)
		}
	}
}
