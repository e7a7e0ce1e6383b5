package geometry

import "math"

// saddles finds the places where two dark and two bright squares meet: saddle
// points of the grey values, around which the grey value goes up and down twice.
// The corners of single squares, edges, dust and noise are not of that kind.
func (p *picture) saddles() []Point {
	dark, bright := p.contrast()
	s := p.smooth(detail)
	// A step's corner of contrast C, blurred by σ, has the mixed derivative C/πσ²:
	// this asks for a third of that at the widest blur that is looked for.
	least := math.Pow((bright-dark)/3/(math.Pi*widest*widest), 2)
	response := make([]float32, len(p.pix))
	for y := 1; y < p.height-1; y++ {
		for x := 1; x < p.width-1; x++ {
			i := y*p.width + x
			xx := s.pix[i-1] - 2*s.pix[i] + s.pix[i+1]
			yy := s.pix[i-p.width] - 2*s.pix[i] + s.pix[i+p.width]
			xy := (s.pix[i-p.width-1] - s.pix[i-p.width+1] - s.pix[i+p.width-1] + s.pix[i+p.width+1]) / 4
			response[i] = xy*xy - xx*yy
		}
	}
	var found []Point
	for y := ring; y < p.height-ring; y++ {
		for x := ring; x < p.width-ring; x++ {
			if float64(response[y*p.width+x]) < least || !peak(response, p.width, x, y) {
				continue
			}
			q := Point{float64(x) + 0.5, float64(y) + 0.5}
			if s.crossed(q, bright-dark) {
				found = append(found, q)
			}
		}
	}
	return found
}

const (
	detail = 1.5 // blur before saddles are looked for, pixels
	widest = 6.0 // blur of the widest edges among which saddles are found, pixels
	ring   = 5   // about a saddle that is looked along, pixels
)

// peak reports whether a value is the greatest among its neighbours.
func peak(v []float32, width, x, y int) bool {
	at := v[y*width+x]
	for j := y - 4; j <= y+4; j++ {
		for i := x - 4; i <= x+4; i++ {
			if n := v[j*width+i]; n > at || n == at && (j < y || j == y && i < x) {
				return false
			}
		}
	}
	return true
}

// crossed reports whether the grey values on a ring go up and down twice: most of
// their variance is in the second harmonic. It is 0.81 of it where four equal
// sectors meet, 0.27 at the corner of one square, 0 at an edge.
func (p *picture) crossed(q Point, contrast float64) bool {
	const n = 24
	var sum, squares, re, im float64
	for k := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / n)
		v := p.sample(Point{q.X + (ring-1)*cos, q.Y + (ring-1)*sin})
		sum, squares = sum+v/n, squares+v*v/n
		re, im = re+v*(cos*cos-sin*sin)*2/n, im+v*2*cos*sin*2/n
	}
	variance := squares - sum*sum
	second := (re*re + im*im) / 2
	return second > 0.6*variance && math.Sqrt(second) > 0.025*contrast
}

// refine moves a place to where the edges about it meet: all gradients are at right
// angles to the way there (Förstner and Gülch, ISPRS Intercommission Conference 1987).
// The weights are centred on the place itself, so that noise, whose gradients point
// anywhere, does not pull it to a pixel's middle. False where it runs away.
func (p *picture) refine(q Point, sigma float64) (Point, bool) {
	start, reach := q, int(math.Ceil(2.5*sigma))
	for range 12 {
		x0, y0 := int(math.Floor(q.X)), int(math.Floor(q.Y))
		if x0-reach < 1 || y0-reach < 1 || x0+reach > p.width-2 || y0+reach > p.height-2 {
			return q, false
		}
		var xx, xy, yy, bx, by float64
		for y := y0 - reach; y <= y0+reach; y++ {
			for x := x0 - reach; x <= x0+reach; x++ {
				dx, dy := float64(x)+0.5-q.X, float64(y)+0.5-q.Y
				w := math.Exp(-(dx*dx + dy*dy) / (2 * sigma * sigma))
				gx, gy := p.at(x+1, y)-p.at(x-1, y), p.at(x, y+1)-p.at(x, y-1)
				xx, xy, yy = xx+w*gx*gx, xy+w*gx*gy, yy+w*gy*gy
				bx, by = bx+w*(gx*gx*dx+gx*gy*dy), by+w*(gx*gy*dx+gy*gy*dy)
			}
		}
		det := xx*yy - xy*xy
		if det <= 1e-6*xx*yy {
			return q, false
		}
		mx, my := (bx*yy-by*xy)/det, (by*xx-bx*xy)/det
		q = Point{q.X + mx, q.Y + my}
		if math.Hypot(q.X-start.X, q.Y-start.Y) > sigma+2 {
			return q, false
		}
		if math.Hypot(mx, my) < 1e-4 {
			break
		}
	}
	return q, true
}
