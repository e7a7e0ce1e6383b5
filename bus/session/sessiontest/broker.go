package sessiontest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Mosquitto returns the command line that starts Debian's broker with settings, as
// its configuration file has them, which is put into a folder. Without the broker
// it skips the test.
func Mosquitto(t testing.TB, folder, settings string) []string {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/mosquitto"); err != nil {
			t.Skip("mosquitto is not installed (apt-get install mosquitto)")
		}
	}
	// As root it would become another user, who may not read the test's files and is
	// not there in a namespace; else the name is ignored.
	file := filepath.Join(folder, "mosquitto.conf")
	if err := os.WriteFile(file, []byte("user root\n"+settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{program, "-c", file}
}

// FreeAddress is where nobody listens now.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
