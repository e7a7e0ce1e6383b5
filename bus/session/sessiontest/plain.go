package sessiontest

import (
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Plain is how long bare paho takes to have b.N messages acknowledged by a broker,
// QoS 1, 100 under way at a time, and nobody listening: what "as fast as MQTT" is
// with a message for each record.
func Plain(b *testing.B, address string, payload []byte) time.Duration {
	b.Helper()
	const window = 100
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + address).SetClientID("plain").SetAutoReconnect(false))
	wait := func(t mqtt.Token) {
		if t.Wait() && t.Error() != nil {
			b.Fatal(t.Error())
		}
	}
	wait(c.Connect())
	defer c.Disconnect(0)
	started, underWay := time.Now(), make([]mqtt.Token, 0, b.N)
	for n := range b.N {
		if n >= window {
			wait(underWay[n-window])
		}
		underWay = append(underWay, c.Publish("plain", 1, false, payload))
	}
	for _, t := range underWay[max(0, b.N-window):] {
		wait(t)
	}
	return time.Since(started)
}
