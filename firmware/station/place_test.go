package station

import (
	"image"
	"testing"
	"time"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/hw/camera"
	"kensa/hw/trigger"
	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/inspect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// reader finds in each die one defect, whose contrast is what the frame's first
// byte says: at which stop it was exposed.
type reader struct{}

func (reader) Inspect(img frame.Image, dies []image.Rectangle) (found []inspect.Die, err error) {
	for _, r := range dies {
		box := image.Rectangle{r.Min, r.Min.Add(image.Pt(2, 2))}
		found = append(found, inspect.Die{Rect: r, Registered: true, Defects: []defect.Defect{{Box: box, CX: float64(box.Min.X), CY: float64(box.Min.Y), Contrast: float64(img.Pix[0])}}})
	}
	return found, nil
}

func (reader) Close() error { return nil }

// happening is what goes wrong at a stop.
type happening int

const (
	nothing   happening = iota
	held                // for a step's time, and noise exposes where a stop would have been
	pulseGone           // its pulse never came
	frameGone           // its frame never came
)

// step of the stage.
const stageStep = 100 * time.Millisecond

// wafer moves the stage over all fields, and does what happens at one of them.
func (r *rig) wafer(at int, what happening) *record.Wafer {
	r.arrive()
	for n := range r.station.job.Plan.Fields {
		hit := what
		if n != at {
			hit = nothing
		}
		r.now += stageStep
		if hit == held {
			r.expose(255)
			r.now += stageStep
		}
		if hit != pulseGone {
			r.station.pulse(trigger.Pulse{Time: r.now, Sequence: r.number})
		}
		if hit != frameGone {
			r.expose(byte(n))
		} else {
			r.number++
		}
	}
	if r.station.pairing.Waiting() > 0 { // the last frame's time is over
		r.station.pairing.Expire()
		r.station.take(nil)
	}
	w := r.station.wafer.record
	r.leave()
	return w
}

// expose brings a frame, and has what it settled inspected.
func (r *rig) expose(mark byte) {
	r.number++
	r.station.frame(&camera.Frame{Format: r.frame.Format, Pix: append([]byte{mark}, r.frame.Pix[1:]...), Time: r.now + time.Millisecond, Sequence: r.number})
	for len(r.station.work) > 0 {
		r.station.inspected(r.station.inspect(r.inspector, <-r.station.work))
	}
}

// TestWhatIsFoundIsAtTheFieldWhereItWas: whatever number a stop had while the wafer
// was on the chuck, in the end each die has its own field's result, and one fault
// costs the dies of one field at most: also beside the wafer's edge, where fields
// have different dies.
func TestWhatIsFoundIsAtTheFieldWhereItWas(t *testing.T) {
	const mm = length.Millimetre
	plan, err := wafer.NewPlan(wafer.Layout{
		Kind: wafer.DieGrid, Diameter: 150 * mm, EdgeExclusion: 3 * mm, PitchX: 10 * mm, PitchY: 10 * mm, DieWidth: 9 * mm, DieHeight: 9 * mm,
		Notch: wafer.Down, FieldColumns: 2, FieldRows: 2, Path: wafer.Serpentine, PixelSize: 500 * length.Micrometre,
	}, 42, 42)
	if err != nil {
		t.Fatal(err)
	}
	img := frame.Image{Pix: make([]byte, 42*42), Width: 42, Height: 42, Stride: 42, Depth: 8}
	every := 1
	if testing.Short() {
		every = 6
	}
	for what, cost := range map[happening]int{nothing: 0, held: 0, pulseGone: 1, frameGone: 1} {
		for _, learnt := range []bool{true, false} {
			for at := 0; at < len(plan.Fields); at += every {
				r := newRigFor(t, plan, img, reader{})
				if learnt {
					r.wafer(-1, nothing)
				}
				w := r.wafer(at, what)
				wrong, missing := 0, map[int]bool{}
				has := map[string]bool{}
				for n, d := range w.Defects {
					if d.Number != n+1 || int(d.Contrast) != d.Field {
						wrong++
					}
					has[d.Die.String()] = true
				}
				for n, f := range plan.Fields {
					for _, d := range f.Dies {
						if !has[plan.Dies[d.Die].Index.String()] {
							missing[n] = true
						}
					}
				}
				if wrong > 0 || len(missing) > cost || w.FieldsInspected != len(plan.Fields)-len(missing) || len(w.Defects) > len(plan.Dies) {
					t.Fatalf("happening %d at field %d, motion learnt %v: %d dies with another field's result, fields %v without one, %d fields inspected",
						what, at, learnt, wrong, missing, w.FieldsInspected)
				}
				if lost := raised(r, alarm.PositionLost); lost > 0 {
					t.Errorf("happening %d at field %d, motion learnt %v: position told as lost", what, at, learnt)
				}
			}
		}
	}
}

// raised counts an alarm's raisings.
func raised(r *rig, kind alarm.Kind) (n int) {
	for _, set := range r.station.Alarms.Active() {
		if set.ID == kind.ID {
			n += set.Count
		}
	}
	return n
}
