package geometry

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kensa/calibration"
	"kensa/calibration/calibrationtest"
	"kensa/calibration/leastsquares"
	"kensa/hw/bench"
	"kensa/hw/simulator/stand"
)

// mrcal compiles the program that fits by mrcal. It is looked for, not demanded: the
// test skips without Debian's libmrcal-dev, which `make mrcal` installs.
func mrcal(t *testing.T) string {
	t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	probe := exec.CommandContext(t.Context(), compiler, "-E", "-x", "c", "-")
	probe.Stdin = strings.NewReader("#include <mrcal/mrcal.h>\n")
	if probe.Run() != nil {
		t.Skip("no mrcal here to compare with; `make mrcal` installs it (Debian's libmrcal-dev)")
	}
	program := filepath.Join(t.TempDir(), "mrcal")
	if out, err := exec.CommandContext(t.Context(), compiler, "-O1", "-o", program, "testdata/mrcal.c", "-lmrcal", "-lm").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// observed is a plate under a lens that distorts, as the procedure sees it.
func observed(t *testing.T, seed uint64) (*Procedure, Board, stand.Truth) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 3))
	wobble := func(by float64) float64 { return by * (2*random.Float64() - 1) }
	truth := stand.Defaults(640, 480)
	truth.Seed = seed
	truth.Optics.PixelX, truth.Optics.PixelY = 0.65*(1+wobble(0.01)), 0.65*(1+wobble(0.01))
	truth.Optics.Rotation, truth.Optics.Distortion = wobble(0.02), wobble(0.01)
	truth.Plate.X, truth.Plate.Y, truth.Plate.Turn = wobble(8), wobble(8), wobble(0.05)
	board := Board{Target: bench.Chessboard, Columns: truth.Plate.Columns, Rows: truth.Plate.Rows, Pitch: truth.Plate.Pitch}
	o := Defaults(board)
	o.Distortion, o.PitchError = true, 0
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	calibrationtest.Run(t, truth, p)
	return p, board, truth
}

// question is the observations as the program reads them, and the places on the
// plate, µm, that it is asked for: a grid over the view as the first pose shows it.
func question(b Board, poses [][]Match, fit *Fit) (input string, places []Point) {
	var text bytes.Buffer
	columns, rows := b.size()
	pixel := math.Sqrt(fit.PixelX * fit.PixelY)
	fmt.Fprintln(&text, fit.width, fit.height, columns, rows, b.Pitch/pixel, 2*math.Hypot(float64(fit.width), float64(fit.height)), fit.PixelX/fit.PixelY, len(poses))
	for _, pose := range poses {
		turn, _, _, t := affine(pose, fit.width, fit.height)
		fmt.Fprintln(&text, turn, t.X, t.Y)
		at := map[[2]int]Point{}
		for _, m := range pose {
			at[[2]int{int(math.Round(m.Plate.X/b.Pitch + float64(columns-1)/2)), int(math.Round(m.Plate.Y/b.Pitch + float64(rows-1)/2))}] = m.Seen
		}
		for y := range rows {
			for x := range columns {
				q, seen := at[[2]int{x, y}]
				fmt.Fprintf(&text, "%.9g %.9g %d\n", q.X, q.Y, map[bool]int{true: 1}[seen])
			}
		}
	}
	const side = 9
	fmt.Fprintln(&text, side*side)
	for i := range side * side {
		at := Point{(float64(i%side)/(side-1) - 0.5) * float64(fit.width) * pixel, (float64(i/side)/(side-1) - 0.5) * float64(fit.height) * pixel}
		places = append(places, at)
		fmt.Fprintf(&text, "%.9g %.9g\n", at.X/b.Pitch, at.Y/b.Pitch)
	}
	return text.String(), places
}

// laid moves and turns the plate under a camera until its places are where they
// were seen, and gives what is left, pixels: the difference of two cameras.
func laid(c Camera, f *Fit, places, seen []Point, guess [3]float64) []Point {
	one := &fitter{width: f.width, height: f.height, distortion: true, centre: true}
	v := append([]float64{1 / c.PixelX, 1 / c.PixelY, c.Skew, c.K, c.CentreX, c.CentreY}, guess[:]...)
	off := func() (out []Point) {
		for i, p := range places {
			q := one.project(v, 0, p, 0)
			out = append(out, Point{seen[i].X - float64(f.width)/2 - q.X, seen[i].Y - float64(f.height)/2 - q.Y})
		}
		return out
	}
	for range 6 {
		at := off()
		system, moved := leastsquares.New(3), [3][]Point{}
		steps := [3]float64{1e-6, 1e-3, 1e-3}
		for k, h := range steps {
			v[camera+2+k] += h
			moved[k] = off()
			v[camera+2+k] -= h
		}
		for i := range places {
			system.Add([]float64{(at[i].X - moved[0][i].X) / steps[0], (at[i].X - moved[1][i].X) / steps[1], (at[i].X - moved[2][i].X) / steps[2]}, at[i].X)
			system.Add([]float64{(at[i].Y - moved[0][i].Y) / steps[0], (at[i].Y - moved[1][i].Y) / steps[1], (at[i].Y - moved[2][i].Y) / steps[2]}, at[i].Y)
		}
		step, _, _ := system.Solve()
		for k := range step {
			v[camera+2+k] += step[k]
		}
	}
	return off()
}

// asked is mrcal's fit: its residuals, and where it sees the places.
func asked(t *testing.T, program string, b Board, poses [][]Match, fit *Fit) (rms float64, places, seen []Point) {
	t.Helper()
	input, places := question(b, poses, fit)
	run := exec.CommandContext(t.Context(), program)
	run.Stdin = strings.NewReader(input)
	var told bytes.Buffer
	run.Stderr = &told
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, told.String())
	}
	answer := bytes.NewReader(out)
	read := func(to ...any) {
		if _, err := fmt.Fscan(answer, to...); err != nil {
			t.Fatalf("%v of\n%s", err, out)
		}
	}
	read(&rms)
	var lens float64
	for range 8 {
		read(&lens)
	}
	seen = make([]Point, len(places))
	for i := range seen {
		read(&seen[i].X, &seen[i].Y)
	}
	return rms, places, seen
}

// scatter is how far mrcal's places scatter, standard deviation in µm, when the corners
// scatter as they did: by fits to corners drawn anew.
func scatter(t *testing.T, program string, b Board, poses [][]Match, fit *Fit) []float64 {
	t.Helper()
	const draws = 8
	random := rand.New(rand.NewPCG(1, 4))
	var sums []float64
	for range draws {
		var drawn [][]Match
		for n, pose := range poses {
			again := slices.Clone(pose)
			for i, off := range fit.Residuals[n] {
				again[i].Seen.X += fit.RMS*random.NormFloat64() - off.X
				again[i].Seen.Y += fit.RMS*random.NormFloat64() - off.Y
			}
			drawn = append(drawn, again)
		}
		_, places, seen := asked(t, program, b, drawn, fit)
		if sums == nil {
			sums = make([]float64, len(places))
		}
		for i, d := range fit.Camera.apart(fit, places, seen, poses[0]) {
			sums[i] += d * d / draws
		}
	}
	for i := range sums {
		sums[i] = math.Sqrt(sums[i])
	}
	return sums
}

// sees is where our camera shows the places, with the plate about where a pose has it.
func (f *Fit) sees(places []Point, pose []Match) (seen []Point) {
	turn, _, _, at := affine(pose, f.width, f.height)
	one := &fitter{width: f.width, height: f.height, distortion: true, centre: true}
	for _, p := range places {
		q := one.project([]float64{1 / f.PixelX, 1 / f.PixelY, f.Skew, f.K, f.CentreX, f.CentreY, turn, at.X, at.Y}, 0, p, 0)
		seen = append(seen, Point{q.X + float64(f.width)/2, q.Y + float64(f.height)/2})
	}
	return seen
}

// apart is how far a camera sees places from where they were seen, µm, whatever the
// plate's own place and turn.
func (c Camera) apart(f *Fit, places, seen []Point, pose []Match) (um []float64) {
	turn, _, _, at := affine(pose, f.width, f.height)
	for _, d := range laid(c, f, places, seen, [3]float64{turn, at.X, at.Y}) {
		um = append(um, math.Hypot(d.X*c.PixelX, d.Y*c.PixelY))
	}
	return um
}

// TestAgreesWithMrcal: mrcal's camera, fitted to the same corners by another program
// with a model of its own, sees the plate where ours does, everywhere in the view,
// within what both leave open: ours by the uncertainty that the report states, mrcal's,
// which has more to fit, by its scatter. Where mrcal saw the corners the truth is
// known too.
func TestAgreesWithMrcal(t *testing.T) {
	program := mrcal(t)
	stations := uint64(6)
	if testing.Short() {
		stations = 1
	}
	for seed := range stations {
		p, board, truth := observed(t, seed+1)
		poses := p.state.Poses
		fit, err := Solve(poses, p.state.Width, p.state.Height, true)
		if err != nil {
			t.Fatal(err)
		}
		rms, places, seen := asked(t, program, board, poses, fit)
		theirs := scatter(t, program, board, poses, fit)
		worst, score, mean := 0.0, 0.0, 0.0
		for i, off := range fit.Camera.apart(fit, places, seen, poses[0]) {
			ours := fit.Uncertainty(seen[i].X-float64(fit.width)/2, seen[i].Y-float64(fit.height)/2)
			worst, score = max(worst, off), max(score, off/(calibration.K*math.Hypot(ours, theirs[i])))
			mean += off / float64(len(places))
		}
		o := truth.Optics
		real := Camera{PixelX: o.PixelX, PixelY: o.PixelY, Skew: o.Skew, K: o.Distortion}
		t.Logf("residuals %.5f pixels, mrcal's %.5f; places differ by %.4f µm in the mean, %.4f at most, at most %.2f of the uncertainty; off the truth: ours %.4f µm at most, mrcal's %.4f",
			fit.RMS, rms, mean, worst, score, slices.Max(real.apart(fit, places, fit.sees(places, poses[0]), poses[0])), slices.Max(real.apart(fit, places, seen, poses[0])))
		if score > 1 {
			t.Errorf("seed %d: a place is off mrcal's by %.2f of the uncertainty", seed+1, score)
		}
		if math.Abs(rms/fit.RMS-1) > 0.1 {
			t.Errorf("seed %d: residuals of %.5f pixels, mrcal's %.5f", seed+1, fit.RMS, rms)
		}
	}
}
