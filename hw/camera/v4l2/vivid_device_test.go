package v4l2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"kensa/hw/thread"
)

func TestVividABusyCameraNamesWhoHasIt(t *testing.T) {
	running(t, usual)
	text := otherProcess(t, nil)
	if !strings.Contains(text, "in use by") || !strings.Contains(text, "(process ") || !strings.Contains(text, "busy") {
		t.Error(text)
	}
}

// otherProcess runs this test binary as another user's, or another's, program
// that starts the camera, and returns what it says.
func otherProcess(t *testing.T, as *syscall.Credential) string {
	t.Helper()
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "KENSA_HELPER=start")
	other.Dir, other.SysProcAttr = "/", &syscall.SysProcAttr{Credential: as}
	out, err := other.CombinedOutput()
	if err == nil {
		t.Errorf("it started: %s", out)
	}
	return string(out)
}

// helper is that program.
func helper() error {
	c, err := New(Config{Path: vivid, Mode: usual})
	if err != nil {
		return err
	}
	return errors.Join(c.Start(context.Background()), c.Close())
}

func TestMain(m *testing.M) {
	if os.Getenv("KENSA_HELPER") == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := helper(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestVividWhatIsNotOffered(t *testing.T) {
	inMachine(t)
	for name, c := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"size":     {func(c *Config) { c.Mode = Mode{Input: webcam, Format: "GREY", Width: 1281, Height: 1024} }, []string{"no GREY 1281×1024; it offers", "GREY Y10 Y12 Y16", ": 320×180 at 1, 2"}},
		"format":   {func(c *Config) { c.Format = "Y10P" }, []string{"no Y10P", "offers"}},
		"unknown":  {func(c *Config) { c.Format = "MJPG" }, []string{"format MJPG: not supported; want one of GREY"}},
		"rate":     {func(c *Config) { c.Mode = Mode{Input: webcam, Format: "GREY", Width: 640, Height: 360, Rate: 17} }, []string{"17 frames/s: not at 640×360 at"}},
		"input":    {func(c *Config) { c.Input = 7 }, []string{"input 7; it has 2, from 0"}},
		"control":  {func(c *Config) { c.Controls = []string{"exposre=1"} }, []string{`no control "exposre"; it has `, "brightness"}},
		"range":    {func(c *Config) { c.Controls = []string{"contrast=256"} }, []string{`contrast: "256"; want 0 to 255`}},
		"step":     {func(c *Config) { c.Controls = []string{"integer_32_bits=x"} }, []string{`"x"; want -2147483648 to 2147483647`}},
		"menu":     {func(c *Config) { c.Controls = []string{"test_pattern=Cat"} }, []string{`"Cat"; want one of 0 75% Colorbar`}},
		"bool":     {func(c *Config) { c.Controls = []string{"boolean=2"} }, []string{`"2"; want false or true`}},
		"priority": {func(c *Config) { c.Thread.CPUs = []int{63} }, []string{"thread: cpus [63]"}},
		"device":   {func(c *Config) { c.Path = "/dev/video9" }, []string{"no such device; there are: /dev/video0 (vivid"}},
		"no video": {func(c *Config) { c.Path = "/dev/null" }, []string{"/dev/null: not a V4L2 device"}},
	} {
		config := Config{Path: vivid, Mode: usual}
		c.change(&config)
		cam, err := New(config)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		err = cam.Start(context.Background())
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %q", name, err, want)
			}
		}
		if err := cam.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestVividControls(t *testing.T) {
	d := device(t)
	all, err := d.Controls()
	if err != nil || len(all) < 20 {
		t.Fatalf("%d controls: %v", len(all), err)
	}
	for name, values := range map[string][]string{
		"contrast":        {"0", "255", "128"},
		"boolean":         {"true", "false"},
		"test_pattern":    {"100% White", "0"},
		"integer_64_bits": {"-9000000000", "0"},
		"integer_menu":    {"42", "8"},
		"bitmask":         {"0x80002000", "0"},
		"button":          {"press"},
	} {
		for _, value := range values {
			if err := d.Set(name, value); err != nil {
				t.Error(err)
			}
		}
	}
	if c, err := d.Get("test_pattern"); err != nil || c.Value != "75% Colorbar" {
		t.Errorf("%+v, %v", c, err)
	}
	if err := d.Set("read_only_integer_32_bits", "1"); err == nil || !strings.Contains(err.Error(), "can only be read") {
		t.Errorf("a control that can only be read: %v", err)
	}
}

func TestVividPermission(t *testing.T) {
	inMachine(t)
	if err := unix.Chmod(vivid, 0o660); err != nil {
		t.Fatal(err)
	}
	if err := unix.Chown(vivid, 0, 44); err != nil {
		t.Fatal(err)
	}
	text := otherProcess(t, &syscall.Credential{Uid: 1000, Gid: 1000})
	if want := "permission denied; members of the group video may open it (adduser USER video)"; !strings.Contains(text, want) {
		t.Errorf("%s; want %s", text, want)
	}
}

func TestVividRealTime(t *testing.T) {
	inMachine(t)
	c, err := New(Config{Path: vivid, Mode: usual, Thread: thread.Settings{Priority: 50, CPUs: []int{0}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	next(t, c).Release()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestVividAStrangerIsToldTheGroup opens the device as a user who may not: the
// error names the group that may, unless that is root's.
func TestVividAStrangerIsToldTheGroup(t *testing.T) {
	if path := os.Getenv("STRANGER_OPENS"); path != "" {
		_, err := Open(path)
		fmt.Println(err)
		os.Exit(0)
	}
	inMachine(t)
	const path = vivid
	t.Cleanup(func() { restore(t, path, 0, 0o600) })
	for group, want := range map[int]string{44: "video", 0: ""} {
		restore(t, path, group, 0o660)
		child := exec.Command(os.Args[0], "-test.run=^TestVividAStrangerIsToldTheGroup$")
		child.Env = append(os.Environ(), "STRANGER_OPENS="+path)
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
		out, err := child.Output()
		said := string(out)
		if err != nil || !strings.Contains(said, "permission denied") || strings.Contains(said, "group") != (want != "") || !strings.Contains(said, want) {
			t.Errorf("group %d: %q, %v; want permission denied and the group %q", group, said, err, want)
		}
	}
}

func restore(t *testing.T, path string, group int, mode os.FileMode) {
	t.Helper()
	if err := errors.Join(os.Chown(path, 0, group), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}
