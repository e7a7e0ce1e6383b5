package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"kensa/firmware/appliance"
	"kensa/firmware/config"
)

// warningFolder is where a simulation's warning service keeps its state, within
// the appliance's.
const warningFolder = "warning"

// warningService is a kensa-warning that runs beside the simulation as a program
// of its own, as it would in a data centre.
type warningService struct {
	address string
	node    string
	process *os.Process
	ended   chan error // gets what Wait says
}

// startWarning starts the service and waits until it answers.
func startWarning(c console, s *simulateLine, loaded config.Config) (*warningService, error) {
	program, err := findWarning()
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, "serve",
		"--listen", s.Warnings, "--broker", loaded.MQTT.Brokers[0],
		"--state", filepath.Join(s.State, warningFolder), "--enrol", filepath.Join(s.State, appliance.KeysFolder),
		"--log", strings.ToLower(s.Log.String()))
	command.Stderr = c.err
	// A process group of its own, so that Ctrl-C reaches the appliance alone, which
	// then stops the service when nothing is under way any more; and its end with
	// the appliance, however that dies.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	w := &warningService{address: s.Warnings, node: loaded.Station.Name, ended: make(chan error, 1)}
	started := make(chan error)
	go func() {
		// The kernel ties Pdeathsig to the thread that started the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			w.ended <- command.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("warning service: %w", err)
	}
	w.process = command.Process
	if err := w.await(c); err != nil {
		return nil, errors.Join(err, w.stop())
	}
	return w, nil
}

// findWarning looks beside this program, then in the path.
func findWarning() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "kensa-warning")
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	path, err := exec.LookPath("kensa-warning")
	return path, fail(exitFailed, err, "`make build` puts kensa-warning beside kensa")
}

// await waits until the service answers, or ends.
func (w *warningService) await(ctx context.Context) error {
	const patience = 20 * time.Second
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if _, err := w.get(limit, "/healthz"); err == nil {
			return nil
		}
		select {
		case err := <-w.ended:
			w.ended <- err
			return fmt.Errorf("warning service: it ended at once: %w", err)
		case <-limit.Done():
			return fmt.Errorf("warning service: no answer at http://%s: %w", w.address, context.Cause(limit))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (w *warningService) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.address+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	const most = 16 << 20
	body, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, answer.Status)
	}
	return body, err
}

// committed is the seq up to which the service holds the epoch's records, by its
// own word.
func (w *warningService) committed(ctx context.Context, epoch string) (uint64, error) {
	body, err := w.get(ctx, "/api/nodes")
	if err != nil {
		return 0, fmt.Errorf("warning service: %w", err)
	}
	var nodes []struct {
		Node  string `json:"node"`
		Epoch string `json:"epoch"`
		Seq   uint64 `json:"seq"`
	}
	if err := json.Unmarshal(body, &nodes); err != nil {
		return 0, fmt.Errorf("warning service: %w", err)
	}
	for _, n := range nodes {
		if n.Node == w.node && n.Epoch == epoch {
			return n.Seq, nil
		}
	}
	return 0, nil
}

// stop ends the service and waits for it.
func (w *warningService) stop() error {
	if err := w.process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("warning service: %w", err)
	}
	select {
	case err := <-w.ended:
		if err != nil {
			return fmt.Errorf("warning service: %w", err)
		}
		return nil
	case <-time.After(10 * time.Second):
		return errors.Join(errors.New("warning service: it did not stop; killed"), w.process.Kill())
	}
}
