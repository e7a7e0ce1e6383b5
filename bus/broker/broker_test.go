package broker_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"kensa/bus/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, address string) *broker.Broker {
	t.Helper()
	b, err := broker.Start(address, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTakenPortIsNamed(t *testing.T) {
	b := start(t, "127.0.0.1:0")
	defer b.Close()
	address := b.Addr().String()
	_, err := broker.Start(address, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "port is taken") {
		t.Errorf("%v; want an error that names %s", err, address)
	}
}

func TestBadAddressIsNamed(t *testing.T) {
	for _, address := range []string{"nonsense", "127.0.0.1:99999", "192.0.2.1:0"} {
		if _, err := broker.Start(address, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v; want an error that names it", address, err)
		}
	}
}

// A client that never says CONNECT must not keep Close waiting.
func TestCloseDropsSilentClients(t *testing.T) {
	b := start(t, "127.0.0.1:0")
	c, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
}
