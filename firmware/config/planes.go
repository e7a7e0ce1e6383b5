package config

import (
	"time"

	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/bus/sparkplug"
	"kensa/bus/uns"
)

// Sparkplug names the appliance on the MES plane.
func (c Config) Sparkplug() sparkplug.Config {
	return sparkplug.Config{
		Group: c.Station.Site + "-" + c.Station.Area, Node: c.Station.Name, Device: c.MES.Device,
		PrimaryHost: c.MES.PrimaryHost, Aliases: c.MES.Aliases, DataTypes: c.MES.DataTypes, Terse: c.MQTT.SmallLink,
	}
}

// Sender is how the ledger's records are sent. Where the bandwidth is limited no
// more is on its way than goes in some seconds, and the receiver may be silent for
// as long as that takes beside the mes plane.
func (c Config) Sender() ledger.SenderConfig {
	const small, record, ahead = 1024, 600, 10 // bytes, bytes, seconds
	s := ledger.SenderConfig{}
	if c.MQTT.SmallLink {
		s.Parcel = small
	}
	if rate := c.MQTT.Bandwidth; rate > 0 {
		const largest, patience = 64 << 10, 5 * time.Second
		s.Window = min(max(rate*ahead/record, ahead), 1000)
		s.Patience = patience + time.Duration(largest)*time.Second/time.Duration(rate)
		if s.Parcel == 0 {
			s.Parcel = min(max(rate, small), largest)
		}
	}
	return s
}

// UNSNames are the levels of the unified namespace above the values.
func (c Config) UNSNames() uns.Names {
	return uns.Names{Enterprise: c.UNS.Enterprise, Site: c.Station.Site, Area: c.Station.Area, Line: c.UNS.Line, Cell: c.Station.Name}
}

// Connection is the MQTT connection of one plane. Brokers throw out the elder of
// two clients of one name, so each plane's name has a suffix of its own.
func (c Config) Connection(plane string) session.Config {
	connection := c.MQTT.Config
	if connection.ClientID == "" {
		connection.ClientID = c.Station.Name
	}
	connection.ClientID += plane
	return connection
}
