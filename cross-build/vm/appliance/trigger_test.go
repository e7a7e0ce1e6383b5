package appliance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"kensa/calibration"
)

// blinking is the bench with the blinking light on the strobe's line, under which there
// is nothing but that. The window is not configured: calibration gives it.
var blinking = strings.NewReplacer(`mode = "free"`, `mode = "free"
strobe = "tool/STROBE"
led = { current = "1A", voltage = "3V", pulse = "10ms", energy = "1J", duty = 1.0 }`,
	`controls = [`, `controls = ["osd_text_mode=None", "test_pattern=100%% Black", "brightness=128", `).Replace(wired)

// flash is the light's.
const flash = 8 * time.Millisecond

// calibrate runs the field engineer's command, who does what it asks.
func (b *bench) calibrate(args ...string) (out, said string, err error) {
	c := exec.Command(os.Getenv("KENSA"), append([]string{"calibrate", "trigger", "--config", b.config, "--by", "Ann", "--yes", "--restart", "--exposure=0s"}, args...)...)
	var stdout, stderr bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(strings.Repeat("\n", 3)), &stdout, &stderr
	err = c.Run()
	return stdout.String(), stderr.String(), err
}

// TestTheTriggerIsCalibrated: a light on the strobe's line shows by how much the driver's
// stamps are off the exposures, within what a witness saw by itself; and in the window
// that comes of it every field finds its frame.
func TestTheTriggerIsCalibrated(t *testing.T) {
	b := newWires(t)
	asFound(t)
	b.configure(blinking)
	changes, frames := 100, 200
	if testing.Short() {
		changes, frames = 30, 120
	}
	earliest, latest, period := witness(t, changes)
	t.Logf("witness: the stamp is %v to %v after the exposure; period %v", earliest, latest, period)
	const settle = 5 * time.Millisecond

	end := follow(t, b.Chip, "STROBE", light, flash)
	out, said, err := b.calibrate("--flash=8ms", "--longest=20ms", fmt.Sprintf("--settle=%v", settle), fmt.Sprintf("--frames=%d", frames), "--json")
	lag := end()
	t.Logf("light up to %v late\n%s", lag, said)
	if err != nil {
		t.Fatal(err)
	}
	var r calibration.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	figure := func(name string) (value, off time.Duration) {
		f, ok := r.Figure(name)
		if !ok || f.Unit != "µs" {
			t.Fatalf("%s: %+v", name, f)
		}
		return time.Duration(f.Value * 1e3), time.Duration(f.Uncertainty * 1e3)
	}
	if earliest > latest { // its stamps scatter
		earliest, latest = latest, earliest
	}
	// The light comes later than the line by 0 to lag, so that the stamp seems earlier.
	stamp, off := figure("stamp")
	if off > time.Millisecond || stamp+off < earliest-lag || stamp-off > latest {
		t.Errorf("stamp %v ± %v after the exposure; the witness saw %v to %v, with a light up to %v late", stamp, off, earliest, latest, lag)
	}
	if p, off := figure("period"); (p - period).Abs() > off+30*time.Microsecond {
		t.Errorf("period %v ± %v; want %v", p, off, period)
	}
	if jitter, off := figure("jitter"); jitter-off > (latest-earliest)+lag {
		t.Errorf("jitter %v ± %v; the witness's bounds are %v apart, the light's lag %v", jitter, off, latest-earliest, lag)
	}
	low := time.Duration(r.Parameters["window_min_us"] * 1e3)
	if mean, off := figure("latency"); (mean-(low+period/2)).Abs() > off+lag+(latest-earliest) || low < settle {
		t.Errorf("latency %v ± %v; want half a period beyond %v", mean, off, low)
	}
	b.pairs()
}

// pairs brings a wafer to the program, with the window that was calibrated.
func (b *bench) pairs() {
	t := b.t
	b.configure(strings.Replace(wired, `controls = [`, `controls = ["test_pattern=Gray Ramp", "brightness=128", `, 1))
	b.start()
	const fields = 24
	if !b.wafer(fields) {
		t.Error("RESULT-NG, of a wafer without a defect")
	}
	b.terminate()
	paired := false
	for b.said.Scan() {
		t.Log(b.said.Text())
		paired = paired || strings.Contains(b.said.Text(), fmt.Sprintf("dies %d/%d", fields, fields))
	}
	if err := b.program.Wait(); err != nil || !paired {
		t.Errorf("not every field was inspected: %v", err)
	}
	if !strings.Contains(b.log.String(), "pairing window by calibration") {
		t.Error("the calibrated window was not used")
	}
}

// TestTheTriggerCannotBeCalibrated where there is no light, hardly any, light all the
// time, or nothing to drive it by; and nothing is written.
func TestTheTriggerCannotBeCalibrated(t *testing.T) {
	b := newWires(t)
	asFound(t)
	black := blinking
	driven := strings.Replace(black, `mode = "free"`, "mode = \"driven\"\ncamera = \"tool/CAMERA\"", 1)
	white := strings.Replace(blinking, "100%% Black", "100%% White", 1)
	for _, c := range []struct {
		name, config string
		brightness   int
		flash        time.Duration
		want         []string
	}{
		{"no light", black, dark, flash, []string{"no frame saw a flash within 5ms", "wired to trigger.strobe"}},
		{"hardly any", black, dark + 4, flash, []string{"too weak or unsteady", "a brighter or longer flash"}},
		{"always on", white, light, flash, []string{"without a flash the frame's mean is 25", "shade the lens"}},
		{"more than the lamp bears", black, light, 20 * time.Millisecond, []string{"trigger.led: width 20ms; the longest pulse"}},
		{"no line", wired, light, flash, []string{"name it as trigger.strobe"}},
		{"a camera that does not follow its trigger", driven, light, time.Millisecond, []string{"the camera seems to run by itself", `trigger.mode = "free"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.configure(c.config)
			end := follow(t, b.Chip, "STROBE", c.brightness, c.flash)
			args := []string{fmt.Sprintf("--flash=%v", c.flash), "--longest=5ms", "--frames=60", "--settle=0s"}
			if c.config == driven {
				args = append(args, "--exposure=3ms")
			}
			out, said, err := b.calibrate(args...)
			end()
			for _, want := range c.want {
				if err == nil || !strings.Contains(out+said, want) {
					t.Errorf("%v; want %q in:\n%s%s", err, want, out, said)
				}
			}
		})
	}
	if _, err := os.Stat(b.folder + "/calibration/5x"); err == nil {
		t.Error("a calibration was written")
	}
}
