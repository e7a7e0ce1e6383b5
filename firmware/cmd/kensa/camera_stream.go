package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"kensa/hw/camera"
	"kensa/hw/camera/v4l2"
	"kensa/hw/line"
	"kensa/vision/durable"
	"kensa/vision/frame"
)

type cameraSnapCommand struct {
	asked
	Skip int    `default:"3" help:"Frames to let pass first, while exposure and gain settle."`
	Out  string `short:"o" default:"snap.png" help:"PNG to write."`
}

// snapPatience is how long a picture is waited for: a camera that waits for its
// trigger gives none.
const snapPatience = 10 * time.Second

// Run takes one picture. The file is there whole or not at all.
func (s *cameraSnapCommand) Run(c console) error {
	if s.Skip < 0 {
		return fail(exitUsage, fmt.Errorf("--skip: %d; want 0 or more", s.Skip), "")
	}
	cam, err := s.start(c)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(c, snapPatience)
	defer cancel()
	f, err := cam.Next(limit)
	for range s.Skip {
		if err == nil {
			f.Release()
			f, err = cam.Next(limit)
		}
	}
	if err != nil {
		return errors.Join(noFrame(err), cam.Close())
	}
	defer f.Release()
	img := frame.Image{Pix: f.Pix, Width: f.Width, Height: f.Height, Stride: f.Stride, Depth: f.Depth}
	err = durable.WriteFile(s.Out, 0o644, func(to io.Writer) error { return frame.EncodePNG(to, img) })
	if err = errors.Join(err, cam.Close()); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s: %d×%d pixels of %d bits, format %s\n", s.Out, f.Width, f.Height, f.Depth, cam.Chosen().Format)
	return nil
}

// noFrame says what it means that none came.
func noFrame(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fail(exitInput, fmt.Errorf("camera: no frame within %v", snapPatience), "a camera that is set to an external trigger waits for it; `kensa camera show` tells")
	}
	return fail(exitInput, err, "")
}

type cameraStreamCommand struct {
	asked
	Frames int  `help:"Stop after so many; 0 runs until stopped."`
	JSON   bool `help:"Print JSON, one object a line each second, and one for the whole at the end."`
}

// streamed is what became of the frames of some time.
type streamed struct {
	Seconds   float64 `json:"seconds"`
	Frames    int     `json:"frames"`
	Rate      float64 `json:"frames_per_second"` // by the time stamps
	Lost      uint64  `json:"lost"`
	Damaged   uint64  `json:"damaged"`
	MedianAge float64 `json:"latency_ms_median"` // from the time stamp to the program
	MaxAge    float64 `json:"latency_ms_max"`
	Whole     bool    `json:"whole"` // of the whole run, not of a second
}

// tally counts frames.
type tally struct {
	first, last time.Duration
	before      v4l2.Statistics
	count       int
	ages        []time.Duration // of the latest frames, in any order
	oldest      time.Duration   // the greatest age of all
}

// keptAges bounds a long run's memory.
const keptAges = 100_000

func (t *tally) add(f *camera.Frame) {
	if t.count == 0 {
		t.first = f.Time
	}
	t.last = f.Time
	age := line.Monotonic() - f.Time
	if t.oldest = max(t.oldest, age); len(t.ages) < keptAges {
		t.ages = append(t.ages, age)
	} else {
		t.ages[t.count%keptAges] = age
	}
	t.count++
}

// sum gives the figures; now are the camera's counts.
func (t *tally) sum(now v4l2.Statistics) streamed {
	s := streamed{Seconds: (t.last - t.first).Seconds(), Frames: t.count, Lost: now.Lost - t.before.Lost, Damaged: now.Damaged - t.before.Damaged}
	if s.Seconds > 0 {
		s.Rate = float64(s.Frames-1) / s.Seconds
	}
	if len(t.ages) > 0 {
		slices.Sort(t.ages)
		s.MedianAge, s.MaxAge = t.ages[len(t.ages)/2].Seconds()*1e3, t.oldest.Seconds()*1e3
	}
	return s
}

// Run streams until a signal, so many frames, or the camera's going.
func (s *cameraStreamCommand) Run(c console) error {
	cam, err := s.start(c)
	if err != nil {
		return err
	}
	chosen := cam.Chosen()
	if !s.JSON {
		fmt.Fprintf(c.out, "%s %d×%d at %.4g frames/s\n", chosen.Format, chosen.Width, chosen.Height, chosen.Rate)
	}
	whole, err := s.stream(c, cam)
	if err == nil || c.Err() != nil {
		err = nil // stopped by a signal
		result := whole.sum(cam.Statistics())
		result.Whole = true
		s.print(c.out, result)
	}
	return errors.Join(fail(exitInput, err, ""), cam.Close())
}

// stream prints the figures of each second, by the time stamps.
func (s *cameraStreamCommand) stream(c console, cam *v4l2.Camera) (whole tally, err error) {
	var second tally
	for n := 0; s.Frames == 0 || n < s.Frames; n++ {
		f, err := cam.Next(c)
		if err != nil {
			return whole, err
		}
		second.add(f)
		whole.add(f)
		f.Release()
		if second.last-second.first >= time.Second {
			now := cam.Statistics()
			s.print(c.out, second.sum(now))
			second = tally{before: now, ages: second.ages[:0]}
		}
	}
	return whole, nil
}

func (s *cameraStreamCommand) print(to io.Writer, r streamed) {
	if s.JSON {
		_ = json.NewEncoder(to).Encode(r) // to standard output; the next one fails too
		return
	}
	name := "   "
	if r.Whole {
		name = "all"
	}
	fmt.Fprintf(to, "%s %6d frames  %7.2f /s  lost %d  damaged %d  latency median %.2f ms, max %.2f ms\n",
		name, r.Frames, r.Rate, r.Lost, r.Damaged, r.MedianAge, r.MaxAge)
}
