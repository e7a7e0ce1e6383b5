package appliance

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kensa/bus/broker"
	"kensa/bus/session"
	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/firmware/station"
	"kensa/vision/wafer"
)

// mesHost is a host application of the test's: it writes commands and reads their
// answers.
type mesHost struct {
	t       *testing.T
	line    *session.Session
	names   sparkplug.Config
	aliases map[uint64]string
	answers chan sparkplug.Answer
	wafers  chan sparkplug.Wafer
	orders  int
}

// hostPatience bounds every wait for the appliance.
const hostPatience = 60 * time.Second

func newHost(t *testing.T, broker string, c config.Config) *mesHost {
	t.Helper()
	settings := session.Default()
	settings.Brokers, settings.ClientID = []string{broker}, "mes-host"
	line, err := session.New(settings, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h := &mesHost{t: t, line: line, names: c.Sparkplug(), aliases: map[uint64]string{},
		answers: make(chan sparkplug.Answer, 1000), wafers: make(chan sparkplug.Wafer, 1000)}
	if err := line.Subscribe(t.Context(), "spBv1.0/#", 1, h.hear); err != nil {
		t.Fatal(err)
	}
	line.Start(t.Context())
	t.Cleanup(line.Close)
	if _, err := line.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

// hear takes answers and results out of the data.
func (h *mesHost) hear(m session.Message) {
	p, err := payload.Decode(m.Payload)
	if err != nil || strings.Contains(m.Topic, "CMD/") {
		return
	}
	values := map[string]payload.Value{}
	for _, metric := range p.Metrics {
		name := metric.Name
		if metric.Alias != nil && name != "" {
			h.aliases[*metric.Alias] = name
		} else if metric.Alias != nil {
			name = h.aliases[*metric.Alias]
		}
		values[name] = metric.Value
	}
	if !strings.Contains(m.Topic, "/DDATA/") {
		return
	}
	text := func(name string) string { s, _ := values[name].Text(); return s }
	if v, ok := values["CommandResult/HCACK"]; ok {
		code, _ := v.Uint()
		at, _ := values["CommandResult/Time"].Time()
		h.answers <- sparkplug.Answer{ID: text("CommandResult/Id"), Name: text("CommandResult/Name"), Code: sparkplug.HCACK(code), Reason: text("CommandResult/Reason"), Time: at}
	}
	if _, ok := values["Wafer/Verdict"]; ok {
		number, _ := values["Wafer/Number"].Int()
		h.wafers <- sparkplug.Wafer{Number: number, Substrate: text("Wafer/Substrate"), Recipe: text("Wafer/Recipe"), Verdict: text("Wafer/Verdict")}
	}
}

// order sends a command, with a new id unless it has one, and returns its answer.
func (h *mesHost) order(c sparkplug.Command) sparkplug.Answer {
	h.t.Helper()
	h.orders++
	if c.Host = "mes-1"; c.ID == "" {
		c.ID = fmt.Sprintf("order-%d", h.orders)
	}
	topic := "spBv1.0/" + h.names.Group + "/DCMD/" + h.names.Node + "/" + h.names.Device
	if err := h.line.Publish(h.t.Context(), session.Message{Topic: topic, Payload: commandPayload(c)}); err != nil {
		h.t.Fatal(err)
	}
	for {
		select {
		case a := <-h.answers:
			if a.ID == c.ID {
				return a
			}
		case <-time.After(hostPatience):
			h.t.Fatalf("%+v was not answered", c)
		}
	}
}

func commandPayload(c sparkplug.Command) []byte {
	return payload.Payload{Timestamp: time.Now(), Metrics: sparkplug.CommandMetrics(c)}.Encode()
}

// want orders and checks the answer.
func (h *mesHost) want(c sparkplug.Command, codes ...sparkplug.HCACK) sparkplug.Answer {
	h.t.Helper()
	a := h.order(c)
	for _, code := range codes {
		if a.Code == code {
			return a
		}
	}
	h.t.Errorf("%s %s: %v (%s); want %v", c.Name, detail(c), a.Code, a.Reason, codes)
	return a
}

// wafer is the next result that satisfies a condition.
func (h *mesHost) wafer(what string, ok func(sparkplug.Wafer) bool) sparkplug.Wafer {
	h.t.Helper()
	for {
		select {
		case w := <-h.wafers:
			if ok(w) {
				return w
			}
		case <-time.After(hostPatience):
			h.t.Fatalf("no result of %s", what)
		}
	}
}

// start runs an appliance in the background; the function ends it.
func startAppliance(t *testing.T, c config.Config) (*Appliance, func()) {
	t.Helper()
	box, err := New(t.Context(), Options{Config: c, Log: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- box.Run(ctx) }()
	return box, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	}
}

// switchTo is what the operator does on the display.
func switchTo(t *testing.T, box *Appliance, control string) {
	t.Helper()
	answer, err := http.Post(box.DisplayURL()+"/api/control/"+control, "application/json", strings.NewReader(`{"operator":"104"}`))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("control %s: %s", control, answer.Status)
	}
}

func secondRecipe(t *testing.T, c config.Config, name, from, to string) {
	t.Helper()
	text := bytes.Replace(config.DemoRecipe(c.Simulator.Product), []byte(from), []byte(to), 1)
	text = regexp.MustCompile(`(?m)^name = .*$`).ReplaceAll(text, []byte(`name = "`+name+`"`))
	text = regexp.MustCompile(`(?m)^mode = .*$`).ReplaceAll(text, []byte(`mode = "voting"`))
	folder := filepath.Join(c.Storage.State, "recipes")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".toml"), text, 0o640); err != nil {
		t.Fatal(err)
	}
}

// TestTheHostCommandsTheTool goes through every command on a running appliance,
// over a real broker: refused in local control, carried out in remote, each once,
// also over a restart, all written down in a whole audit log.
func TestTheHostCommandsTheTool(t *testing.T) {
	long(t)
	b, err := broker.Start("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	c := testConfig(t)
	c.MQTT.Brokers = []string{b.URL()}
	secondRecipe(t, c, "second", "", "")
	box, end := startAppliance(t, c)
	h := newHost(t, b.URL(), c)
	first := h.wafer("the first wafer", func(w sparkplug.Wafer) bool { return w.Verdict != "" })

	h.want(sparkplug.Command{Name: "STOP"}, sparkplug.NotNow) // control is local at first
	h.want(sparkplug.Command{Name: "FORMAT"}, sparkplug.NoSuchCommand)
	switchTo(t, box, "remote")
	stop := h.stops()
	h.selects("second")
	h.reinspects(first)
	h.aborts()
	h.pauses()
	h.acknowledges(box)
	switchTo(t, box, "local")
	h.want(sparkplug.Command{Name: "PAUSE"}, sparkplug.NotNow)
	switchTo(t, box, "remote")
	end()

	box, end = startAppliance(t, c)
	defer end()
	for !box.mes.node.Ready() {
		time.Sleep(10 * time.Millisecond)
	}
	if again := h.order(sparkplug.Command{ID: "once", Name: "STOP"}); again != stop {
		t.Errorf("the same order after a restart: %+v; want %+v", again, stop)
	}
	h.want(sparkplug.Command{Name: "START"}, sparkplug.AlreadySo) // remote control survives, a stop does not
	checkAudit(t, box.store, h.orders)
}

// stops has the tool stop, by an order that is sent twice and another that has its id,
// and returns the answer.
func (h *mesHost) stops() sparkplug.Answer {
	h.t.Helper()
	h.want(sparkplug.Command{Name: "START"}, sparkplug.AlreadySo)
	h.want(sparkplug.Command{Name: "RESUME"}, sparkplug.AlreadySo)
	stop := h.want(sparkplug.Command{ID: "once", Name: "STOP"}, sparkplug.WillBeDone, sparkplug.Done)
	h.want(sparkplug.Command{Name: "STOP"}, sparkplug.AlreadySo)
	if again := h.order(sparkplug.Command{ID: "once", Name: "STOP"}); again != stop {
		h.t.Errorf("the same order again: %+v; want %+v", again, stop)
	}
	h.want(sparkplug.Command{ID: "once", Name: "START"}, sparkplug.BadParameter)
	h.want(sparkplug.Command{Name: "RESUME"}, sparkplug.NotNow)
	return stop
}

// selects has a stopped tool go on with another recipe.
func (h *mesHost) selects(recipe string) {
	h.t.Helper()
	h.want(sparkplug.Command{Name: "PP-SELECT"}, sparkplug.BadParameter)
	h.want(sparkplug.Command{Name: "PP-SELECT", Recipe: "../../etc/passwd"}, sparkplug.NoSuchObject)
	h.want(sparkplug.Command{Name: "PP-SELECT", Recipe: recipe, RecipeVersion: "no such"}, sparkplug.NoSuchObject)
	for h.order(sparkplug.Command{Name: "PP-SELECT", Recipe: recipe}).Code == sparkplug.NotNow {
		time.Sleep(20 * time.Millisecond) // the wafer on the chuck is finished first
	}
	h.want(sparkplug.Command{Name: "PP-SELECT", Recipe: recipe}, sparkplug.AlreadySo)
	h.want(sparkplug.Command{Name: "START"}, sparkplug.Done)
	h.wafer("the second recipe", func(w sparkplug.Wafer) bool { return w.Recipe == recipe })
}

func (h *mesHost) reinspects(first sparkplug.Wafer) {
	h.t.Helper()
	h.want(sparkplug.Command{Name: "REINSPECT", Substrate: "nobody's"}, sparkplug.NoSuchObject)
	h.want(sparkplug.Command{Name: "REINSPECT", Substrate: first.Substrate}, sparkplug.WillBeDone)
	h.wafer("the wafer again", func(w sparkplug.Wafer) bool { return w.Substrate == first.Substrate && w.Number > first.Number })
}

func (h *mesHost) aborts() {
	h.t.Helper()
	for h.order(sparkplug.Command{Name: "ABORT"}).Code != sparkplug.WillBeDone { // between wafers there is none
		h.want(sparkplug.Command{Name: "START"}, sparkplug.Done)
		time.Sleep(10 * time.Millisecond)
	}
	h.wafer("the aborted wafer", func(w sparkplug.Wafer) bool { return w.Verdict == string(wafer.Incomplete) })
}

// pauses an aborted tool: both holds must be taken back.
func (h *mesHost) pauses() {
	h.t.Helper()
	h.want(sparkplug.Command{Name: "PAUSE"}, sparkplug.Done, sparkplug.WillBeDone)
	if a := h.want(sparkplug.Command{Name: "START"}, sparkplug.Done); !strings.Contains(a.Reason, "paused by the host") {
		h.t.Errorf("started while paused: %q", a.Reason)
	}
	h.want(sparkplug.Command{Name: "RESUME"}, sparkplug.Done)
}

func (h *mesHost) acknowledges(box *Appliance) {
	h.t.Helper()
	h.want(sparkplug.Command{Name: "ACK-ALARM", ALID: 999}, sparkplug.NoSuchObject)
	h.want(sparkplug.Command{Name: "ACK-ALARM"}, sparkplug.BadParameter)
	h.want(sparkplug.Command{Name: "ACK-ALARM", ALID: int(alarm.WaferIncomplete.ID)}, sparkplug.Done)
	box.alarms.Raise(alarm.DiskNearlyFull, "a condition that lasts")
	h.want(sparkplug.Command{Name: "ACK-ALARM", ALID: int(alarm.DiskNearlyFull.ID)}, sparkplug.Done)
	h.want(sparkplug.Command{Name: "ACK-ALARM", ALID: int(alarm.DiskNearlyFull.ID)}, sparkplug.AlreadySo)
}

// checkAudit wants one entry for each order but the three that came again, and for
// each switching of the control.
func checkAudit(t *testing.T, store *record.Store, orders int) {
	t.Helper()
	if _, err := store.VerifyAudit(t.Context(), ""); err != nil {
		t.Error(err)
	}
	log, err := store.AuditLog(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	const repeated, switched = 3, 3
	if len(log) != orders-repeated+switched {
		t.Errorf("%d entries of %d orders", len(log), orders)
	}
	for _, e := range log {
		if e.Origin == record.ByHost && (e.Who != "mes-1" || !strings.Contains(e.Detail, "id=") || !strings.HasPrefix(e.Result, "HCACK ")) {
			t.Errorf("entry %+v", e)
		}
	}
}

// TestAnInterruptedCommandIsNotRepeated: what was begun when the power failed is
// answered as unknown, and never carried out by itself.
func TestAnInterruptedCommandIsNotRepeated(t *testing.T) {
	store, err := record.Open(t.Context(), filepath.Join(t.TempDir(), DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, _, err := store.BeginCommand(t.Context(), record.Command{ID: "x", Name: "ABORT", Received: time.Now()}); err != nil {
		t.Fatal(err)
	}
	r := &remote{store: store, alarms: alarm.NewSet(time.Now), log: slog.New(slog.DiscardHandler)}
	if err := r.recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := r.handle(t.Context(), sparkplug.Command{ID: "x", Name: "ABORT"}) // would panic if it were carried out
	if sparkplug.HCACK(c.Code) != sparkplug.NotNow || !strings.Contains(c.Reason, "may or may not") {
		t.Errorf("answered %+v", c)
	}
}

func TestHostsCannotFloodTheAppliance(t *testing.T) {
	var b bucket
	now, allowed := time.Now(), 0
	for range 1000 {
		if b.allow(now) {
			allowed++
		}
	}
	if allowed != commandsBurst {
		t.Errorf("%d at once; want %d", allowed, commandsBurst)
	}
	for range 50 {
		now = now.Add(commandsInterval)
		if !b.allow(now) || b.allow(now) {
			t.Fatal("want one more for each interval")
		}
	}
}

func TestHoldsInWords(t *testing.T) {
	if got := (station.HostStop | station.OperatorPause).String(); got != "paused by the operator" {
		t.Error(got)
	}
}
