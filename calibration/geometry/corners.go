package geometry

import (
	"fmt"
	"image"
	"math"

	"gocv.io/x/gocv"

	"kensa/calibration"
	"kensa/hw/bench"
)

// Board is a chessboard plate: Columns×Rows squares, so one less of inner
// corners, and the squares' pitch in µm. The square at the plate's upper left is
// dark. One of Columns and Rows must be odd and the other even, or a board turned
// by 180° looks the same.
type Board struct {
	Columns, Rows int
	Pitch         float64 // µm
}

// Check refuses a board that cannot be told from itself turned about, or found.
func (b Board) Check() error {
	switch {
	case b.Columns < 4 || b.Rows < 4 || b.Columns > 200 || b.Rows > 200:
		return fmt.Errorf("chessboard of %d×%d squares; want 4×4 to 200×200", b.Columns, b.Rows)
	case (b.Columns+b.Rows)%2 == 0:
		return fmt.Errorf("chessboard of %d×%d squares; want an odd number one way and an even one the other, or upside down looks the same", b.Columns, b.Rows)
	case !(b.Pitch > 0) || math.IsInf(b.Pitch, 0):
		return fmt.Errorf("chessboard pitch %v µm; want more than 0", b.Pitch)
	}
	return nil
}

// seen is a chessboard in a frame: its inner corners in the plate's order, by
// rows, pixels from the frame's top left corner.
type seen struct {
	columns, rows int
	corners       []Point
}

// Find looks for the board in a frame. A *calibration.Wrong says what is there
// instead: nothing, another size, a part of the board, a blurred one.
func (b Board) Find(e *bench.Exposure) ([]Match, error) {
	m, err := grey(e)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	s, ok := detect(m, b.Columns-1, b.Rows-1, false)
	if !ok {
		return nil, b.explain(m)
	}
	if width := blur(m, s); width > maxBlur {
		return nil, &calibration.Wrong{What: fmt.Sprintf("the chessboard is blurred: its edges spread by %.1f pixels; want at most %.0f", width, maxBlur),
			Remedy: "bring it into focus: kensa calibrate focus finds the height"}
	}
	s.order(m)
	var matches []Match
	for i, c := range s.corners {
		x, y := i%s.columns, i/s.columns
		matches = append(matches, Match{Seen: c,
			Plate: Point{(float64(x) + 1 - float64(b.Columns)/2) * b.Pitch, (float64(y) + 1 - float64(b.Rows)/2) * b.Pitch}})
	}
	return matches, nil
}

// maxBlur is the widest spread of an edge, pixels, at which corners are still
// where they seem.
const maxBlur = 4.0

// explain says what is there when the board is not.
func (b Board) explain(m gocv.Mat) error {
	s, ok := detect(m, 3, 3, true)
	if !ok {
		return &calibration.Wrong{What: "no chessboard in view", Remedy: fmt.Sprintf(
			"put the chessboard of %d×%d squares under the lens, lit and in focus, all of it in view", b.Columns, b.Rows)}
	}
	if s.columns < b.Columns && s.rows < b.Rows && s.touches(m) {
		return &calibration.Wrong{What: fmt.Sprintf("%d×%d corners of the chessboard's %d×%d are in view", s.columns, s.rows, b.Columns-1, b.Rows-1),
			Remedy: "move the plate until all of it is in view"}
	}
	return &calibration.Wrong{What: fmt.Sprintf("a chessboard of %d×%d corners; want %d×%d", s.columns, s.rows, b.Columns-1, b.Rows-1),
		Remedy: "put the plate that the command names under the lens, or name this one with --columns and --rows (squares, not corners)"}
}

// touches reports whether the board goes on to the frame's border.
func (s *seen) touches(m gocv.Mat) bool {
	step := math.Hypot(s.corners[1].X-s.corners[0].X, s.corners[1].Y-s.corners[0].Y)
	for _, c := range s.corners {
		if min(c.X, c.Y, float64(m.Cols())-c.X, float64(m.Rows())-c.Y) < 2*step {
			return true
		}
	}
	return false
}

// grey is the frame in 8 bits: OpenCV's finder takes no more.
func grey(e *bench.Exposure) (gocv.Mat, error) {
	pix := make([]byte, e.Width*e.Height)
	for y := range e.Height {
		row := e.Pix[y*e.Stride:]
		for x := range e.Width {
			if e.Depth > 8 {
				v := int(row[2*x]) | int(row[2*x+1])<<8
				pix[y*e.Width+x] = byte(v >> (e.Depth - 8))
			} else {
				pix[y*e.Width+x] = row[x]
			}
		}
	}
	m, err := gocv.NewMatFromBytes(e.Height, e.Width, gocv.MatTypeCV8UC1, pix)
	if err != nil {
		return m, fmt.Errorf("geometry: %w", err)
	}
	return m, nil
}

// detect runs the sector-based finder (Duda and Frese, BMVC 2018). larger takes
// any board of at least the size.
func detect(m gocv.Mat, columns, rows int, larger bool) (*seen, bool) {
	corners, meta := gocv.NewMat(), gocv.NewMat()
	defer corners.Close()
	defer meta.Close()
	flags := gocv.CalibCBNormalizeImage | gocv.CalibCBAccuracy | gocv.CalibCBExhaustive
	if larger {
		flags |= gocv.CalibCBLarger
	}
	if !gocv.FindChessboardCornersSBWithMeta(m, image.Pt(columns, rows), &corners, flags, &meta) {
		return nil, false
	}
	if larger {
		columns, rows = meta.Cols(), meta.Rows()
	}
	if corners.Total() != columns*rows {
		return nil, false
	}
	s := &seen{columns: columns, rows: rows}
	for i := range columns * rows {
		// OpenCV counts from the middle of the first pixel; Kensa from its corner.
		v := corners.GetVecfAt(i, 0)
		s.corners = append(s.corners, Point{float64(v[0]) + 0.5, float64(v[1]) + 0.5})
	}
	return s, true
}

// at is a corner by its column and row.
func (s *seen) at(x, y int) Point { return s.corners[y*s.columns+x] }

// order brings the corners into the plate's order: not mirrored, and with the
// dark squares where the plate has them.
func (s *seen) order(m gocv.Mat) {
	a, b, c := s.at(0, 0), s.at(s.columns-1, 0), s.at(0, s.rows-1)
	if (b.X-a.X)*(c.Y-a.Y)-(b.Y-a.Y)*(c.X-a.X) < 0 {
		s.mirror()
	}
	// The square below and right of the corner (0, 0) is the plate's (1, 1): dark.
	if s.square(m, 0, 0) > s.square(m, 1, 0) {
		for i, j := 0, len(s.corners)-1; i < j; i, j = i+1, j-1 {
			s.corners[i], s.corners[j] = s.corners[j], s.corners[i]
		}
	}
}

func (s *seen) mirror() {
	for y := range s.rows {
		row := s.corners[y*s.columns : (y+1)*s.columns]
		for i, j := 0, len(row)-1; i < j; i, j = i+1, j-1 {
			row[i], row[j] = row[j], row[i]
		}
	}
}

// square is the grey value in the middle of the square below and right of a
// corner.
func (s *seen) square(m gocv.Mat, x, y int) float64 {
	a, b, c, d := s.at(x, y), s.at(x+1, y), s.at(x, y+1), s.at(x+1, y+1)
	cx, cy := int((a.X+b.X+c.X+d.X)/4), int((a.Y+b.Y+c.Y+d.Y)/4)
	sum, n := 0.0, 0.0
	for v := max(cy-1, 0); v <= min(cy+1, m.Rows()-1); v++ {
		for u := max(cx-1, 0); u <= min(cx+1, m.Cols()-1); u++ {
			sum, n = sum+float64(m.GetUCharAt(v, u)), n+1
		}
	}
	return sum / n
}

// blur is the spread of the board's edges, as the standard deviation of a
// Gaussian, pixels: the middle one of many edges, each crossed half-way between
// two corners. A step of height h blurred by σ has the steepest slope h/(σ·√2π).
func blur(m gocv.Mat, s *seen) float64 {
	var spreads []float64
	for y := range s.rows {
		for x := range s.columns - 1 {
			a, b := s.at(x, y), s.at(x+1, y)
			length := math.Hypot(b.X-a.X, b.Y-a.Y)
			if length < 6 {
				continue
			}
			nx, ny := -(b.Y-a.Y)/length, (b.X-a.X)/length
			reach := min(int(length/2), 16)
			var profile []float64
			for k := -reach; k <= reach; k++ {
				profile = append(profile, sample(m, (a.X+b.X)/2+nx*float64(k), (a.Y+b.Y)/2+ny*float64(k)))
			}
			spreads = append(spreads, spread(profile))
		}
	}
	if len(spreads) == 0 {
		return 0
	}
	return median(spreads)
}

// spread of one profile across an edge.
func spread(p []float64) float64 {
	low, high, steepest := math.Inf(1), math.Inf(-1), 0.0
	for i, v := range p {
		low, high = min(low, v), max(high, v)
		if i > 0 {
			steepest = max(steepest, math.Abs(v-p[i-1]))
		}
	}
	if steepest == 0 {
		return math.Inf(1)
	}
	return (high - low) / steepest / math.Sqrt(2*math.Pi)
}

// sample is the grey value at a place between pixels' middles.
func sample(m gocv.Mat, x, y float64) float64 {
	x, y = x-0.5, y-0.5
	x0, y0 := int(math.Floor(x)), int(math.Floor(y))
	if x0 < 0 || y0 < 0 || x0+1 >= m.Cols() || y0+1 >= m.Rows() {
		return 0
	}
	fx, fy := x-float64(x0), y-float64(y0)
	at := func(u, v int) float64 { return float64(m.GetUCharAt(v, u)) }
	return (1-fy)*((1-fx)*at(x0, y0)+fx*at(x0+1, y0)) + fy*((1-fx)*at(x0, y0+1)+fx*at(x0+1, y0+1))
}
