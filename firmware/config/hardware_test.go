package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kensa/firmware/config"
)

// TestHardwareKeys: what makes no sense is refused by its key, when the file is
// read and not when the tool stands still.
func TestHardwareKeys(t *testing.T) {
	const led = "[trigger.led]\ncurrent = \"5A\"\nvoltage = \"4V\"\npulse = \"100µs\"\nenergy = \"2mJ\"\nduty = 0.01\n"
	for name, c := range map[string]struct{ text, want string }{
		"lines":            {"[lines]\nready = \"gpiochip0/READY active-low open-drain\"\n", ""},
		"no line":          {"[lines]\nready = \"READY\"\n", "want CHIP/LINE"},
		"output bounce":    {"[lines]\nbusy = \"c/BUSY debounce=1ms\"\n", "lines.busy: debounce is for inputs"},
		"input drive":      {"[tower]\nsilence = \"c/B open-drain\"\n", "tower.silence"},
		"mode":             {"[trigger]\nmode = \"magic\"\n", "trigger.mode"},
		"driven, no line":  {"[trigger]\nmode = \"driven\"\n", "trigger.camera: empty"},
		"driven":           {"[trigger]\nmode = \"driven\"\ncamera = \"c/C\"\n", ""},
		"strobe":           {"[trigger]\nmode = \"driven\"\ncamera = \"c/C\"\nstrobe = \"c/S\"\n" + led, ""},
		"strobe unguarded": {"[trigger]\nmode = \"driven\"\ncamera = \"c/C\"\nstrobe = \"c/S\"\n", "trigger.led: current"},
		"strobe too long":  {"[trigger]\nmode = \"driven\"\ncamera = \"c/C\"\nstrobe = \"c/S\"\nstrobe_width = \"150µs\"\n" + led, "longest pulse"},
		"software":         {"[trigger]\nmode = \"software\"\n", "trigger.command"},
		"light":            {"[light]\nkind = \"mcp4725\"\nmax_current = \"350\"\n", "light.max_current"},
		"level":            {"[light]\nkind = \"pwm\"\nlevel = 101.0\n", "light.level"},
		"kind":             {"[light]\nkind = \"candle\"\n", "light.kind"},
		"sensor":           {"[environment]\nsensor = \"nose\"\n", "environment.sensor"},
		"limits":           {"[environment]\ntemperature_limits = [24.0, 20.0]\n", "environment.temperature_limits: [24 20]; want the lowest and the highest, from -40 to 125"},
		"one limit":        {"[environment]\nhumidity_limits = [60.0]\n", "environment.humidity_limits: [60]"},
		"priority":         {"[realtime]\npriority = 100\n", "realtime.priority"},
	} {
		path := filepath.Join(t.TempDir(), "kensa.toml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(path)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}
