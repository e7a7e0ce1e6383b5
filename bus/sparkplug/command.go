package sparkplug

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"kensa/bus/session"
	"kensa/bus/sparkplug/payload"
)

// Limits of what a host may send.
const (
	maxCommand = 64 << 10 // bytes
	maxText    = 128      // bytes of each text in a command
	maxReason  = 512      // characters of what is said of it; births carry the last
)

// Names of the commands' metrics. A host writes those under Command together in
// one DCMD; the answer comes as those under CommandResult together in one DDATA.
const (
	CommandName          = "Command/Name"
	CommandID            = "Command/Id"
	CommandHost          = "Command/Host"
	CommandRecipe        = "Command/Recipe"
	CommandRecipeVersion = "Command/RecipeVersion"
	CommandSubstrate     = "Command/Substrate"
	CommandALID          = "Command/ALID"

	resultID     = "CommandResult/Id"
	resultName   = "CommandResult/Name"
	resultCode   = "CommandResult/HCACK"
	resultReason = "CommandResult/Reason"
	resultTime   = "CommandResult/Time"
)

// HCACK is SEMI E5's answer to a host command.
type HCACK uint8

// Answers of SEMI E5.
const (
	Done           HCACK = 0 // performed
	NoSuchCommand  HCACK = 1
	NotNow         HCACK = 2 // cannot be performed now
	BadParameter   HCACK = 3
	WillBeDone     HCACK = 4 // performed later, which a metric then tells
	AlreadySo      HCACK = 5 // rejected: the wished state is there
	NoSuchObject   HCACK = 6
	hcackHighest         = NoSuchObject
	hcackMeanings        = "0 done, 1 no such command, 2 not now, 3 bad parameter, 4 will be done, 5 already so, 6 no such object"
	commandMeaning       = "PP-SELECT, START, STOP, PAUSE, RESUME, ABORT, ACK-ALARM or REINSPECT; written by a host together with Command/Id"
)

// String is the answer in words.
func (h HCACK) String() string {
	words := [...]string{"done", "no such command", "not now", "bad parameter", "will be done", "already so", "no such object"}
	if int(h) < len(words) {
		return words[h]
	}
	return fmt.Sprintf("HCACK %d", uint8(h))
}

// Command is what a host orders of the device.
type Command struct {
	// ID is the host's own name for this order: the same order sent again is
	// answered again and not carried out again.
	ID   string
	Name string // such as PP-SELECT
	Host string // who orders, in his own words; MQTT does not tell
	// What the order is about, by its kind; empty or 0 where it is not needed.
	Recipe, RecipeVersion, Substrate string
	ALID                             int
}

// Answer is what became of a command.
type Answer struct {
	ID, Name string
	Code     HCACK
	Reason   string
	Time     time.Time
}

func commandMetrics() []Metric {
	const text = payload.TypeString
	return []Metric{
		device(CommandName, text, "", commandMeaning),
		device(CommandID, text, "", "correlation id, the host's own, 1 to 128 bytes; the same id is carried out once and answered the same"),
		device(CommandHost, text, "", "who orders, for the audit log"),
		device(CommandRecipe, text, "", "PP-SELECT: recipe (PPID)"),
		device(CommandRecipeVersion, text, "", "PP-SELECT: version that the recipe must have; may be left out"),
		device(CommandSubstrate, text, "", "REINSPECT: substrate"),
		device(CommandALID, payload.TypeUInt32, "", "ACK-ALARM: alarm"),
		device(resultID, text, "", "Command/Id of the command last answered"),
		device(resultName, text, "", "its name"),
		device(resultCode, payload.TypeUInt8, "", "SEMI E5 HCACK: "+hcackMeanings),
		device(resultReason, text, "", "why, where it was not simply done"),
		device(resultTime, payload.TypeDateTime, "", "when it was answered first"),
	}
}

// isOrder tells the metrics that hosts write from those that the node publishes.
func isOrder(name string) bool { return strings.HasPrefix(name, "Command/") }

// OnCommand has f called with each well-formed command, one at a time, in the
// order in which they come; f must return at once. Call it before Start. Without
// it commands are answered NotNow.
func (n *Node) OnCommand(f func(Command)) { n.execute = f }

// Answer tells the host what became of a command. It never waits. While the host
// cannot be told the next births have the last answer.
func (n *Node) Answer(a Answer) {
	values := map[string]payload.Value{
		resultID: payload.String(a.ID), resultName: payload.String(a.Name), resultCode: payload.UInt8(uint8(min(a.Code, hcackHighest))),
		resultReason: payload.String(fmt.Sprintf("%.*s", maxReason, a.Reason)), resultTime: payload.DateTime(a.Time),
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	// Under mu, because births that go out now may have been made without it:
	// what is not told by itself is told with the changes after them.
	alone := n.live() && len(n.answers) < maxAnswers
	n.board.set(values, time.Now(), !alone)
	if alone {
		n.answers = append(n.answers, event{values: values, at: time.Now()})
	} else if n.live() {
		n.state.Dropped++
	}
	n.poke()
}

// maxAnswers bounds the answers that wait to be told one by one.
const maxAnswers = 256

// nodeCommand takes an NCMD. The only one is the rebirth.
func (n *Node) nodeCommand(m session.Message) {
	rebirth, err := wantsRebirth(m)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil {
		n.refuse(m.Topic, err)
	}
	// Many requests at once are one. One that comes while births go out is granted
	// after them: the host may have missed the first.
	if rebirth && n.link.Link != nil {
		n.rebirth = true
		n.poke()
	}
}

// refuse counts, under mu, what could not be taken.
func (n *Node) refuse(topic string, err error) {
	n.state.Refused++
	n.state.Refusal = fmt.Sprintf("%.*s", maxReason, err)
	// The first, second, fourth, eighth …: a broken host must not fill the log.
	if n.state.Refused&(n.state.Refused-1) == 0 {
		n.log.Warn("Sparkplug message refused", "topic", topic, "refused", n.state.Refused, "error", n.state.Refusal)
	}
}

// readCommand checks what all commands have in common.
func readCommand(m session.Message) (payload.Payload, error) {
	switch {
	case m.Retained:
		return payload.Payload{}, errors.New("command: retained; it would be carried out again with every connection; publish it without the flag")
	case len(m.Payload) > maxCommand:
		return payload.Payload{}, fmt.Errorf("command: %d bytes; limit is %d", len(m.Payload), maxCommand)
	}
	return payload.Decode(m.Payload)
}

// wantsRebirth reads a command. Rebirth is asked for with the value true, of
// type Boolean or of none, for commands may leave the type out. The error names
// the first metric that is no command of this node.
func wantsRebirth(m session.Message) (rebirth bool, err error) {
	p, err := readCommand(m)
	if err != nil {
		return false, err
	}
	for _, m := range p.Metrics {
		if m.Name != rebirthName {
			err = fmt.Errorf("metric %.80q: no command of this node; known: %q", m.Name, rebirthName)
			continue
		}
		v, typeErr := m.Value.As(payload.TypeBoolean)
		if typeErr != nil {
			err = fmt.Errorf("metric %q: %w", m.Name, typeErr)
			continue
		}
		asked, _ := v.Bool()
		rebirth = rebirth || asked
	}
	return rebirth, err
}

// deviceCommand takes a DCMD. One that is malformed is answered where its id
// could be read, and never carried out in part.
func (n *Node) deviceCommand(m session.Message) {
	c, err := n.board.command(m)
	if err == nil && n.execute != nil {
		n.execute(c)
		return
	}
	a := Answer{ID: c.ID, Name: c.Name, Code: NotNow, Reason: "this appliance takes no commands", Time: time.Now()}
	if err != nil {
		a.Code, a.Reason = BadParameter, err.Error()
		n.mu.Lock()
		n.refuse(m.Topic, err)
		n.mu.Unlock()
	}
	if c.ID != "" {
		n.Answer(a)
	}
}

// command reads a DCMD. With an error, the first, it gives back as much as names the
// command.
func (b *board) command(m session.Message) (c Command, err error) {
	p, err := readCommand(m)
	if err != nil {
		return c, err
	}
	texts := map[string]*string{
		CommandName: &c.Name, CommandID: &c.ID, CommandHost: &c.Host, CommandRecipe: &c.Recipe,
		CommandRecipeVersion: &c.RecipeVersion, CommandSubstrate: &c.Substrate,
	}
	seen := make(map[string]bool)
	for _, metric := range p.Metrics {
		declared, nameErr := b.named(metric, DeviceScope)
		if nameErr == nil && (!isOrder(declared.Name) || seen[declared.Name]) {
			nameErr = fmt.Errorf("metric %q: not for writing, or there twice", declared.Name)
		}
		if nameErr == nil {
			seen[declared.Name] = true
			nameErr = take(&c, declared, metric.Value, texts)
		}
		if err == nil {
			err = nameErr
		}
	}
	if err == nil && (c.ID == "" || c.Name == "") {
		err = fmt.Errorf("command: no %s or no %s; want both", CommandName, CommandID)
	}
	return c, err
}

func take(c *Command, declared Metric, v payload.Value, texts map[string]*string) error {
	v, err := v.As(declared.Type)
	if err != nil {
		return fmt.Errorf("metric %q: %w", declared.Name, err)
	}
	if to, ok := texts[declared.Name]; ok {
		text, _ := v.Text() // a null is as good as left out
		if len(text) > maxText || strings.ContainsFunc(text, unicode.IsControl) {
			return fmt.Errorf("metric %q: %d bytes, or control characters; want at most %d bytes without", declared.Name, len(text), maxText)
		}
		*to = text
		return nil
	}
	number, _ := v.Uint()
	c.ALID = int(number)
	return nil
}

// CommandMetrics is a command as metrics, the way a host writes it.
func CommandMetrics(c Command) []payload.Metric {
	var metrics []payload.Metric
	for _, m := range []payload.Metric{
		{Name: CommandName, Value: payload.String(c.Name)}, {Name: CommandID, Value: payload.String(c.ID)},
		{Name: CommandHost, Value: payload.String(c.Host)}, {Name: CommandRecipe, Value: payload.String(c.Recipe)},
		{Name: CommandRecipeVersion, Value: payload.String(c.RecipeVersion)}, {Name: CommandSubstrate, Value: payload.String(c.Substrate)},
		{Name: CommandALID, Value: payload.UInt32(uint32(c.ALID))},
	} {
		text, isText := m.Value.Text()
		number, _ := m.Value.Uint()
		if isText && text != "" || number != 0 {
			m.Timestamp = time.Now()
			metrics = append(metrics, m)
		}
	}
	return slices.Clip(metrics)
}
