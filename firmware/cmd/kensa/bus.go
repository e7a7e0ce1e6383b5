package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"kensa/bus/session"
	"kensa/bus/traffic"
	"kensa/firmware/config"
)

// busCommand looks at the broker from outside, and speaks to an appliance as a
// host would.
type busCommand struct {
	Watch   busWatch   `cmd:"" help:"Print what goes over the broker, decoded, as it comes."`
	Ping    busPing    `cmd:"" help:"Check brokers, certificates, permissions and round-trip time."`
	Command busOrder   `cmd:"" help:"Send an appliance a command as a host does, and print its answer."`
	Control busControl `cmd:"" help:"Give the tool to the host, or take it back, as the operator does."`
}

// onBus is the part of commands that connect to the broker.
type onBus struct {
	configured
	Broker string `help:"Broker, instead of mqtt.brokers, such as tcp://127.0.0.1:1883."`
}

func (o onBus) load() (config.Config, error) {
	loaded, err := o.configured.load()
	if err != nil {
		return loaded, err
	}
	if o.Broker != "" {
		loaded.MQTT.Brokers = []string{o.Broker}
	}
	if len(loaded.MQTT.Brokers) == 0 {
		return loaded, fail(exitUsage, errors.New("mqtt.brokers: empty"), "name a broker with --broker")
	}
	return loaded, nil
}

// connect opens a session of this command's own; the caller closes it. prepare may
// subscribe before it starts.
func (o onBus) connect(ctx context.Context, loaded config.Config, prepare func(*session.Session) error) (*session.Session, error) {
	s, err := session.New(loaded.Connection(fmt.Sprintf("-tool-%d", os.Getpid())), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fail(exitUsage, err, "")
	}
	if err := prepare(s); err != nil {
		return nil, err
	}
	s.Start(context.WithoutCancel(ctx))
	limit, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	if _, err := s.Await(limit); err != nil {
		s.Close()
		return nil, fail(exitFailed, errors.Join(err, s.State().Err), "`kensa bus ping` says what is wrong")
	}
	return s, nil
}

// connectPatience is how long a broker may take for a connection.
const connectPatience = 15 * time.Second

type busWatch struct {
	onBus
	Topic   []string `help:"Filters, instead of both planes: spBv1.0/#, STATE/#, kensa/v1/#."`
	Count   int      `short:"n" help:"Stop after so many messages."`
	Rebirth bool     `help:"Ask this configuration's appliance for its births, which name the metrics."`
	JSON    bool     `help:"Print one JSON object a line."`
}

// Run prints messages until the count is reached or a signal comes.
func (w *busWatch) Run(c console) error {
	loaded, err := w.load()
	if err != nil {
		return err
	}
	filters := w.Topic
	if len(filters) == 0 {
		filters = []string{"spBv1.0/#", "STATE/#", "kensa/v1/#"}
	}
	messages := make(chan session.Message) // handlers wait for the terminal, and the broker for them
	ctx, stop := context.WithCancel(c)
	defer stop()
	s, err := w.connect(ctx, loaded, func(s *session.Session) error {
		for _, filter := range filters {
			err := s.Subscribe(ctx, filter, 1, func(m session.Message) {
				select {
				case messages <- m:
				case <-ctx.Done():
				}
			})
			if err != nil {
				return fail(exitUsage, err, "")
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	defer s.Close()
	defer stop() // before Close, which waits for the handlers
	if w.Rebirth {
		if err := askForBirths(ctx, s, loaded.Sparkplug()); err != nil {
			return err
		}
	}
	return w.print(c, messages)
}

func (w *busWatch) print(c console, messages <-chan session.Message) error {
	decoder := traffic.NewDecoder()
	for n := 0; w.Count == 0 || n < w.Count; n++ {
		select {
		case <-c.Done():
			return nil
		case m := <-messages:
			decoded := decoder.Decode(time.Now(), m.Topic, m.Retained, m.Payload)
			var err error
			if w.JSON {
				err = printLine(c.out, decoded)
			} else {
				_, err = fmt.Fprintln(c.out, decoded)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
