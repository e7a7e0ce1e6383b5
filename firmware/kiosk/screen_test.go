package kiosk

import (
	"bufio"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kensa/firmware/display/web"
)

// TestOnAScreen gives Chromium a screen through cage, as the package's unit does,
// on an X server that draws into a file.
func TestOnAScreen(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts an X server, a compositor and a browser")
	}
	for _, program := range []string{"Xvfb", "Xwayland", "cage", "chromium", "setpriv"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s: the kiosk is not tested on a screen", program)
		}
	}
	if _, err := web.Files().Open("index.html"); err != nil {
		t.Skip("page not built (make web): it is not tested")
	}
	screen := newScreen(t)
	page := serve(t)
	r := run(t, Options{
		Page: page, Beats: Ask(page), Start: time.Minute, Silence: 20 * time.Second,
		Command: slices.Concat(screen.cage(t), []string{"chromium"}, Flags(), screen.flags),
	})
	r.page(1, 2)
	for end := time.Now().Add(time.Minute); screen.colours(t) < 20; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d colours on the screen; the page has more", screen.colours(t))
		}
	}
}

// screen is an X server whose picture is a file.
type screen struct {
	display, picture string
	home             string // of who sees it
	flags            []string
}

// nobody: cage does not run as root.
const nobody = 65534

func newScreen(t *testing.T) screen {
	t.Helper()
	folder, err := os.MkdirTemp("", "kensa-screen-") // not t.TempDir, in whose parents only its owner may go
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	s := screen{home: filepath.Join(folder, "home"), picture: filepath.Join(folder, "Xvfb_screen0")}
	if err := os.Mkdir(s.home, 0o700); err != nil {
		t.Fatal(err)
	}
	// A browser's own sandbox needs namespaces, which a container may not give.
	s.flags = []string{"--no-sandbox", "--user-data-dir=" + s.home + "/profile"}
	if os.Getuid() == 0 {
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(s.home, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	s.display = startX(t, folder)
	return s
}

// startX starts the server and returns the display's name, which it chooses.
func startX(t *testing.T, folder string) string {
	t.Helper()
	chosen, number, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer chosen.Close()
	server := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-fbdir", folder, "-nolisten", "tcp")
	server.ExtraFiles = []*os.File{number}
	server.Stderr = t.Output()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = server.Wait() // killed
	})
	if err := number.Close(); err != nil {
		t.Fatal(err)
	}
	name, err := bufio.NewReader(chosen).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb chose no display: %v", err)
	}
	return ":" + strings.TrimSpace(name)
}

// cage is the compositor's command, without graphics hardware.
func (s screen) cage(t *testing.T) []string {
	t.Helper()
	command := []string{
		"env", "DISPLAY=" + s.display, "HOME=" + s.home, "XDG_RUNTIME_DIR=" + s.home,
		"WLR_BACKENDS=x11", "WLR_RENDERER=pixman", "LIBSEAT_BACKEND=noop", "cage", "-d", "--",
	}
	if os.Getuid() == 0 {
		command = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, command...)
	}
	return command
}

// colours counts those on the screen. The picture is in X's window dump format,
// a header of big-endian words (XWDFile.h): its own length first, the number of
// colour map entries of 12 bytes as the twentieth.
func (s screen) colours(t *testing.T) int {
	t.Helper()
	dump, err := os.ReadFile(s.picture)
	if err != nil {
		t.Fatal(err)
	}
	if len(dump) < 100 {
		t.Fatalf("picture of %d bytes", len(dump))
	}
	word := func(n int) int { return int(binary.BigEndian.Uint32(dump[4*n:])) }
	seen := map[[4]byte]bool{}
	for pixels := dump[word(0)+12*word(19):]; len(pixels) >= 4; pixels = pixels[4:] {
		seen[[4]byte(pixels)] = true
	}
	return len(seen)
}
