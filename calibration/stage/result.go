package stage

import (
	"fmt"
	"math"

	"kensa/calibration"
	"kensa/calibration/geometry"
)

// turnError is how well the plate's turn in the view is known, radians, one standard
// deviation: some thousandths of a pixel over some hundred.
const turnError = 5e-5

// Result works out the affine map and what it leaves, backlash and repeatability.
func (p *Procedure) Result() (*calibration.Result, error) {
	if len(p.state.Moves) == 0 {
		return nil, errNone
	}
	f, err := fit(p.state.Moves)
	if err != nil {
		return nil, err
	}
	o, k := p.options, calibration.Expand(float64(len(p.state.Moves)-3))
	det := f.xx*f.yy - f.xy*f.yx
	turnX, turnY := math.Atan2(f.yx, f.xx), math.Atan2(f.yy, f.xy)
	square := math.Remainder(turnY-turnX-math.Copysign(math.Pi/2, det), 2*math.Pi)
	// An element's error is its column's times the scatter; which picture axis counts
	// depends on how the camera is turned, so the larger is taken.
	scatter := math.Max(f.spreadX, f.spreadY)
	ex, ey := scatter*f.errorX, scatter*f.errorY
	scale := func(name, title string, x, y, e float64) calibration.Figure {
		return calibration.Figure{Name: name, Title: title, Value: 1e3 * (math.Hypot(x, y) - 1), Unit: "‰", Limits: calibration.Between(-o.MaxScale, o.MaxScale),
			Uncertainty: k * 1e3 * math.Hypot(e, o.PitchError)}
	}
	r := &calibration.Result{
		Figures: []calibration.Figure{
			scale("scale-x", "moves in x, too long by", f.xx, f.yx, ex),
			scale("scale-y", "moves in y, too long by", f.xy, f.yy, ey),
			{Name: "rotation", Title: "stage's x against the camera's", Value: 1e3 * turnX, Unit: "mrad", Uncertainty: k * 1e3 * math.Hypot(ex, turnError)},
			{Name: "squareness", Title: "stage's axes off a right angle", Value: 1e3 * square, Unit: "mrad",
				Uncertainty: k * 1e3 * math.Hypot(ex, ey), Limits: calibration.Between(-o.MaxSquareness, o.MaxSquareness)},
		},
		Parameters: map[string]float64{"stage_xx_um_per_um": f.xx, "stage_xy_um_per_um": f.xy, "stage_yx_um_per_um": f.yx, "stage_yy_um_per_um": f.yy,
			"pixel_x_um": p.state.PixelX, "pixel_y_um": p.state.PixelY},
		Curves: []calibration.Curve{p.residuals(f)},
	}
	for axis, name := range [2]string{"x", "y"} {
		back, scattered := calibration.Moments(p.along(f, axis, p.state.Axes[axis]))
		repeat, free := p.repeat(f, axis)
		n := float64(o.Returns)
		r.Figures = append(r.Figures,
			calibration.Figure{Name: "backlash-" + name, Title: "backlash in " + name, Value: back, Unit: "µm",
				Uncertainty: calibration.Expand(n-1) * scattered / math.Sqrt(n), Limits: calibration.Between(-o.MaxBacklash, o.MaxBacklash)},
			calibration.Figure{Name: "repeat-" + name, Title: "repeatability in " + name + ", one standard deviation", Value: repeat, Unit: "µm",
				Uncertainty: spreadError(repeat, free), Limits: calibration.AtMost(o.MaxRepeat)})
		r.Parameters["backlash_"+name+"_um"] = back
	}
	if det < 0 {
		r.Notes = append(r.Notes, "the picture is mirrored against the stage")
	}
	if worst := worst(f); worst > 4*scatter {
		r.Notes = append(r.Notes, fmt.Sprintf("one move ended %.2f µm off the map, far more than the others: was the plate touched?", worst))
	}
	return r, nil
}

// repeat is the standard deviation of returns along an axis, and its degrees of freedom:
// of those to the middle, or of both rows of approaches from below, each about its mean.
func (p *Procedure) repeat(f affine, axis int) (deviation, free float64) {
	rows := [][]geometry.Point{p.state.Returned}
	if p.options.ByHand {
		rows = p.state.Lows[:]
	}
	for _, row := range rows {
		_, s := calibration.Moments(p.along(f, axis, row))
		n := float64(len(row) - 1)
		deviation, free = deviation+n*s*s, free+n
	}
	return math.Sqrt(deviation / free), free
}

// along turns displacements in the camera's directions into those of one of the
// stage's axes.
func (p *Procedure) along(f affine, axis int, d []geometry.Point) []float64 {
	det := f.xx*f.yy - f.xy*f.yx
	var out []float64
	for _, v := range d {
		if axis == 0 {
			out = append(out, (f.yy*v.X-f.xy*v.Y)/det)
		} else {
			out = append(out, (f.xx*v.Y-f.yx*v.X)/det)
		}
	}
	return out
}

func worst(f affine) float64 {
	w := 0.0
	for _, d := range f.residuals {
		w = math.Max(w, math.Hypot(d.X, d.Y))
	}
	return w
}

// residuals are each move's distance from the map, in the order taken.
func (p *Procedure) residuals(f affine) calibration.Curve {
	c := calibration.Curve{Name: "residuals", Title: "moves off the map", XTitle: "length of the move / µm", YTitle: "off by / µm"}
	for i, d := range f.residuals {
		m := p.state.Moves[i]
		c.X, c.Y = append(c.X, math.Hypot(m.ToldX, m.ToldY)), append(c.Y, math.Hypot(d.X, d.Y))
	}
	return c
}

// spreadError is how much larger than s the standard deviation may be of which s was
// estimated with n degrees of freedom: by the chi-squared distribution's lower
// hundredth (approximation of Wilson and Hilferty, PNAS 17, 1931), since it is far
// from symmetric for few.
func spreadError(s, n float64) float64 {
	const z = -2.33
	part := math.Pow(1-2/(9*n)+z*math.Sqrt(2/(9*n)), 3)
	return s * (1/math.Sqrt(part) - 1)
}
