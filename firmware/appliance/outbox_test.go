package appliance

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"path/filepath"
	"testing"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/bus/session"
	"kensa/firmware/config"
	"kensa/firmware/record"
)

// TestOutboxKeepsTheLedgersContract runs the ledger's own suite on the database.
func TestOutboxKeepsTheLedgersContract(t *testing.T) {
	ledgertest.TestOutbox(t, func(t *testing.T) (ledger.Outbox, func(string)) {
		store, err := record.Open(t.Context(), filepath.Join(t.TempDir(), DatabaseName))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		add := func(payload string) {
			err := store.Update(context.Background(), func(tx *record.Tx) error {
				_, err := tx.Publish(record.Ledger, func(uint64) ([]byte, error) { return []byte(payload), nil })
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return outbox{store.Outbox(record.Ledger)}, add
	})
}

// TestResultsWaitForTheService: wafers inspected while no broker answers are
// recorded all the same, and reach the warning service when there is one, each
// once and in order.
func TestResultsWaitForTheService(t *testing.T) {
	c := testConfig(t)
	c.Simulator.Lots, c.Simulator.Wafers = 1, 1
	c.MQTT.Brokers = []string{"tcp://127.0.0.1:1"} // nobody listens there
	first := runAppliance(t, Options{Config: c}, func(*Appliance, *record.Wafer) {})
	if n := waiting(t, first); n != 1 {
		t.Fatalf("%d records wait; want 1", n)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	service := startService(t, c)
	c.MQTT.Brokers = []string{service.url}
	second := runAppliance(t, Options{Config: c}, func(*Appliance, *record.Wafer) {})
	if n := waiting(t, second); n != 0 {
		t.Errorf("%d records still wait", n)
	}
	if at, err := service.store.Position(t.Context(), ledger.Stream{Node: c.Station.Name, Epoch: second.store.Epoch()}); err != nil || at != 2 {
		t.Errorf("the service has the records up to %d (%v); want 2", at, err)
	}
}

func waiting(t *testing.T, a *Appliance) uint64 {
	t.Helper()
	n, err := a.store.Numbering(t.Context(), record.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	return n.Waiting()
}

// service is a broker with a receiver: what kensa-warning is made of, for firmware
// may not import it.
type service struct {
	url   string
	store *ledgertest.Store
}

func startService(t *testing.T, c config.Config) service {
	t.Helper()
	url := embeddedBroker(t)
	return service{url, startReceiver(t, c, url)}
}

// startReceiver takes the appliance's records on a broker.
func startReceiver(t testing.TB, c config.Config, url string) *ledgertest.Store {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	settings := session.Default()
	settings.Brokers, settings.ClientID = []string{url}, "receiver"
	connection, err := session.New(settings, log)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ledger.ReadPublicKey(filepath.Join(c.Storage.State, KeysFolder, c.Station.Name+".pub"))
	if err != nil {
		t.Fatal(err)
	}
	store := ledgertest.NewStore()
	signer, err := ledger.OpenSigner(t.TempDir(), "service")
	if err != nil {
		t.Fatal(err)
	}
	receiver, err := ledger.NewReceiver(connection, store, enrolled{c.Station.Name: key}, signer, ledger.ReceiverConfig{}, log)
	if err != nil {
		t.Fatal(err)
	}
	receiver.Start()
	connection.Start(t.Context())
	t.Cleanup(func() { connection.Close(); receiver.Close() })
	if _, err := connection.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

type enrolled map[string]ed25519.PublicKey

func (e enrolled) Key(node string) (ed25519.PublicKey, bool) {
	key, ok := e[node]
	return key, ok
}
