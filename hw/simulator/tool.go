// Package simulator is a whole simulated inspection tool: a stage with wafers of
// procedurally drawn dies, a triggered camera, discrete lines and a handler. It
// stands in for the hardware in the demo and in tests, and knows the truth about
// every wafer that it shows: each injected defect, each field's offset, each
// fault of trigger or camera.
//
// What it shows follows from Options.Seed alone. Pace, number of processors and
// the appliance's speed change nothing about pixels, time stamps and truth.
//
// Package die draws the products, flaw injects the defects, optics makes camera
// pictures of them; this package puts them on wafers and runs the handshake.
package simulator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kensa/hw/camera"
	"kensa/hw/camera/feed"
	"kensa/hw/handler"
	"kensa/hw/handshake"
)

// Tool is the simulated tool. Run is called once; the other methods may be
// called from any goroutine.
type Tool struct {
	options Options
	scene   *Scene // belongs to the renderer while Run runs
	tool    *handshake.Tool
	camera  *feed.Camera
	clock   *handshake.Clock
	due     time.Duration // when the stage can be at the next field
	lost    int           // exposures still to be lost because the camera is gone

	mu      sync.Mutex
	truths  map[string]*Truth
	order   []string // substrates of truths, oldest first
	shown   []*wafer // that were rendered, oldest first
	again   []*wafer // to be brought once more
	results []handshake.Result
}

// kept is how many wafers' truths and results are remembered.
const kept = 1000

// New makes a tool. The error names the option that makes no sense.
func New(o Options) (*Tool, error) {
	scene, err := NewScene(o)
	if err != nil {
		return nil, err
	}
	return &Tool{options: o, scene: scene, tool: handshake.NewTool(o.Timeout), truths: map[string]*Truth{},
		camera: feed.New(o.Buffers, scene.FrameBytes()), clock: handshake.NewClock(o.Pace)}, nil
}

// Camera returns the tool's camera.
func (t *Tool) Camera() camera.Camera { return t.camera }

// Lines returns the lines as the appliance sees them.
func (t *Tool) Lines() handshake.Lines { return t.tool.Lines() }

// Material implements handler.Handler.
func (t *Tool) Material(ctx context.Context) (handler.Material, error) { return t.tool.Material(ctx) }

// Truth returns what is known of a wafer so far; Complete tells whether it has
// left the stage. The last 1000 wafers are remembered.
func (t *Tool) Truth(substrate string) (Truth, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	truth, ok := t.truths[substrate]
	if !ok {
		return Truth{}, false
	}
	return truth.clone(), true
}

// Results returns what the appliance said on its lines, oldest wafer first, of
// the last 1000 wafers.
func (t *Tool) Results() []handshake.Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]handshake.Result(nil), t.results...)
}

// Close ends every wait on the lines and the camera, and so Run.
func (t *Tool) Close() error { return errors.Join(t.tool.Close(), t.camera.Close()) }

// Run processes all lots. It returns the context's error when that ends first,
// and an error that wraps handshake.ErrTimeout when the appliance does not answer.
// Afterwards the camera ends.
func (t *Tool) Run(ctx context.Context) error {
	defer t.camera.End()
	ctx, cancel := context.WithCancel(ctx)
	shots := make(chan shot)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(shots)
		t.renderAll(ctx, shots)
	}()
	defer func() {
		cancel()
		<-done
	}()
	for {
		more, err := t.wafer(ctx, shots)
		if err != nil || !more {
			return err
		}
	}
}

// shot is a field whose picture is ready before the stage is there.
type shot struct {
	wafer   *wafer
	field   Field
	last    bool // of its wafer
	fault   FaultKind
	defects []Defect
	pix     []byte
	extra   []byte // picture of an exposure without a pulse; nil but for that fault
	err     error
}

// renderAll makes the pictures of all wafers, one field ahead of the stage.
func (t *Tool) renderAll(ctx context.Context, shots chan<- shot) {
	for w, err := range t.scene.wafers() {
		if !t.renderWafer(ctx, shots, w, err) {
			return
		}
		for w := t.nextAgain(w); w != nil; w = t.nextAgain(nil) {
			if !t.renderWafer(ctx, shots, w, nil) {
				return
			}
		}
	}
}

// renderWafer makes one wafer's pictures; false means that this was the last.
func (t *Tool) renderWafer(ctx context.Context, shots chan<- shot, w *wafer, err error) bool {
	for n := range t.options.Program.Stops {
		s := shot{err: err}
		if err == nil {
			s = t.render(ctx, w, n)
		}
		select {
		case shots <- s:
		case <-ctx.Done():
			return false
		}
		if s.err != nil {
			return false
		}
	}
	return true
}

// carriers is how many wafers stay at hand to be brought again: two lots.
const carriers = 50

// nextAgain keeps a wafer at hand, if there is one, and returns the next that is
// asked for again; nil where there is none.
func (t *Tool) nextAgain(shown *wafer) *wafer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if shown != nil {
		t.shown = append(t.shown, shown)
		t.shown = t.shown[max(0, len(t.shown)-carriers):]
	}
	if len(t.again) == 0 {
		return nil
	}
	next := t.again[0]
	t.again = t.again[1:]
	return next
}

// Bring has a wafer brought once more, after the one that is being made ready.
// handler.ErrUnknown means that it is none of the last 50.
func (t *Tool) Bring(substrate string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.shown {
		if w.material.Substrate == substrate {
			t.again = append(t.again, w)
			return nil
		}
	}
	return fmt.Errorf("simulator: wafer %q: %w", substrate, handler.ErrUnknown)
}

func (t *Tool) render(ctx context.Context, w *wafer, n int) (s shot) {
	s = shot{wafer: w, last: n == len(t.options.Program.Stops)-1, fault: t.scene.fault(w, n)}
	if s.pix, s.err = t.tool.AwaitBuffer(ctx, t.camera); s.err != nil {
		return s
	}
	s.field, s.defects = t.scene.render(exposure{wafer: w, field: n}, s.pix)
	if s.fault == ExtraFrame {
		if s.extra, s.err = t.tool.AwaitBuffer(ctx, t.camera); s.err != nil {
			return s
		}
		t.scene.render(exposure{wafer: w, field: n, second: true, moved: float64(t.options.Program.Width) / 3}, s.extra)
	}
	return s
}

// wafer takes one wafer through the tool. more is false after the last.
func (t *Tool) wafer(ctx context.Context, shots <-chan shot) (more bool, err error) {
	first, ok := <-shots
	if !ok {
		return false, ctx.Err()
	}
	if first.err != nil {
		return false, fmt.Errorf("simulator: %w", first.err)
	}
	if err := t.process(ctx, first, shots); err != nil {
		return false, fmt.Errorf("simulator: wafer %s: %w", first.wafer.material.Substrate, err)
	}
	return true, nil
}

// process loads a wafer, exposes its fields and unloads it.
func (t *Tool) process(ctx context.Context, s shot, shots <-chan shot) error {
	if err := t.load(ctx, s.wafer); err != nil {
		return err
	}
	for ok := true; ok; s, ok = <-shots {
		if s.err != nil {
			return s.err
		}
		if err := t.expose(ctx, &s); err != nil {
			return err
		}
		if s.last {
			return t.unload(ctx)
		}
	}
	return ctx.Err()
}

// load puts the next wafer on the chuck.
func (t *Tool) load(ctx context.Context, w *wafer) error {
	if err := t.tool.AwaitReady(ctx); err != nil {
		return err
	}
	if err := t.tool.AwaitStart(ctx, t.camera); err != nil {
		return err
	}
	t.clock.CatchUp()
	if err := t.clock.Advance(ctx, t.options.Times.Exchange); err != nil {
		return err
	}
	t.begin(t.scene.truth(w))
	return t.tool.Present(w.material, t.clock.Now())
}

// unload takes the wafer away once the appliance has all its frames, and waits
// for the result.
func (t *Tool) unload(ctx context.Context) error {
	if err := t.tool.AwaitTaken(ctx, t.camera); err != nil {
		return err
	}
	if err := t.clock.Advance(ctx, t.options.Times.Move); err != nil {
		return err
	}
	r, err := t.tool.Remove(ctx, t.clock.Now())
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.truths[r.Material.Substrate].Complete = true
	t.results = append(t.results, r)
	t.results = t.results[max(0, len(t.results)-kept):]
	return nil
}

func (t *Tool) begin(truth *Truth) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, again := t.truths[truth.Substrate]; !again {
		t.order = append(t.order, truth.Substrate)
	}
	t.truths[truth.Substrate] = truth
	if len(t.order) > kept {
		delete(t.truths, t.order[0])
		t.order = t.order[1:]
	}
}
