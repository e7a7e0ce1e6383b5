package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kensa/bus/session"
	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
	"kensa/bus/traffic"
)

// busOrder is a command of a host.
type busOrder struct {
	onBus
	Name      string        `arg:"" help:"PP-SELECT, START, STOP, PAUSE, RESUME, ABORT, ACK-ALARM or REINSPECT."`
	ID        string        `help:"Correlation id; the same id is carried out once. Default: a random one."`
	Host      string        `default:"kensa bus command" help:"Who orders, for the audit log."`
	Recipe    string        `help:"PP-SELECT: recipe."`
	Version   string        `help:"PP-SELECT: version that it must have."`
	Substrate string        `help:"REINSPECT: wafer."`
	ALID      uint32        `name:"alid" help:"ACK-ALARM: alarm."`
	Wait      time.Duration `default:"40s" help:"How long to wait for the answer."`
	JSON      bool          `help:"Print JSON."`
}

// orderAnswer is what the appliance said.
type orderAnswer struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	HCACK  uint64 `json:"hcack"`
	Text   string `json:"text"`
	Reason string `json:"reason,omitempty"`
	Time   string `json:"time"`
}

// Run sends the command and waits for its answer. It asks for births first,
// because the answer's metrics may have no names but those.
func (o *busOrder) Run(c console) error {
	loaded, err := o.load()
	if err != nil {
		return err
	}
	if o.ID == "" {
		o.ID = rand.Text()
	}
	names := loaded.Sparkplug()
	ctx, cancel := context.WithTimeout(c, o.Wait)
	defer cancel()
	heard := make(chan session.Message, 256)
	s, err := o.connect(ctx, loaded, func(s *session.Session) error {
		filter := strings.Join([]string{"spBv1.0", names.Group, "+", names.Node, "#"}, "/")
		return s.Subscribe(ctx, filter, 1, func(m session.Message) {
			select {
			case heard <- m:
			case <-ctx.Done():
			}
		})
	})
	if err != nil {
		return err
	}
	defer s.Close()
	defer cancel() // before Close, which waits for the handlers
	if err := askForBirths(ctx, s, names); err != nil {
		return err
	}
	return o.converse(ctx, c, s, names, heard)
}

// converse sends the command after the births and waits for its answer.
func (o *busOrder) converse(ctx context.Context, c console, s *session.Session, names sparkplug.Config, heard <-chan session.Message) error {
	decoder, sent := traffic.NewDecoder(), false
	for {
		select {
		case <-ctx.Done():
			if !sent {
				return fail(exitFailed, fmt.Errorf("%s/%s: no births within %v", names.Group, names.Node, o.Wait),
					"is the appliance running, connected to this broker, and its primary host online? `kensa bus watch` shows what there is")
			}
			return fail(exitFailed, fmt.Errorf("%s, id %s: no answer within %v", o.Name, o.ID, o.Wait),
				"send it again with the same --id: it is not carried out twice")
		case m := <-heard:
			decoded := decoder.Decode(time.Now(), m.Topic, m.Retained, m.Payload)
			if decoded.Sparkplug == nil {
				continue
			}
			if decoded.Sparkplug.Type == "DBIRTH" && !sent {
				sent = true
				if err := o.send(ctx, s, names); err != nil {
					return err
				}
			}
			if a, ok := answerIn(decoded.Sparkplug, o.ID); ok && sent {
				return o.print(c, a)
			}
		}
	}
}

func (o *busOrder) send(ctx context.Context, s *session.Session, names sparkplug.Config) error {
	order := sparkplug.Command{ID: o.ID, Name: o.Name, Host: o.Host, Recipe: o.Recipe, RecipeVersion: o.Version, Substrate: o.Substrate, ALID: int(o.ALID)}
	p := payload.Payload{Timestamp: time.Now(), Metrics: sparkplug.CommandMetrics(order)}
	topic := strings.Join([]string{"spBv1.0", names.Group, "DCMD", names.Node, names.Device}, "/")
	return s.Publish(ctx, session.Message{Topic: topic, Payload: p.Encode()})
}

// answerIn looks for the answer to a command in data of the device.
func answerIn(s *traffic.Sparkplug, id string) (a orderAnswer, ok bool) {
	values := map[string]any{}
	for _, m := range s.Metrics {
		values[m.Name] = m.Value
	}
	if values["CommandResult/Id"] != id || s.Type != "DDATA" {
		return a, false
	}
	a.ID = id
	a.Name, _ = values["CommandResult/Name"].(string)
	a.HCACK, _ = values["CommandResult/HCACK"].(uint64)
	a.Reason, _ = values["CommandResult/Reason"].(string)
	a.Time, _ = values["CommandResult/Time"].(string)
	a.Text = sparkplug.HCACK(a.HCACK).String()
	return a, true
}

// print ends with an error where the command was refused.
func (o *busOrder) print(c console, a orderAnswer) error {
	var err error
	if o.JSON {
		err = printJSON(c.out, a)
	} else {
		reason := ""
		if a.Reason != "" {
			reason = " (" + a.Reason + ")"
		}
		_, err = fmt.Fprintf(c.out, "%s id %s: HCACK %d, %s%s\n", a.Name, a.ID, a.HCACK, a.Text, reason)
	}
	switch sparkplug.HCACK(a.HCACK) {
	case sparkplug.Done, sparkplug.WillBeDone, sparkplug.AlreadySo:
		return err
	}
	return errors.Join(err, fail(exitFailed, fmt.Errorf("%s was refused: %s", a.Name, a.Text), ""))
}

// askForBirths writes Node Control/Rebirth.
func askForBirths(ctx context.Context, s *session.Session, names sparkplug.Config) error {
	p := payload.Payload{Timestamp: time.Now(), Metrics: []payload.Metric{{Name: "Node Control/Rebirth", Timestamp: time.Now(), Value: payload.Boolean(true)}}}
	topic := strings.Join([]string{"spBv1.0", names.Group, "NCMD", names.Node}, "/")
	return s.Publish(ctx, session.Message{Topic: topic, Payload: p.Encode()})
}

// busControl switches between local and remote control at the running appliance.
type busControl struct {
	configured
	To       string `arg:"" enum:"local,remote" help:"local: the host's commands are refused; remote: they are carried out."`
	Operator string `required:"" help:"Who decides this, for the audit log."`
}

// Run asks the appliance's display, which has the one writer of the database.
func (b *busControl) Run(c console) error {
	loaded, err := b.load()
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"operator": b.Operator})
	if err != nil {
		return err
	}
	url := "http://" + loaded.Display.Listen + "/api/control/" + b.To
	request, err := http.NewRequestWithContext(c, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fail(exitFailed, err, "the appliance must be running; its address is display.listen")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		var why struct {
			Error string `json:"error"`
		}
		if err := json.NewDecoder(answer.Body).Decode(&why); err != nil {
			why.Error = answer.Status
		}
		return fail(exitFailed, fmt.Errorf("control %s: %s", b.To, why.Error), "")
	}
	_, err = fmt.Fprintf(c.out, "control is %s\n", b.To)
	return err
}
