package session_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
)

// startMosquitto runs Debian's broker with a configuration, in which %d stands
// for its port, and returns the port.
func startMosquitto(t *testing.T, folder, config string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(sessiontest.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	line := sessiontest.Mosquitto(t, folder, fmt.Sprintf(config, port))
	command := exec.Command(line[0], line[1:]...)
	var said bytes.Buffer
	command.Stderr = &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		var exit *exec.ExitError
		if err := command.Wait(); err != nil && !errors.As(err, &exit) {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("mosquitto said:\n%s", said.String())
		}
	})
	return port
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// authority makes a certificate authority, and a certificate by it for 127.0.0.1.
func authority(t *testing.T, folder string) (ca, cert, key string) {
	t.Helper()
	a := sessiontest.NewAuthority(t, folder)
	cert, key = a.Leaf(t, "leaf", sessiontest.Good)
	return a.File, cert, key
}

func TestMutualTLS(t *testing.T) {
	folder := t.TempDir()
	ca, cert, key := authority(t, folder)
	other, _, _ := authority(t, t.TempDir())
	port := startMosquitto(t, folder, "listener %d 127.0.0.1\nallow_anonymous true\nrequire_certificate true\n"+
		fmt.Sprintf("cafile %s\ncertfile %s\nkeyfile %s\n", ca, cert, key))
	c := config("tls", fmt.Sprintf("tls://127.0.0.1:%d", port))
	c.CAFile, c.CertFile, c.KeyFile = ca, cert, key
	s := newSession(t, c)
	in := subscribe(t, s, "x")
	s.Start(t.Context())
	if err := up(t, s).Publish(within(t), message("x", 1, "secret")); err != nil {
		t.Fatal(err)
	}
	in.next(t)
	probe, err := c.Probe(within(t), c.Brokers[0])
	if err != nil {
		t.Fatal(err)
	}
	if probe.TLS != "TLS 1.3" || probe.KeyExchange == "" || probe.Subject != "CN=leaf" || probe.ClientSubject != "CN=leaf" || probe.Took <= 0 ||
		time.Until(probe.Expires) > time.Hour || probe.ClientExpires != probe.Expires {
		t.Errorf("probe: %+v", probe)
	}

	c.CAFile = other
	if _, err := c.Probe(within(t), c.Brokers[0]); err == nil {
		t.Error("a probe of a broker that another authority signed: nil, want an error")
	}
	wantError(t, c, "certificate signed by unknown authority")
	c.CAFile = filepath.Join(folder, "mosquitto.conf")
	wantError(t, c, "ca_file")
}

// wantError starts a session that cannot connect, and reads why in its state.
func wantError(t *testing.T, c session.Config, want string) {
	t.Helper()
	s := newSession(t, c)
	s.Start(t.Context())
	defer s.Close()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		err := s.State().Err
		if err != nil && strings.Contains(err.Error(), want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("state's error is %v; want %q", err, want)
		}
	}
}

func TestPasswordAndAccessList(t *testing.T) {
	folder := t.TempDir()
	passwords, list := filepath.Join(folder, "passwords"), filepath.Join(folder, "acl")
	write(t, passwords, "kensa:correct\n")
	write(t, list, "user kensa\ntopic readwrite mine/#\n")
	if out, err := exec.Command("mosquitto_passwd", "-U", passwords).CombinedOutput(); err != nil {
		t.Skipf("mosquitto_passwd: %v %s", err, out)
	}
	port := startMosquitto(t, folder, fmt.Sprintf("listener %%d 127.0.0.1\nallow_anonymous false\npassword_file %s\nacl_file %s\n", passwords, list))
	c := config("kensa", fmt.Sprintf("tcp://127.0.0.1:%d", port))
	c.Username, c.Password = "kensa", "wrong"
	wantError(t, c, "not Authorized")
	write(t, filepath.Join(folder, "secret"), "correct\n")
	c.Password, c.PasswordFile = "", filepath.Join(folder, "secret")
	s := newSession(t, c)
	in := subscribe(t, s, "mine/x")
	s.Start(t.Context())
	if err := up(t, s).Publish(within(t), message("mine/x", 1, "?")); err != nil {
		t.Fatal(err)
	}
	in.next(t)
}
