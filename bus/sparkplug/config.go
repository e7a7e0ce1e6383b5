package sparkplug

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Config names the appliance in the plant's Sparkplug namespace.
type Config struct {
	// Group is the first level of every topic: site and area, such as "Fab2-Inspection".
	Group string `toml:"group"`
	// Node is the appliance. Group and node together must be unique in the plant.
	Node string `toml:"node"`
	// Device is the inspection chuck behind the appliance.
	Device string `toml:"device"`
	// PrimaryHost is the host application that must be online: births wait for it,
	// and what must reach it is kept until then. Empty: none.
	PrimaryHost string `toml:"primary_host"`
	// Aliases has the births give each metric a number, which the data then carry
	// instead of the name.
	Aliases bool `toml:"aliases"`
	// DataTypes has the data repeat each metric's datatype. The specification asks
	// to leave it to the births, but some decoders read null without it.
	DataTypes bool `toml:"data_types"`
	// Terse is for a small link: no die map and fewer metrics, larger dead-bands, no
	// descriptions in births, and data with aliases and without datatypes whatever the
	// two keys above say.
	Terse bool `toml:"terse"`
}

// Default is a name for a first try.
func Default() Config {
	return Config{Group: "Kensa", Node: "appliance", Device: "chuck", Aliases: true, DataTypes: true}
}

const (
	namespace = "spBv1.0"
	maxName   = 128 // bytes; the specification has no limit, a topic has 65535
)

// Check reports the first name that cannot stand in a topic.
func (c Config) Check() error {
	for _, part := range []struct{ key, name string }{{"group", c.Group}, {"node", c.Node}, {"device", c.Device}} {
		if err := checkName(part.name); err != nil {
			return fmt.Errorf("%s: %w", part.key, err)
		}
	}
	if c.PrimaryHost != "" {
		if err := checkName(c.PrimaryHost); err != nil {
			return fmt.Errorf("primary_host: %w", err)
		}
	}
	if c.Group == "STATE" {
		return fmt.Errorf("group: %q; want another name, that one is taken by the topics of host applications", c.Group)
	}
	return nil
}

func checkName(name string) error {
	switch {
	case name == "" || len(name) > maxName || !utf8.ValidString(name):
		return fmt.Errorf("%.40q: %d bytes; want 1 to %d of UTF-8", name, len(name), maxName)
	case strings.ContainsAny(name, "+/#"):
		return fmt.Errorf("%q: holds one of + / #; want a name without", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%q: holds a control character; want a name without", name)
	case strings.TrimSpace(name) != name:
		return fmt.Errorf("%q: begins or ends with a blank; want a name without", name)
	}
	return nil
}

// nodeTopic is the topic of the node's messages of one kind, such as NBIRTH.
func (c Config) nodeTopic(kind string) string {
	return strings.Join([]string{namespace, c.Group, kind, c.Node}, "/")
}

// stateTopics are where the primary host tells whether it is online: as of
// version 3.0, and as before that.
func (c Config) stateTopics() (modern, legacy string) {
	return namespace + "/STATE/" + c.PrimaryHost, "STATE/" + c.PrimaryHost
}

// deviceTopic is the topic of the device's messages of one kind, such as DDATA.
func (c Config) deviceTopic(kind string) string { return c.nodeTopic(kind) + "/" + c.Device }
