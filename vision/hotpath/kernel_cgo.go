//go:build cgo && !purego

package hotpath

// #cgo CXXFLAGS: -O2 -std=c++17 -DHWY_SHARED_DEFINE -I${SRCDIR} -fno-exceptions
// #cgo LDFLAGS: -lhwy
// #cgo noescape kensa_compare
// #cgo nocallback kensa_compare
// #cgo noescape kensa_measure
// #cgo nocallback kensa_measure
// #include "kernel.h"
import "C"

import "unsafe"

// Target names the instruction set that the pass uses on this machine, such as
// "AVX3_ZEN4" or "NEON"; "Go" is the plain twin.
func Target() string { return C.GoString(C.kensa_target()) }

// Compiled names the instruction sets that this program has the pass for, best
// first.
func Compiled() (names []string) {
	for left := int64(C.kensa_compiled()); left != 0; left &= left - 1 {
		names = append(names, C.GoString(C.kensa_target_name(C.int64_t(left&-left))))
	}
	return names
}

// targets are the instruction sets that can be tried here, as bits of
// Highway's; useTargets leaves only some in use, all with 0.
func targets() int64         { return int64(C.kensa_targets()) }
func useTargets(which int64) { C.kensa_use_targets(C.int64_t(which)) }

// compare runs the pass; the result is as twin's.
func (j *job) compare(pool []run) int {
	count := int(C.kensa_compare((*C.kensa_params)(unsafe.Pointer(&j.params)),
		(*C.kensa_die)(unsafe.Pointer(unsafe.SliceData(j.dies))), C.int32_t(len(j.dies)),
		(*C.uint8_t)(unsafe.SliceData(j.raw)), C.int64_t(len(j.raw)), (*C.uint16_t)(unsafe.SliceData(j.flat)),
		(*C.kensa_cell)(unsafe.Pointer(unsafe.SliceData(j.cells))), (*C.uint8_t)(unsafe.SliceData(j.limits)), (*C.float)(unsafe.SliceData(j.mean)), (*C.float)(unsafe.SliceData(j.sigma)),
		(*C.int16_t)(unsafe.SliceData(j.across)), (*C.int16_t)(unsafe.SliceData(j.down)),
		(*C.int16_t)(unsafe.SliceData(j.above)), (*C.uint8_t)(unsafe.SliceData(j.line)),
		(*C.kensa_run)(unsafe.Pointer(unsafe.SliceData(pool))), C.int32_t(len(pool))))
	if count == C.KENSA_NO_VECTORS {
		return j.twin(pool)
	}
	return count
}

// measure is as measureTwin; ahead is a hint.
func (j *job) measure(m *Marks, places []int32, u, v int16, ahead int, out []sums) {
	if len(places) == 0 {
		return
	}
	if C.kensa_measure((*C.kensa_params)(unsafe.Pointer(&j.params)), (*C.uint8_t)(unsafe.SliceData(j.raw)),
		(*C.int16_t)(unsafe.SliceData(m.planes)), (*C.int32_t)(unsafe.SliceData(places)), C.int32_t(m.Len()), C.int32_t(u), C.int32_t(v),
		C.int64_t(ahead), (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(out)))) == C.KENSA_NO_VECTORS {
		j.measureTwin(m, places, u, v, out)
	}
}
