// What Go and the kernel share; see job.go and hotpath.go for what it means.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  float relative, absolute;
} kensa_margin;

typedef struct {
  float gain_low, gain_high, black_low, black_high;
} kensa_cell;

typedef struct {
  int32_t width, height;
  int32_t raw_stride;
  int32_t flat_stride;
  int32_t limit_stride;
  int32_t depth;
  int32_t table_stride;
  int32_t max_runs;
  int32_t dark_mask, dark_step, dark_base;
  int32_t cell_stride;
  kensa_margin margins[2];
} kensa_params;

typedef struct {
  int32_t x, y;
  int32_t columns, rows;
  int32_t u, v;
  int32_t right, slip;
  int32_t offset;
  int32_t band;
  int32_t index;
  int32_t count;
  int32_t last;
  int32_t late;
} kensa_die;

typedef struct {
  int32_t y, x0, x1, bright;
  int64_t weight, moment_x;
  float peak;
  int32_t die;
} kensa_run;

// In place of a number of runs: there are more than room; the CPU has no
// vectors, nothing was done.
enum { KENSA_NO_ROOM = -1, KENSA_NO_VECTORS = -2 };

// The pass over the dies of one frame. The result is the number of runs.
int32_t kensa_compare(const kensa_params *params, kensa_die *dies, int32_t count, const uint8_t *raw,
                      int64_t raw_size, const uint16_t *flat, const kensa_cell *cells, const uint8_t *limits, const float *mean,
                      const float *sigma, const int16_t *across, const int16_t *down, int16_t *above, uint8_t *line,
                      kensa_run *pool, int32_t room);

// Sums over marks of 32×32 pixels: for each, of the values, their squares, and
// their products with the three planes. Those that lie ahead by so many bytes are
// fetched from memory; with 0, the next one. KENSA_NO_VECTORS or 0.
int32_t kensa_measure(const kensa_params *params, const uint8_t *raw, const int16_t *planes, const int32_t *places,
                      int32_t count, int32_t u, int32_t v, int64_t ahead, int64_t *sums);

// The instruction set in use, in static memory.
const char *kensa_target(void);

// All instruction sets that the build has, as Highway's bits, and the name of
// one, in static memory.
int64_t kensa_compiled(void);
const char *kensa_target_name(int64_t target);

// All instruction sets that the CPU and the build have, as Highway's bits, and
// the choice of only some of them (0: all), for tests.
int64_t kensa_targets(void);
void kensa_use_targets(int64_t targets);

#ifdef __cplusplus
}
#endif
