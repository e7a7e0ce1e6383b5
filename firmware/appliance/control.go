package appliance

import (
	"context"
	"fmt"
	"sync"
	"time"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
	"kensa/firmware/display"
	"kensa/firmware/record"
	"kensa/firmware/station"
)

// control is the control state of SEMI E30: the operator gives the tool to the
// host (remote) or keeps it (local), and that survives a restart. Without a host
// the state is HOST_OFFLINE, whatever the operator has chosen.
type control struct {
	store *record.Store
	tell  func(station.Control) // returns at once

	mu             sync.Mutex
	online, remote bool
	told           station.Control
}

// controlValue is the stored value that holds "remote" or "local".
const controlValue = "control"

func (a *Appliance) openControl(ctx context.Context) error {
	kept, err := a.store.Value(ctx, controlValue)
	if err != nil {
		return err
	}
	a.control = &control{store: a.store, remote: string(kept) == "remote", tell: a.tellControl}
	return nil
}

// shownControl are E30's states in the display's terms.
var shownControl = map[station.Control]display.ControlState{
	station.HostOffline: display.HostOffline, station.OnlineLocal: display.OnlineLocal, station.OnlineRemote: display.OnlineRemote,
}

func (a *Appliance) tellControl(c station.Control) {
	a.screen.change(func(s *display.Status) { s.Control, s.Remote = shownControl[c], a.control.remote })
	if a.mes != nil {
		a.mes.update(map[string]payload.Value{sparkplug.ControlState: payload.String(string(c))})
	}
}

// setOnline notes whether there is a host.
func (c *control) setOnline(online bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.online = online
	c.settle(false)
}

// setRemote gives the tool to the host or takes it back, and writes down who did.
func (c *control) setRemote(ctx context.Context, remote bool, who string) error {
	name := map[bool]string{true: "remote", false: "local"}[remote]
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.store.Update(ctx, func(tx *record.Tx) error {
		if err := tx.SetValue(controlValue, []byte(name)); err != nil {
			return err
		}
		return tx.Audit(record.Entry{Time: time.Now(), Origin: record.ByOperator, Who: who, What: "CONTROL", Detail: name, Result: "done"})
	})
	if err != nil {
		return fmt.Errorf("control %s: %w", name, err)
	}
	c.remote = remote
	c.settle(true)
	return nil
}

// isRemote tells whether the host may command.
func (c *control) isRemote() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remote
}

// settle tells the state that follows, under mu, if it is another.
func (c *control) settle(always bool) {
	state := station.HostOffline
	switch {
	case c.online && c.remote:
		state = station.OnlineRemote
	case c.online:
		state = station.OnlineLocal
	}
	if state != c.told || always {
		c.told = state
		c.tell(state)
	}
}
