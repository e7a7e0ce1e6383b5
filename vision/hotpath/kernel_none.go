//go:build !cgo || purego

package hotpath

// Target names the instruction set in use: this program was built without the
// kernel.
func Target() string { return "Go" }

// Compiled names the instruction sets that this program has the pass for.
func Compiled() []string { return nil }

func targets() int64   { return 0 }
func useTargets(int64) {}

func (j *job) compare(pool []run) int { return j.twin(pool) }

func (j *job) measure(m *Marks, places []int32, u, v int16, _ int, out []sums) {
	j.measureTwin(m, places, u, v, out)
}
