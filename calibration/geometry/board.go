package geometry

import (
	"fmt"
	"maps"
	"math"

	"kensa/calibration"
	"kensa/hw/bench"
)

// Board is a plate of known pitch:
//
//   - bench.Chessboard: Columns×Rows squares, so one less of inner corners. The
//     square at the plate's upper left is dark. One of Columns and Rows must be odd
//     and the other even, or a board turned by 180° looks the same.
//   - bench.Circles: Columns×Rows dark dots. Columns and Rows must differ, or a
//     plate turned by 90° looks the same; turned by 180° it always does.
//   - bench.Wafer: dies between dark streets, as many as there are. Columns and Rows
//     are 0.
type Board struct {
	Target        bench.Target
	Columns, Rows int
	Pitch         float64 // µm
}

// Check refuses a board that cannot be told from itself turned about, or found.
func (b Board) Check() error {
	if !(b.Pitch > 0) || math.IsInf(b.Pitch, 0) {
		return fmt.Errorf("%s: pitch %v µm; want more than 0", b.Target, b.Pitch)
	}
	switch b.Target {
	case bench.Wafer:
		return nil
	case bench.Chessboard, bench.Circles:
	default:
		return fmt.Errorf("plate %q; want %s, %s or %s", b.Target, bench.Chessboard, bench.Circles, bench.Wafer)
	}
	switch {
	case b.Columns < 4 || b.Rows < 4 || b.Columns > 200 || b.Rows > 200:
		return fmt.Errorf("%s of %d×%d %s; want 4×4 to 200×200", b.Target, b.Columns, b.Rows, b.parts())
	case b.Target == bench.Chessboard && (b.Columns+b.Rows)%2 == 0:
		return fmt.Errorf("chessboard of %d×%d squares; want an odd number one way and an even one the other, or upside down looks the same", b.Columns, b.Rows)
	case b.Columns == b.Rows:
		return fmt.Errorf("%s of %d×%d dots; want another number of columns than of rows, or a quarter turn looks the same", b.Target, b.Columns, b.Rows)
	}
	return nil
}

// parts is what a board's size counts, points what of it is found in a frame.
func (b Board) parts() string {
	if b.Target == bench.Chessboard {
		return "squares"
	}
	return b.points()
}

func (b Board) points() string {
	switch b.Target {
	case bench.Chessboard:
		return "corners"
	case bench.Circles:
		return "dots"
	default:
		return "dies"
	}
}

// size is how many points the board has each way; 0 where it has no end.
func (b Board) size() (columns, rows int) {
	if b.Target == bench.Chessboard {
		return b.Columns - 1, b.Rows - 1
	}
	return b.Columns, b.Rows
}

// symmetry is the turn, radians, after which the board looks the same.
func (b Board) symmetry() float64 {
	switch b.Target {
	case bench.Chessboard:
		return 2 * math.Pi
	case bench.Circles:
		return math.Pi
	default:
		return math.Pi / 2
	}
}

// Find looks for the board in a frame. A *calibration.Wrong says what is there
// instead: nothing, another size, a part of the board, a blurred one.
func (b Board) Find(e *bench.Exposure) ([]Match, error) {
	p := read(e)
	l, err := b.lattice(p)
	if err != nil {
		return nil, err
	}
	if err := b.whole(p, l); err != nil {
		return nil, err
	}
	return b.matches(l), nil
}

// Part is Find for a board of which any part of 3×3 points or more may be in view.
// Which part is not known: the points are those of a board without end, counted
// from one in view.
func (b Board) Part(e *bench.Exposure) ([]Match, error) {
	p := read(e)
	l, err := b.lattice(p)
	if err != nil {
		return nil, err
	}
	if b.Target == bench.Chessboard && !l.begins(p) {
		shifted := map[node]Point{}
		for n, q := range l.at {
			shifted[node{n.x + 1, n.y}] = q
		}
		l.at = shifted
	}
	return b.matches(l), nil
}

// lattice finds the board's points, numbered, in focus.
func (b Board) lattice(p *picture) (*lattice, error) {
	l := b.detect(p)
	if l == nil {
		return nil, &calibration.Wrong{What: fmt.Sprintf("no %s in view", b.name()), Remedy: b.lay()}
	}
	if l.pitch() > 6 {
		if width := math.Sqrt(math.Max(0, math.Pow(l.blur(p.smooth(detail), b.Target), 2)-detail*detail)); width > maxBlur {
			return nil, &calibration.Wrong{What: fmt.Sprintf("the %s is blurred: its edges spread by %.1f pixels; want at most %.0f", b.name(), width, maxBlur),
				Remedy: "bring it into focus: kensa calibrate focus finds the height"}
		}
	}
	if b.Target == bench.Chessboard {
		l.refine(p)
	}
	if len(l.at) == 0 {
		return nil, &calibration.Wrong{What: fmt.Sprintf("no %s can be made out", b.name()), Remedy: b.lay()}
	}
	return l, nil
}

func (b Board) name() string {
	switch b.Target {
	case bench.Chessboard:
		return "chessboard"
	case bench.Circles:
		return "dot grid"
	default:
		return "grid of dies"
	}
}

func (b Board) lay() string {
	if b.Target == bench.Wafer {
		return "put the wafer under the lens, lit and in focus, at least 3×3 whole dies in view"
	}
	return fmt.Sprintf("put the %s of %d×%d %s under the lens, lit and in focus, all of it in view", b.name(), b.Columns, b.Rows, b.parts())
}

// detect finds the largest lattice of the board's kind; nil if there is none.
func (b Board) detect(p *picture) *lattice {
	dark, bright := p.contrast()
	if bright <= dark {
		return nil
	}
	switch b.Target {
	case bench.Circles:
		dots, area := p.blobs(true)
		return connect(dots).of(area / (4 * math.Pi)) // a disc's
	case bench.Wafer:
		dies, area := p.blobs(false)
		return connect(dies).of(area / 12) // a square's
	}
	l := connect(p.saddles())
	if l == nil {
		return nil
	}
	checked := maps.Clone(l.at)
	for _, n := range l.order() {
		if !l.between(p, n) {
			delete(checked, n)
		}
	}
	l.at = checked
	for l.trim() {
	}
	if l.columns < 3 || l.rows < 3 {
		return nil
	}
	return l
}

// refine moves a chessboard's corners to where their edges meet.
func (l *lattice) refine(p *picture) {
	sigma := min(max(0.16*l.pitch(), 1.5), 5)
	for _, n := range l.order() {
		if better, ok := p.refine(l.at[n], sigma); ok {
			l.at[n] = better
		} else {
			delete(l.at, n)
		}
	}
	for l.trim() {
	}
}

// between reports whether a node lies between two dark squares and two bright ones.
// On the board's border one of the four is the plate itself.
func (l *lattice) between(p *picture, n node) bool {
	dx, okX := l.step(n, node{1, 0})
	dy, okY := l.step(n, node{0, 1})
	if !okX || !okY {
		return false
	}
	at := func(u, v float64) float64 {
		q := l.at[n]
		return p.sample(Point{q.X + 0.4*(u*dx.X+v*dy.X), q.Y + 0.4*(u*dx.Y+v*dy.Y)})
	}
	a, b := [2]float64{at(-1, -1), at(1, 1)}, [2]float64{at(1, -1), at(-1, 1)}
	if a[0] > b[0] {
		a, b = b, a
	}
	// The least contrast across any side against the greatest.
	return min(b[0], b[1])-max(a[0], a[1]) > 0.4*(max(b[0], b[1])-min(a[0], a[1]))
}

// whole numbers the lattice as the board's own, or says why it is not.
func (b Board) whole(p *picture, l *lattice) error {
	columns, rows := b.size()
	if columns == 0 {
		return nil
	}
	if l.columns == rows && l.rows == columns {
		l.turn()
	}
	if l.columns != columns || l.rows != rows {
		return b.explain(p, l)
	}
	if missing := columns*rows - len(l.at); missing > columns*rows/10 {
		return &calibration.Wrong{What: fmt.Sprintf("%d of the %s's %d %s cannot be made out", missing, b.name(), columns*rows, b.points()),
			Remedy: "clean the plate, and light it evenly"}
	}
	if b.Target == bench.Chessboard && !l.begins(p) {
		l.turn()
		l.turn()
	}
	return nil
}

// explain says what is there when the board is not.
func (b Board) explain(p *picture, l *lattice) error {
	columns, rows := b.size()
	larger := max(l.columns, l.rows) > max(columns, rows) || min(l.columns, l.rows) > min(columns, rows)
	if !larger && l.touches(p) {
		return &calibration.Wrong{What: fmt.Sprintf("%d×%d %s of the %s's %d×%d are in view", l.columns, l.rows, b.points(), b.name(), columns, rows),
			Remedy: "move the plate until all of it is in view"}
	}
	return &calibration.Wrong{What: fmt.Sprintf("a %s of %d×%d %s; want %d×%d", b.name(), l.columns, l.rows, b.points(), columns, rows),
		Remedy: "put the plate that the command names under the lens, or name this one with --columns and --rows (" + b.parts() + ")"}
}

// touches reports whether the board goes on to the frame's border.
func (l *lattice) touches(p *picture) bool {
	rim := 1.2 * l.pitch()
	for _, q := range l.at {
		if !p.inside(q, rim) {
			return true
		}
	}
	return false
}

// begins reports whether the square below and right of the first corner is dark,
// as on a plate that lies the right way up, by all squares.
func (l *lattice) begins(p *picture) bool {
	sum := 0.0
	for n, a := range l.at {
		b, okB := l.at[node{n.x + 1, n.y}]
		c, okC := l.at[node{n.x, n.y + 1}]
		d, okD := l.at[node{n.x + 1, n.y + 1}]
		if !okB || !okC || !okD {
			continue
		}
		v := p.sample(Point{(a.X + b.X + c.X + d.X) / 4, (a.Y + b.Y + c.Y + d.Y) / 4})
		// Against the square to the right where there is one, so that shading cancels.
		e, okE := l.at[node{n.x + 2, n.y}]
		f, okF := l.at[node{n.x + 2, n.y + 1}]
		if !okE || !okF {
			continue
		}
		v -= p.sample(Point{(b.X + e.X + d.X + f.X) / 4, (b.Y + e.Y + d.Y + f.Y) / 4})
		if (n.x+n.y)%2 == 0 {
			sum += v
		} else {
			sum -= v
		}
	}
	return sum < 0
}

// matches pairs the lattice with places on the plate, µm from its middle.
func (b Board) matches(l *lattice) []Match {
	columns, rows := b.size()
	if columns == 0 {
		columns, rows = l.columns, l.rows
	}
	var out []Match
	for _, n := range l.order() {
		out = append(out, Match{Seen: l.at[n], Extent: l.extent,
			Plate: Point{(float64(n.x) - float64(columns-1)/2) * b.Pitch, (float64(n.y) - float64(rows-1)/2) * b.Pitch}})
	}
	return out
}

// maxBlur is the widest spread of an edge, pixels, at which points are still where
// they seem.
const maxBlur = 4.0

// blur is the spread of the plate's edges, as the standard deviation of a Gaussian,
// pixels: the middle one of many. A chessboard's are crossed half-way between two
// corners, a dot's or a die's on the way to the next. The picture was smoothed, since
// noise would make an edge seem steeper.
func (l *lattice) blur(p *picture, target bench.Target) float64 {
	var spreads []float64
	for n, a := range l.at {
		b, ok := l.at[node{n.x + 1, n.y}]
		if !ok {
			continue
		}
		d := Point{b.X - a.X, b.Y - a.Y}
		middle, way := Point{a.X + d.X/2, a.Y + d.Y/2}, Point{-d.Y / 2, d.X / 2}
		if target != bench.Chessboard {
			middle, way = Point{a.X + d.X/4, a.Y + d.Y/4}, Point{d.X / 4, d.Y / 4}
		}
		spreads = append(spreads, p.spread(middle, way))
	}
	if len(spreads) == 0 {
		return 0
	}
	return median(spreads)
}

// spread of the edge at a place, crossed along a way to both sides. A step of
// height h blurred by σ has the steepest slope h/(σ·√2π).
func (p *picture) spread(at, way Point) float64 {
	length := math.Hypot(way.X, way.Y)
	low, high, steepest, before := math.Inf(1), math.Inf(-1), 0.0, 0.0
	for k := -math.Floor(length); k <= length; k++ {
		v := p.sample(Point{at.X + way.X/length*k, at.Y + way.Y/length*k})
		if !math.IsInf(low, 0) {
			steepest = max(steepest, math.Abs(v-before))
		}
		low, high, before = min(low, v), max(high, v), v
	}
	if steepest == 0 {
		return math.Inf(1)
	}
	return (high - low) / steepest / math.Sqrt(2*math.Pi)
}
