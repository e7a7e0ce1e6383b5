package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"kensa/bus/sparkplug"
	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/firmware/station"
	"kensa/hw/handler"
)

// remote carries out what the host orders, one command after the other, each
// once, and writes every one down before and after.
type remote struct {
	node    *sparkplug.Node
	store   *record.Store
	station *station.Station
	alarms  *alarm.Set
	control *control
	tool    handler.Handler
	// load has the wafers to come inspected by another recipe; empty version: any.
	load func(ctx context.Context, recipe, version string) error
	// shown tells the display what was ordered and what became of it.
	shown func(record.Command)
	log   *slog.Logger

	queue  chan sparkplug.Command
	pace   bucket
	cancel context.CancelFunc
	wait   sync.WaitGroup
}

// Bounds of what hosts may order: more than a host that works needs, less than
// what fills a disk.
const (
	queuedCommands   = 32
	commandsBurst    = 100
	commandsInterval = 200 * time.Millisecond // one more each
	commandTime      = 30 * time.Second       // a recipe's golden may be large
)

func (a *Appliance) openRemote(ctx context.Context) error {
	if a.mes == nil {
		return nil
	}
	a.remote = &remote{
		node: a.mes.node, store: a.store, station: a.station, alarms: a.alarms, control: a.control, tool: a.tool,
		load: a.load, shown: a.screen.commanded, log: a.log.With("part", "remote"), queue: make(chan sparkplug.Command, queuedCommands),
	}
	a.mes.node.OnCommand(a.remote.take)
	a.tellRecipe()
	return a.remote.recover(ctx)
}

// recover answers what the run before began and did not end: whether it was
// carried out nobody knows, and it will not be carried out again.
func (r *remote) recover(ctx context.Context) error {
	left, err := r.store.OpenCommands(ctx)
	for _, c := range left {
		c.Answered, c.Code = time.Now().UTC(), int(sparkplug.NotNow)
		c.Reason = "the appliance stopped while it carried this out; it may or may not have been done"
		err = errors.Join(err, r.store.EndCommand(ctx, c))
	}
	return err
}

func (r *remote) Start(ctx context.Context) {
	ctx, r.cancel = context.WithCancel(ctx)
	r.wait.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case c := <-r.queue:
				r.node.Answer(answerOf(r.handle(ctx, c)))
			}
		}
	})
}

func (r *remote) Close() {
	r.cancel()
	r.wait.Wait()
}

// take is called by the node and returns at once.
func (r *remote) take(c sparkplug.Command) {
	reason := "too many commands at once; send it again"
	if r.pace.allow(time.Now()) {
		select {
		case r.queue <- c:
			return
		default:
		}
	}
	r.node.Answer(sparkplug.Answer{ID: c.ID, Name: c.Name, Code: sparkplug.NotNow, Reason: reason, Time: time.Now()})
}

func answerOf(c record.Command) sparkplug.Answer {
	return sparkplug.Answer{ID: c.ID, Name: c.Name, Code: sparkplug.HCACK(c.Code), Reason: c.Reason, Time: c.Answered}
}

// handle writes a command down, carries it out, and writes down what became of
// it. One that was written down before is answered as it was then.
func (r *remote) handle(ctx context.Context, order sparkplug.Command) record.Command {
	c := record.Command{ID: order.ID, Name: order.Name, Host: order.Host, Detail: detail(order), Received: time.Now().UTC()}
	known, isKnown, err := r.store.BeginCommand(ctx, c)
	switch {
	case err != nil:
		r.log.Error("command not carried out, for it cannot be written down", "command", c.Name, "id", c.ID, "error", err)
		return answeredAs(c, sparkplug.NotNow, "it cannot be written down: "+err.Error())
	case isKnown && (known.Name != c.Name || known.Detail != c.Detail):
		return answeredAs(c, sparkplug.BadParameter, fmt.Sprintf("%s was used for %s %s", sparkplug.CommandID, known.Name, known.Detail))
	case isKnown:
		return known
	}
	code, reason := r.execute(ctx, order)
	c = answeredAs(c, code, reason)
	if err := r.store.EndCommand(context.WithoutCancel(ctx), c); err != nil {
		r.log.Error("command carried out and not written down", "command", c.Name, "id", c.ID, "error", err)
		r.alarms.Raise(alarm.CommandUnwritten, fmt.Sprintf("%s, id %s: %v", c.Name, c.ID, err))
	}
	r.log.Info("host command", "command", c.Name, "id", c.ID, "host", c.Host, "detail", c.Detail, "hcack", c.Code, "reason", c.Reason)
	r.shown(c)
	return c
}

func answeredAs(c record.Command, code sparkplug.HCACK, reason string) record.Command {
	c.Answered, c.Code, c.Reason = time.Now().UTC(), int(code), reason
	return c
}

// detail is what a command is about, in the order of its metrics.
func detail(c sparkplug.Command) string {
	var parts []string
	for _, p := range []struct{ name, value string }{
		{"recipe", c.Recipe}, {"version", c.RecipeVersion}, {"substrate", c.Substrate},
	} {
		if p.value != "" {
			parts = append(parts, fmt.Sprintf("%s=%q", p.name, p.value))
		}
	}
	if c.ALID != 0 {
		parts = append(parts, fmt.Sprintf("alid=%d", c.ALID))
	}
	return strings.Join(parts, " ")
}

// execute carries a command out.
func (r *remote) execute(ctx context.Context, c sparkplug.Command) (sparkplug.HCACK, string) {
	run, known := map[string]func(context.Context, sparkplug.Command) (sparkplug.HCACK, string){
		"PP-SELECT": r.selectRecipe, "START": r.start, "STOP": r.stop, "PAUSE": r.pause, "RESUME": r.resume,
		"ABORT": r.abort, "ACK-ALARM": r.acknowledge, "REINSPECT": r.reinspect,
	}[c.Name]
	switch {
	case !known:
		return sparkplug.NoSuchCommand, "known: ABORT, ACK-ALARM, PAUSE, PP-SELECT, REINSPECT, RESUME, START, STOP"
	case !r.control.isRemote():
		return sparkplug.NotNow, "control is local; the operator gives it to the host"
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	return run(ctx, c)
}

// failed answers an error of the station or of a recipe.
func failed(err error) (sparkplug.HCACK, string) { return sparkplug.NotNow, err.Error() }

func (r *remote) selectRecipe(ctx context.Context, c sparkplug.Command) (sparkplug.HCACK, string) {
	if c.Recipe == "" {
		return sparkplug.BadParameter, sparkplug.CommandRecipe + ": empty"
	}
	switch err := r.load(ctx, c.Recipe, c.RecipeVersion); {
	case err == nil:
		return sparkplug.Done, ""
	case errors.Is(err, errLoaded):
		return sparkplug.AlreadySo, ""
	case errors.Is(err, errNoRecipe):
		return sparkplug.NoSuchObject, err.Error()
	case errors.Is(err, ErrRecipe), errors.Is(err, ErrSource):
		return sparkplug.BadParameter, err.Error()
	case errors.Is(err, station.ErrBusy):
		return sparkplug.NotNow, "a wafer is on the chuck; STOP, and select between wafers"
	default:
		return failed(err)
	}
}

// hold and its twin release answer AlreadySo where nothing changes, and WillBeDone
// while a wafer is still to be finished.
func (r *remote) hold(ctx context.Context, h station.Hold) (sparkplug.HCACK, string) {
	before, busy, err := r.station.Hold(ctx, h)
	switch {
	case err != nil:
		return failed(err)
	case before&h != 0:
		return sparkplug.AlreadySo, ""
	case busy:
		return sparkplug.WillBeDone, "the wafer on the chuck is finished first"
	}
	return sparkplug.Done, ""
}

func (r *remote) release(ctx context.Context, h station.Hold) (sparkplug.HCACK, string) {
	before, err := r.station.Release(ctx, h)
	left := before &^ h
	switch {
	case err != nil:
		return failed(err)
	case before&h == 0 && left == 0:
		return sparkplug.AlreadySo, ""
	case before&h == 0:
		return sparkplug.NotNow, left.String()
	case left != 0:
		return sparkplug.Done, "but still " + left.String()
	}
	return sparkplug.Done, ""
}

func (r *remote) start(ctx context.Context, _ sparkplug.Command) (sparkplug.HCACK, string) {
	return r.release(ctx, station.HostStop)
}

func (r *remote) stop(ctx context.Context, _ sparkplug.Command) (sparkplug.HCACK, string) {
	return r.hold(ctx, station.HostStop)
}

func (r *remote) pause(ctx context.Context, _ sparkplug.Command) (sparkplug.HCACK, string) {
	return r.hold(ctx, station.HostPause)
}

func (r *remote) resume(ctx context.Context, _ sparkplug.Command) (sparkplug.HCACK, string) {
	return r.release(ctx, station.HostPause)
}

func (r *remote) abort(ctx context.Context, _ sparkplug.Command) (sparkplug.HCACK, string) {
	busy, err := r.station.Abort(ctx)
	switch {
	case err != nil:
		return failed(err)
	case !busy:
		return sparkplug.NotNow, "no wafer is being inspected; stopped all the same"
	}
	return sparkplug.WillBeDone, "what is left of the wafer is not inspected; its result comes when the tool takes it away"
}

func (r *remote) acknowledge(_ context.Context, c sparkplug.Command) (sparkplug.HCACK, string) {
	if c.ALID == 0 {
		return sparkplug.BadParameter, sparkplug.CommandALID + ": none"
	}
	who := strings.TrimSpace("host " + c.Host)
	for _, set := range r.alarms.Active() {
		if set.ID == alarm.ID(c.ALID) && set.AckBy != "" {
			return sparkplug.AlreadySo, "acknowledged by " + set.AckBy
		}
	}
	if _, err := r.alarms.Acknowledge(alarm.ID(c.ALID), who); err != nil {
		return sparkplug.NoSuchObject, err.Error()
	}
	if alarm.Momentary(alarm.ID(c.ALID)) {
		r.alarms.Clear(alarm.ID(c.ALID))
	}
	return sparkplug.Done, ""
}

func (r *remote) reinspect(ctx context.Context, c sparkplug.Command) (sparkplug.HCACK, string) {
	if c.Substrate == "" {
		return sparkplug.BadParameter, sparkplug.CommandSubstrate + ": empty"
	}
	bringer, ok := r.tool.(handler.Bringer)
	if !ok {
		return sparkplug.NotNow, "this tool cannot bring a wafer again; load it, and its run is counted"
	}
	if err := bringer.Bring(c.Substrate); err != nil {
		return sparkplug.NoSuchObject, err.Error()
	}
	return sparkplug.WillBeDone, "the tool brings it when its turn comes"
}
