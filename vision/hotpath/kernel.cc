//go:build cgo && !purego

// The pass in SIMD; the package comment in hotpath.go says what is computed,
// twin.go defines it. Included once for every instruction set.
//
// The first SVE is left to NEON: it lacks the products that are rounded and
// narrowed in one, so that in 256 bits it takes as many instructions as NEON in 128.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE_256)

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel.cc"
#include "hwy/foreach_target.h"  // before highway.h

#include "exact-inl.h"
#include "kernel.h"
#include "marks-inl.h"
#include "sieve-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kensa {
namespace HWY_NAMESPACE {
#if HWY_TARGET == HWY_SCALAR

// A CPU without vectors: the caller has plain code.
int32_t Compare(const kensa_params *, kensa_die *, int32_t, const uint8_t *, int64_t, const uint16_t *, const kensa_cell *, const uint8_t *,
                const float *, const float *, const int16_t *, const int16_t *, int16_t *, uint8_t *, kensa_run *, int32_t) {
  return KENSA_NO_VECTORS;
}

int32_t Measure(const kensa_params *, const uint8_t *, const int16_t *, const int32_t *, int32_t, int32_t, int32_t,
                int64_t, int64_t *) {
  return KENSA_NO_VECTORS;
}

const char *Target() { return "Go"; }

#else

// Blocks of rows that the sieve has not passed, in order. They are compared a
// little later, when what they need of the flat field has come from memory.
template <bool kDeep, bool kFlat> class Late {
 public:
  explicit Late(Frame &frame) : frame_(frame) {}

  // False: the pool of runs is full.
  HWY_INLINE bool Add(kensa_die &die, int32_t x, int32_t y) {
    if constexpr (kFlat) {
      const ptrdiff_t row = die.y + HWY_MIN(y + 1, die.rows - 1);
      const uint16_t *words = frame_.flat + row * frame_.p.flat_stride + die.x + x;
      for (int32_t n = 0; n <= kBlock; n += 32) hwy::Prefetch(words + n), hwy::Prefetch(words + n - frame_.p.flat_stride);
    }
    hwy::Prefetch(frame_.limits + static_cast<ptrdiff_t>(y) * frame_.p.limit_stride + 2 * x);
    hwy::Prefetch(frame_.limits + static_cast<ptrdiff_t>(y) * frame_.p.limit_stride + 2 * x + kBlock);
    const bool ok = end_ - begin_ < kRoom || Take();
    blocks_[end_++ % kRoom] = {&die, x, y};
    return ok;
  }

  HWY_INLINE bool Finish() {
    while (begin_ != end_)
      if (!Take()) return false;
    return true;
  }

 private:
  static constexpr uint32_t kRoom = 32;
  struct Block {
    kensa_die *die;
    int32_t x, y;
  };

  HWY_INLINE bool Take() {
    const Block &block = blocks_[begin_++ % kRoom];
    ++block.die->late;
    return CompareBlock<kDeep, kFlat>(frame_, *block.die, block.x, block.y);
  }

  Frame &frame_;
  Block blocks_[kRoom];
  uint32_t begin_ = 0, end_ = 0;
};

// Sieves the rows of a die from y on. False: the pool is full.
template <bool kDeep, bool kFlat> HWY_INLINE bool Stripe(Frame &frame, kensa_die &die, int32_t y, Late<kDeep, kFlat> &late) {
  Kept *kept = reinterpret_cast<Kept *>(frame.Scratch(die) + 2 * frame.p.table_stride);
  if (y % kTile == 0) Prepare<kDeep, kFlat>(frame, die, y, kept);
  uint64_t beyond[kStep][kMaxSide / kBlock / 64];
  uint32_t any = 0;
  const Weights weights(die);
  const int32_t width = frame.p.width, height = frame.p.height;
  Rows rows{frame.raw + Place<kDeep>(frame, die, 0, y), frame.p.raw_stride,
            frame.limits + (static_cast<ptrdiff_t>(1 + kFlat) * height + y) * frame.p.limit_stride, frame.p.limit_stride, 16 - frame.p.depth};
  for (int32_t block = 0; block * kBlock < width; ++block, rows.raw += kBlock * (kDeep ? 2 : 1), rows.limits += 2 * kBlock) {
    const int32_t x = block * kBlock;
    uint32_t found = 0;
    if (HWY_LIKELY(y + kStep <= height)) {
      found = Sieve<kDeep, kStep>(frame, rows, x, y, weights, kept + block);
    } else {
      Rows row = rows;
      for (int32_t r = 0; y + r < height; ++r, row.raw += row.stride, row.limits += row.limit_stride)
        found |= Sieve<kDeep, 1>(frame, row, x, y + r, weights, kept + block) << r;
    }
    if (HWY_LIKELY(found == 0)) continue;
    if (any == 0) memset(beyond, 0, sizeof beyond);
    any |= found;
    for (; found != 0; found &= found - 1) beyond[hwy::Num0BitsBelowLS1Bit_Nonzero32(found)][block / 64] |= uint64_t{1} << (block % 64);
  }
  for (; any != 0; any &= any - 1) {
    const int32_t r = static_cast<int32_t>(hwy::Num0BitsBelowLS1Bit_Nonzero32(any));
    for (int32_t word = 0; word * 64 * kBlock < frame.p.width; ++word) {
      for (uint64_t left = beyond[r][word]; left != 0; left &= left - 1) {
        const int32_t block = 64 * word + static_cast<int32_t>(hwy::Num0BitsBelowLS1Bit_Nonzero64(left));
        if (!late.Add(die, block * kBlock, y + r)) return false;
      }
    }
  }
  return true;
}

// Goes through the rows of the frame that a band's dies lie on, over all dies:
// memory is then read in its own order.
template <bool kDeep, bool kFlat> bool Band(Frame &frame, kensa_die *end) {
  const int32_t height = frame.p.height;
  int32_t top = frame.band->y, bottom = frame.band->y;
  for (kensa_die *die = frame.band; die != end; ++die) {
    top = HWY_MIN(top, die->y), bottom = HWY_MAX(bottom, die->y);
    die->count = die->last = die->late = 0;
    int16_t *held = frame.Scratch(*die) + frame.p.table_stride;
    for (int32_t n = 0; n * kBlock < frame.p.width; ++n) held[n] = -1;
  }
  Late<kDeep, kFlat> late(frame);
  for (int32_t row = top; row < bottom + height; row += kStep) {
    for (kensa_die *die = frame.band; die != end; ++die) {
      if (row + kStep <= die->y) continue;
      const int32_t y = (row - die->y + kStep - 1) / kStep * kStep;  // where a step starts within these rows
      if (y < height && !Stripe<kDeep, kFlat>(frame, *die, y, late)) return false;
    }
  }
  return late.Finish();
}

template <bool kDeep, bool kFlat> int32_t Pass(Frame &frame, kensa_die *dies, int32_t count) {
  for (kensa_die *end = dies; end != dies + count;) {
    for (frame.band = end; end != dies + count && end->band == frame.band->band;) ++end;
    if (!Band<kDeep, kFlat>(frame, end)) return KENSA_NO_ROOM;
  }
  return frame.used;
}

int32_t Compare(const kensa_params *params, kensa_die *dies, int32_t count, const uint8_t *raw, int64_t raw_size,
                const uint16_t *flat, const kensa_cell *cells, const uint8_t *limits, const float *mean, const float *sigma,
                const int16_t *across, const int16_t *down, int16_t *above, uint8_t *line, kensa_run *pool, int32_t room) {
  Frame frame{*params, raw, raw_size, flat, cells, limits, mean, sigma, across, down, above, line, pool, room, 0, dies};
  const bool deep = params->depth > 8;
  if (params->flat_stride != 0) return deep ? Pass<true, true>(frame, dies, count) : Pass<false, true>(frame, dies, count);
  return deep ? Pass<true, false>(frame, dies, count) : Pass<false, false>(frame, dies, count);
}

int32_t Measure(const kensa_params *params, const uint8_t *raw, const int16_t *planes, const int32_t *places, int32_t count,
                int32_t u, int32_t v, int64_t ahead, int64_t *sums) {
  const auto marks = params->depth > 8 ? Marks<true> : Marks<false>;
  marks(*params, raw, planes, places, count, u, v, ahead, sums);
  return 0;
}

const char *Target() { return hwy::TargetName(HWY_TARGET); }

#endif

}  // namespace HWY_NAMESPACE
}  // namespace kensa
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kensa {
HWY_EXPORT(Compare);
HWY_EXPORT(Measure);
HWY_EXPORT(Target);
}  // namespace kensa

extern "C" {

int32_t kensa_compare(const kensa_params *params, kensa_die *dies, int32_t count, const uint8_t *raw,
                      int64_t raw_size, const uint16_t *flat, const kensa_cell *cells, const uint8_t *limits, const float *mean,
                      const float *sigma, const int16_t *across, const int16_t *down, int16_t *above, uint8_t *line,
                      kensa_run *pool, int32_t room) {
  using namespace kensa;
  return HWY_DYNAMIC_DISPATCH(Compare)(params, dies, count, raw, raw_size, flat, cells, limits, mean, sigma, across, down, above, line, pool, room);
}

int32_t kensa_measure(const kensa_params *params, const uint8_t *raw, const int16_t *planes, const int32_t *places,
                      int32_t count, int32_t u, int32_t v, int64_t ahead, int64_t *sums) {
  using namespace kensa;
  return HWY_DYNAMIC_DISPATCH(Measure)(params, raw, planes, places, count, u, v, ahead, sums);
}

const char *kensa_target(void) {
  using namespace kensa;
  return HWY_DYNAMIC_DISPATCH(Target)();
}

int64_t kensa_compiled(void) { return HWY_TARGETS & ~HWY_SCALAR; }

const char *kensa_target_name(int64_t target) { return hwy::TargetName(target); }

int64_t kensa_targets(void) { return hwy::SupportedTargets() & HWY_TARGETS & ~HWY_SCALAR; }

void kensa_use_targets(int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // extern "C"
#endif
