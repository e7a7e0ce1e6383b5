package config

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"

	"kensa/bus/ledger"
)

// nodeName is what MQTT topics and the warning service accept.
var nodeName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

// topicLevel is one level of an MQTT topic without wildcards.
var topicLevel = regexp.MustCompile(`^[^/+#\x00]{1,64}$`)

// Check reports the first value that makes no sense, by its key.
func (c Config) Check() error {
	for _, check := range []func() error{c.checkValues, c.checkDisplay, c.checkCamera, c.checkHardware, c.checkCycle, c.Calibration.check, c.checkUNS, c.checkMQTT} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkValues looks at the keys whose values need no other's.
func (c Config) checkValues() error {
	for _, check := range []struct {
		key  string
		okay bool
		want string
		got  any
	}{
		{"station.name", nodeName.MatchString(c.Station.Name), "1 to 64 lower-case letters, digits and hyphens", c.Station.Name},
		{"station.site", topicLevel.MatchString(c.Station.Site), "1 to 64 characters without / + #", c.Station.Site},
		{"station.area", topicLevel.MatchString(c.Station.Area), "1 to 64 characters without / + #", c.Station.Area},
		{"storage.state", c.Storage.State != "", "a folder", c.Storage.State},
		{"storage.keep_days", c.Storage.KeepDays >= 0, "0 or more", c.Storage.KeepDays},
		{"storage.min_free_mib", c.Storage.MinFree >= 0, "0 or more", c.Storage.MinFree},
		{"simulator.lots", c.Simulator.Lots >= 0, "0 or more", c.Simulator.Lots},
		{"simulator.wafers", c.Simulator.Wafers >= 1 && c.Simulator.Wafers <= 25, "1 to 25", c.Simulator.Wafers},
		{"simulator.pace", slices.Contains([]string{"tool", "max"}, c.Simulator.Pace), `"tool" or "max"`, c.Simulator.Pace},
		{"simulator.defects", c.Simulator.Defects >= 0 && c.Simulator.Defects <= 20, "0 to 20", c.Simulator.Defects},
		{"simulator.stop", c.Simulator.Stop >= 0, "0 or more", c.Simulator.Stop},
		{"simulator.fault_rate", c.Simulator.FaultRate >= 0 && c.Simulator.FaultRate <= 1, "0 to 1", c.Simulator.FaultRate},
		{"mes.device", topicLevel.MatchString(c.MES.Device), "1 to 64 characters without / + #", c.MES.Device},
		{"mes.primary_host", c.MES.PrimaryHost == "" || topicLevel.MatchString(c.MES.PrimaryHost), "at most 64 characters without / + #", c.MES.PrimaryHost},
		{"ledger.keep_records", c.Ledger.KeepRecords >= 0, "0 or more", c.Ledger.KeepRecords},
		{"ledger.keep_days", c.Ledger.KeepDays >= 0 && c.Ledger.KeepDays <= 36_500, "0 to 36500", c.Ledger.KeepDays},
		{"ledger.disclosure", c.Ledger.Disclosure == ledger.Relative || c.Ledger.Disclosure == ledger.Full, `"relative" or "full"`, c.Ledger.Disclosure},
	} {
		if !check.okay {
			return fmt.Errorf("%s: %q; want %s", check.key, fmt.Sprint(check.got), check.want)
		}
	}
	return nil
}

func (c Config) checkDisplay() error {
	if _, _, err := net.SplitHostPort(c.Display.Listen); err != nil {
		return fmt.Errorf("display.listen: %q; want host:port: %w", c.Display.Listen, err)
	}
	return nil
}

func (c Config) checkCycle() error {
	if err := c.Cycle.Check(); err != nil {
		return fmt.Errorf("cycle.%w", err)
	}
	return nil
}

func (c Config) checkUNS() error {
	if err := c.UNSNames().Check(); err != nil {
		return fmt.Errorf("uns.%w", err)
	}
	switch {
	case c.UNS.Enabled && !c.MES.Enabled:
		return errors.New("uns.enabled: true without mes.enabled; want both, or neither")
	case c.UNS.Enabled && c.MQTT.SmallLink:
		return errors.New("uns.enabled: true with mqtt.small_link; want one of them: the mirror tells every value again, at length")
	}
	return nil
}

// checkMQTT looks at the connection, where there is to be one.
func (c Config) checkMQTT() error {
	if len(c.MQTT.Brokers) == 0 {
		if c.MQTT.Embedded {
			return fmt.Errorf("mqtt.brokers: empty; want an address for the embedded broker")
		}
		return nil
	}
	if err := c.Connection("").Check(); err != nil {
		return fmt.Errorf("mqtt.%w", err)
	}
	return nil
}
