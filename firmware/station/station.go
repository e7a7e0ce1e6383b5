// Package station is the work cycle of the appliance: it pairs field triggers
// with frames, has the fields inspected, closes wafers, and answers the tool.
//
// One goroutine owns the cycle (Run). Readers bring it the edges, pulses and
// frames, workers inspect, and everything that they have to say comes to it as
// an event, so that no state is shared. Its queue is bounded: when it fills,
// READY drops and the tool waits; a field that was lost all the same is
// recorded as not inspected, and its wafer as incomplete.
//
// The handshake with the tool: READY says that a field may come. WAFER-PRESENT
// rises, BUSY rises; the field triggers come; WAFER-PRESENT falls; the wafer is
// committed; RESULT-OK or RESULT-NG rises, BUSY falls. The result lines fall
// with the next wafer.
package station

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"sync"
	"time"

	"kensa/firmware/alarm"
	"kensa/firmware/pairing"
	"kensa/firmware/record"
	"kensa/hw/camera"
	"kensa/hw/handler"
	"kensa/hw/handshake"
	"kensa/hw/line"
	"kensa/hw/trigger"
	"kensa/vision/dust"
	"kensa/vision/inspect"
	"kensa/vision/pose"
	"kensa/vision/wafer"
)

// Config is the cycle's timing and its queue.
type Config struct {
	// LatencyMin and LatencyMax bound the time from a field trigger to the start
	// of its exposure. They come from calibration.
	LatencyMin time.Duration `toml:"latency_min"`
	LatencyMax time.Duration `toml:"latency_max"`
	// MinInterval is the least time between two field triggers; a second edge
	// sooner than this is contact bounce or noise, told as a doubled pulse.
	MinInterval time.Duration `toml:"min_interval"`
	// FrameTimeout is how long a field trigger waits for its frame to arrive
	// before the field counts as not inspected.
	FrameTimeout time.Duration `toml:"frame_timeout"`
	// Settle is how long a wafer that has left the chuck with fields missing is
	// kept open for events still on their way.
	Settle time.Duration `toml:"settle"`
	// Queue is how many frames may wait for inspection. READY drops one short of it.
	Queue int `toml:"queue"`
	// Workers is how many fields are inspected at a time; 0 means one for each core.
	Workers int `toml:"workers"`
	// CommitRetry is the pause before a wafer that could not be stored is tried again.
	CommitRetry time.Duration `toml:"commit_retry"`
}

// Store keeps finished wafers.
type Store interface {
	// Commit stores the wafer and what is to be published of it, all or nothing,
	// and sets its ID.
	Commit(ctx context.Context, w *record.Wafer) error
}

// Optics keeps what is known of the dust on the camera's optics over restarts.
type Optics interface {
	Dust() []dust.Spot // at the start
	SaveDust(spots []dust.Spot) error
}

// Observer is told what happens, from the station's own goroutine: it must
// return at once and keep nothing that it is given but the closed wafer.
type Observer interface {
	StateChanged(State)
	WaferStarted(w *record.Wafer)
	FieldDone(w *record.Wafer, f Field)
	WaferClosed(w *record.Wafer)
}

// Field is what became of one field.
type Field struct {
	Number    int // from 0, in the order of the stops
	Inspected bool
	Took      time.Duration // the inspection
	Dies      []Die
	Defects   []record.Defect
	// Turn is how the field's dies lie turned and scaled against the layout. Mode
	// golden.
	Turn pose.Turn

	owner  []int // of each defect: its die's place
	looks  []dust.Look
	looked []int // of each look: which of Dies
	light  []float64
	rects  []image.Rectangle // of the dies
	spares []spare           // where its number is in doubt
	layout wafer.Layout
}

// Die is a die's result and its place in the wafer's dies.
type Die struct {
	Place int
	record.Die

	unregistered bool
}

// Job is what to do with the wafers: a recipe, worked out.
type Job struct {
	Recipe  string
	Version string
	Hash    string
	// Calibration that the job rests on; empty where there is none.
	Calibration string
	// Drift is how the pixel's size now differs from the plan's, asked for as each
	// wafer arrives; nil: not at all.
	Drift      func() Drift
	Plan       *wafer.Plan
	Rules      wafer.Rules
	MinYield   wafer.Yield
	MaxTurn    pose.Angle          // of a field against the layout before that is an alarm; 0 never
	LightLimit float64             // part by which a wafer's light may differ from the golden's before that is an alarm; 0 never
	MaxImages  int                 // images kept of a wafer's defects
	ImageSize  int                 // side of such an image, pixels
	Inspectors []inspect.Inspector // one for each worker; the job's owner closes them
}

// Parts are what a station is built from.
type Parts struct {
	Lines    handshake.Lines
	Pulses   trigger.Source // those of Lines.FieldTrigger
	Camera   camera.Camera
	Handler  handler.Handler
	Store    Store
	Optics   Optics
	Alarms   *alarm.Set
	Observer Observer
	Meter    *Meter // nil: nothing is measured
	// KeepFrames is how many frames may wait for their pulses, which a real camera
	// limits; 0: any number.
	KeepFrames int
	// FreeCamera tells that the camera exposes by itself: most of its frames are of
	// no field.
	FreeCamera bool
	// Climate is the surroundings as last measured; nil: nothing measures them.
	Climate func() *record.Climate
	Log     *slog.Logger
}

// State is what the outside sees of the station.
type State struct {
	Equipment Equipment
	Reason    string // why it is in this state; empty where that is obvious
	Since     time.Time
	Ready     bool
	Busy      bool
	Camera    bool // answering
	// CameraSince is when Camera last changed.
	CameraSince time.Time
	// Paused tells that no more wafers are taken; Holds by whose wish.
	Paused bool
	Holds  Hold
}

// Station runs the work cycle. Make one with New, then call Run once.
type Station struct {
	Parts
	config Config
	job    Job

	state    State
	pairing  *pairing.Machine
	presence uint64 // the number of WAFER-PRESENT's latest edge
	early    early  // what came before its wafer was known to be there
	wafer    *open  // on the chuck, or just off it; nil between wafers
	inFlight int    // fields queued or being inspected
	dust     dust.Watch
	unsaved  bool // the dust has changed since it was saved

	working sync.WaitGroup // the workers
	work    chan task
	results chan result
	done    chan Field // whose memory fields to come use
	pulses  chan trigger.Pulse
	frames  chan *camera.Frame
	edges   chan line.Event
	cameras chan error // the camera's state as it changes; nil: it answers
	control chan func()
	stopped chan struct{} // closed when Run returns

	frameTimer, settleTimer, commitTimer *time.Timer
}

// New checks the configuration and builds a station that is not ready yet.
func New(parts Parts, config Config, job Job) (*Station, error) {
	if err := config.Check(); err != nil {
		return nil, fmt.Errorf("station: %w", err)
	}
	if len(job.Inspectors) == 0 {
		return nil, errors.New("station: no inspector; want one for each worker")
	}
	s := &Station{
		Parts: parts, config: config, job: job,
		pairing: pairing.New(pairing.Window{Min: config.LatencyMin, Max: config.LatencyMax}, config.MinInterval),
		work:    make(chan task, config.Queue),
		results: make(chan result),
		done:    make(chan Field, config.Queue+len(job.Inspectors)),
		pulses:  make(chan trigger.Pulse),
		frames:  make(chan *camera.Frame),
		edges:   make(chan line.Event),
		cameras: make(chan error),
		control: make(chan func()),

		stopped: make(chan struct{}),

		frameTimer: idleTimer(), settleTimer: idleTimer(), commitTimer: idleTimer(),
	}
	s.pairing.Keep(parts.KeepFrames)
	if parts.FreeCamera {
		s.pairing.Free()
	}
	s.dust.Restore(parts.Optics.Dust())
	s.tellDust()
	return s, nil
}

// idleTimer makes a timer that does not run yet.
func idleTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// Check reports the first value that makes no sense, by its key.
func (c Config) Check() error {
	switch {
	case c.LatencyMin < 0:
		return fmt.Errorf("latency_min: %v; want 0 or more", c.LatencyMin)
	case c.LatencyMax <= c.LatencyMin:
		return fmt.Errorf("latency_max: %v; want more than latency_min (%v)", c.LatencyMax, c.LatencyMin)
	case c.MinInterval < 0 || c.MinInterval > time.Second:
		return fmt.Errorf("min_interval: %v; want 0 to 1 s", c.MinInterval)
	case c.FrameTimeout <= 0:
		return fmt.Errorf("frame_timeout: %v; want more than 0", c.FrameTimeout)
	case c.Settle <= 0:
		return fmt.Errorf("settle: %v; want more than 0", c.Settle)
	case c.Queue < 2 || c.Queue > 256:
		return fmt.Errorf("queue: %d; want 2 to 256 frames", c.Queue)
	case c.Workers < 0 || c.Workers > 256:
		return fmt.Errorf("workers: %d; want 0 to 256", c.Workers)
	case c.CommitRetry <= 0:
		return fmt.Errorf("commit_retry: %v; want more than 0", c.CommitRetry)
	}
	return nil
}

// DefaultConfig suits the simulated tool and most real ones with a strobe.
func DefaultConfig() Config {
	return Config{
		LatencyMin: 500 * time.Microsecond, LatencyMax: 20 * time.Millisecond,
		MinInterval: 5 * time.Millisecond, FrameTimeout: 2 * time.Second, Settle: 500 * time.Millisecond,
		Queue: 8, CommitRetry: 3 * time.Second,
	}
}
