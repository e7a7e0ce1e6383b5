package appliance

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// inMachine skips a test anywhere but in the virtual machine.
func inMachine(t *testing.T) {
	t.Helper()
	if os.Getenv("KENSA_VM") == "" {
		t.Skip("needs the virtual machine: make test-vm")
	}
}

func TestTheVirtualDevicesAreThere(t *testing.T) {
	inMachine(t)
	for _, path := range []string{"/dev/video0", "/sys/kernel/config/gpio-sim", "/sys/class/net/lo"} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// Guest time follows the instructions executed: a sleep is over at once on the
// host, and lasts no longer than asked for in the guest, however loaded the host.
func TestTimeFollowsTheInstructions(t *testing.T) {
	inMachine(t)
	started := time.Now()
	const asked = 10 * time.Second
	time.Sleep(asked)
	if slept := time.Since(started); slept < asked || slept > asked+100*time.Millisecond {
		t.Errorf("slept %v; want %v", slept, asked)
	}
}

func TestTheRealProgram(t *testing.T) {
	inMachine(t)
	program := os.Getenv("KENSA")
	if _, err := os.Stat(program); err != nil {
		t.Skip("the machine was booted without the real program: make arm64 builds it")
	}
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await},
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(program))
			return nil
		},
	})
}

// await runs a program again and again until what it prints matches:
// await REGEXP PROGRAM ARG…
func await(ts *testscript.TestScript, _ bool, args []string) {
	wanted := regexp.MustCompile(args[0])
	const patience = 30 * time.Second
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...) // its output says what it meant
		if out := ts.ReadFile("stdout") + ts.ReadFile("stderr"); wanted.MatchString(out) {
			return
		}
		ts.Logf("%v", err)
	}
	ts.Fatalf("%v: nothing like %s within %v", args[1:], args[0], patience)
}
