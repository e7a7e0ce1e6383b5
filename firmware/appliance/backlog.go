package appliance

import (
	"context"
	"fmt"
	"time"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
)

// nearLimit is the share of the ledger's retention at which the alarm comes.
const nearLimit = 0.8

// stuckWatches is for how many watches in a row an outbox that fails is no alarm:
// a full disk, which has its own, may be free again.
const stuckWatches = 10

// watchLedger looks at what is to be told of the ledger: a receiver that is not
// trusted, an epoch that had to begin, an outbox that fails.
func (a *Appliance) watchLedger() {
	stats := a.ledger.Stats()
	detail := ""
	if stats.Stranger != nil {
		detail = stats.Stranger.Error()
	}
	a.alarmWhen(stats.Stranger != nil, alarm.ReceiverUntrusted, detail)
	if stats.Epochs != a.epochs {
		a.epochs = stats.Epochs
		a.alarms.Raise(alarm.LedgerRenewed, "records now carry epoch "+a.ledger.Epoch())
	}
	if a.stuck++; stats.Stuck == nil {
		a.stuck = 0
	} else {
		detail = stats.Stuck.Error()
	}
	a.alarmWhen(a.stuck > stuckWatches, alarm.OutboxFailed, detail)
}

// agePatience is for how long at least the alarm has stood when records go because of
// their age: after a year switched off, or with a clock that was set wrongly, all are
// old at once.
const agePatience = time.Hour

// watchBacklog raises the alarm in time, and lets go of what is beyond the
// ledger's retention.
func (a *Appliance) watchBacklog(ctx context.Context) {
	n, err := a.store.Numbering(ctx, record.Ledger)
	if err != nil {
		if ctx.Err() == nil {
			a.log.Error("ledger outbox not read", "error", err)
		}
		return
	}
	most, age := a.config.Ledger.KeepRecords, time.Duration(a.config.Ledger.KeepDays)*24*time.Hour
	waits := time.Duration(0)
	if !n.Oldest.IsZero() {
		waits = max(time.Since(n.Oldest), 0) // below 0 where the clock was set back
	}
	near := n.Waiting() > backlogAlarm ||
		most > 0 && float64(n.Waiting()) > nearLimit*float64(most) || age > 0 && float64(waits) > nearLimit*float64(age)
	a.alarmWhen(near, alarm.LedgerBacklog, fmt.Sprintf("%d records wait, the first for %v; limits are %d and %d days",
		n.Waiting(), waits.Round(time.Minute), most, a.config.Ledger.KeepDays))
	if !near {
		a.nearSince = time.Time{}
	} else if a.nearSince.IsZero() {
		a.nearSince = time.Now()
	}
	if time.Since(a.nearSince) < agePatience {
		age = 0
	}
	a.discard(ctx, uint64(most), age)
}

func (a *Appliance) discard(ctx context.Context, most uint64, age time.Duration) {
	before := time.Time{}
	if age > 0 {
		before = time.Now().Add(-age)
	}
	gone, any, err := a.store.Outbox(record.Ledger).Discard(ctx, most, before)
	if err != nil && ctx.Err() == nil {
		a.log.Error("ledger outbox not shortened", "error", err)
	}
	if any {
		a.alarms.Raise(alarm.RecordsDiscarded, fmt.Sprintf("records %d to %d of epoch %s", gone.From, gone.To, a.store.Epoch()))
		a.ledger.Notify()
	}
}
