//go:build cgo && !purego

// The pass in SIMD; the package comment in hotpath.go says what is computed,
// twin.go defines it. Included once for every instruction set.
//
// On ARM it is NEON: vectors whose length the compiler does not know (SVE)
// cannot be members of a struct, and where they are 128 bits long gain nothing.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel.cc"
#include "hwy/foreach_target.h"  // before highway.h

#include <string.h>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernel.h"

HWY_BEFORE_NAMESPACE();
namespace kensa {
namespace HWY_NAMESPACE {
#if HWY_TARGET == HWY_SCALAR

// A CPU without vectors: the caller has plain code.
int32_t Compare(const kensa_params *, kensa_die *, int32_t, const uint8_t *, int64_t, const uint16_t *, const uint8_t *,
                const float *, const float *, const int16_t *, const int16_t *, int16_t *, uint8_t *, kensa_run *, int32_t) {
  return KENSA_NO_VECTORS;
}

int32_t Measure(const kensa_params *, const uint8_t *, const uint16_t *, const int16_t *, const int32_t *, int32_t, int32_t,
                int32_t, int64_t *) {
  return KENSA_NO_VECTORS;
}

const char *Target() { return "Go"; }

#else
namespace hn = hwy::HWY_NAMESPACE;

// At most 64 bytes, so that a block's pixels outside fit in 64 bits and a
// block's limits lie together.
using D8 = hn::CappedTag<uint8_t, 64>;
using D16 = hn::Repartition<int16_t, D8>;
using DU16 = hn::Repartition<uint16_t, D8>;
using V16 = hn::Vec<D16>;
using VU16 = hn::Vec<DU16>;

constexpr int32_t kBlock = 64;     // pixels whose limits lie together
constexpr int32_t kAhead = 1024;  // pixels that are fetched ahead along a row of the frame

// What all dies of a frame share.
struct Frame {
  const kensa_params &p;
  const uint8_t *HWY_RESTRICT raw;
  int64_t raw_size;
  const uint16_t *HWY_RESTRICT flat;
  const uint8_t *HWY_RESTRICT limits;
  const float *HWY_RESTRICT mean;
  const float *HWY_RESTRICT sigma;
  const int16_t *HWY_RESTRICT across;
  const int16_t *HWY_RESTRICT down;
  int16_t *HWY_RESTRICT above;
  uint8_t *HWY_RESTRICT line;
  kensa_run *HWY_RESTRICT pool;
  int32_t room;
  int32_t used;
};

// Raw pixels as Q7.
template <bool kDeep> HWY_INLINE V16 LoadRaw(const uint8_t *raw, int lift) {
  if constexpr (kDeep) {
    const VU16 r = hn::BitCast(DU16(), hn::LoadU(D8(), raw));
    return hn::BitCast(D16(), hn::ShiftRight<1>(hn::ShiftLeftSame(r, lift)));
  } else {
    const hn::Rebind<uint8_t, D16> half;
    return hn::ShiftLeft<7>(hn::PromoteTo(D16(), hn::LoadU(half, raw)));
  }
}

// The correction of pixels from Q7 to Q6.
template <bool kFlat> struct Flat {
  explicit Flat(const kensa_params &p)
      : mask(hn::Set(DU16(), static_cast<uint16_t>(p.dark_mask))), step(hn::Set(DU16(), static_cast<uint16_t>(p.dark_step))),
        base(hn::Set(DU16(), static_cast<uint16_t>(p.dark_base))) {}

  HWY_INLINE V16 operator()(V16 a, const uint16_t *words) const {
    if constexpr (!kFlat) {  // a is at most 32767, so that a+1 stays a good unsigned number
      return hn::BitCast(D16(), hn::ShiftRight<1>(hn::Add(hn::BitCast(DU16(), a), hn::Set(DU16(), uint16_t{1}))));
    }
    const VU16 w = hn::LoadU(DU16(), words);
    const VU16 dark = hn::Add(hn::Mul(hn::And(w, mask), step), base);
    return hn::MulFixedPoint15(hn::Sub(a, hn::BitCast(D16(), dark)), hn::BitCast(D16(), w));
  }

  VU16 mask, step, base;
};

HWY_INLINE V16 Lerp(V16 a, V16 b, V16 t) { return hn::Add(a, hn::MulFixedPoint15(hn::SaturatedSub(b, a), t)); }

// Each lane's neighbour to the right; the last one's is next's first.
HWY_INLINE V16 Right(V16 now, V16 next) {
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  alignas(64) static constexpr int16_t kOrder[32] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                                                     17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
  return V16{_mm512_permutex2var_epi16(now.raw, _mm512_load_si512(kOrder), next.raw)};
#elif HWY_TARGET == HWY_AVX2
  const __m256i middle = _mm256_permute2x128_si256(now.raw, next.raw, 0x21);
  return V16{_mm256_alignr_epi8(middle, now.raw, 2)};
#else
  return hn::CombineShiftRightBytes<2>(D16(), next, now);
#endif
}

// h of a die's row, vector by vector from the left.
template <bool kDeep, bool kFlat> class Across {
 public:
  HWY_INLINE Across(const Frame &frame, const kensa_die &die, int32_t y)
      : flat_(frame.p), u_(hn::Set(D16(), static_cast<int16_t>(die.u))), lift_(16 - frame.p.depth), width_(frame.p.width) {
    y = HWY_MIN(y, die.rows - 1);
    const ptrdiff_t row = die.y + y, from = row * frame.p.raw_stride + die.x * kBytes;
    raw_ = frame.raw + from;
    words_ = kFlat ? frame.flat + row * frame.p.flat_stride + die.x : nullptr;
    // Vectors reach beyond the die, which must not be beyond the frame's memory.
    if (HWY_UNLIKELY(from + (static_cast<ptrdiff_t>(width_) + 2 * kBlock) * kBytes > frame.raw_size)) {
      memcpy(frame.line, raw_, static_cast<size_t>(die.columns * kBytes));
      raw_ = frame.line;
    }
    now_ = Load(0);
  }

  // The vector at x; to be called for one after the other.
  HWY_INLINE V16 operator()(int32_t x) {
    const int32_t lanes = static_cast<int32_t>(hn::Lanes(D16()));
    hwy::Prefetch(raw_ + (x + kAhead) * kBytes);
    if constexpr (kFlat) hwy::Prefetch(words_ + x + kAhead);
    const V16 next = HWY_LIKELY(x + lanes <= width_) ? Load(x + lanes) : now_;
    const V16 h = Lerp(now_, Right(now_, next), u_);
    now_ = next;
    return h;
  }

 private:
  static constexpr int32_t kBytes = kDeep ? 2 : 1;

  HWY_INLINE V16 Load(int32_t x) const { return flat_(LoadRaw<kDeep>(raw_ + x * kBytes, lift_), kFlat ? words_ + x : nullptr); }

  const Flat<kFlat> flat_;
  const V16 u_;
  const int lift_;
  const int32_t width_;
  const uint8_t *HWY_RESTRICT raw_;
  const uint16_t *HWY_RESTRICT words_;
  V16 now_;
};

// Sums the pixels outside of a vector up to runs. False: the pool is full.
HWY_NOINLINE bool Collect(Frame &frame, kensa_die &die, int32_t x0, int32_t y, uint64_t outside, const uint8_t *m, const uint8_t *lo) {
  for (; outside != 0; outside &= outside - 1) {
    const int32_t i = static_cast<int32_t>(hwy::Num0BitsBelowLS1Bit_Nonzero64(outside)), x = x0 + i;
    kensa_run *run = frame.pool + die.last;
    if (die.count == 0 || run->y != y || run->x1 != x) {
      if (die.count >= frame.p.max_runs) {
        die.count = frame.p.max_runs + 1;
        continue;
      }
      if (frame.used == frame.room) return false;
      ++die.count;
      die.last = frame.used++;
      run = frame.pool + die.last;
      *run = kensa_run{y, x, x, 0, 0, 0, 0.0f, die.index};
    }
    const int32_t hi = lo[i + kBlock], bright = m[i] > hi ? 1 : 0;
    const int64_t excess = bright ? m[i] - hi : lo[i] - m[i];
    run->bright += bright;
    run->weight += excess;
    run->moment_x += excess * (x - run->x0);
    run->x1 = x + 1;
    const ptrdiff_t n = static_cast<ptrdiff_t>(y) * frame.p.width + x;
    const float off = static_cast<float>(m[i]) - frame.mean[n], sigmas = (off < 0 ? -off : off) / frame.sigma[n];
    run->peak = sigmas > run->peak ? sigmas : run->peak;
  }
  return true;
}

// Two vectors of int16 as one of uint8, saturated, in order.
HWY_INLINE hn::Vec<D8> Narrow(V16 low, V16 high) {
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
  return hn::Vec<D8>{_mm512_permutexvar_epi64(order, _mm512_packus_epi16(low.raw, high.raw))};
#elif HWY_TARGET == HWY_AVX2
  return hn::Vec<D8>{_mm256_permute4x64_epi64(_mm256_packus_epi16(low.raw, high.raw), 0xD8)};
#else
  const hn::Half<D8> half;
  return hn::Combine(D8(), hn::DemoteTo(half, high), hn::DemoteTo(half, low));
#endif
}

// h of a die's first row.
template <bool kDeep, bool kFlat> HWY_INLINE void Begin(const Frame &frame, const kensa_die &die) {
  const D16 d;
  Across<kDeep, kFlat> row(frame, die, 0);
  int16_t *HWY_RESTRICT above = frame.above + static_cast<ptrdiff_t>(die.index) * frame.p.table_stride;
  for (int32_t x = 0; x < frame.p.width; x += static_cast<int32_t>(hn::Lanes(d))) hn::Store(row(x), d, above + x);
}

// Compares row y of a die, which lies between h of the row above and the next
// row of pixels.
template <bool kDeep, bool kFlat> HWY_INLINE bool CompareRow(Frame &frame, kensa_die &die, int32_t y) {
  const D8 d8;
  const D16 d;
  const int32_t lanes = static_cast<int32_t>(hn::Lanes(d)), step = 2 * lanes, width = frame.p.width;
  const ptrdiff_t table = static_cast<ptrdiff_t>(die.index) * frame.p.table_stride;
  const V16 v = hn::Set(d, static_cast<int16_t>(die.v)), offset = hn::Set(d, static_cast<int16_t>(die.offset));
  const V16 down = hn::Set(d, frame.down[static_cast<ptrdiff_t>(die.index) * frame.p.height + y]);
  const uint8_t *HWY_RESTRICT limits = frame.limits + static_cast<ptrdiff_t>(y) * frame.p.limit_stride;
  const int16_t *HWY_RESTRICT across = frame.across + table;
  int16_t *HWY_RESTRICT above = frame.above + table;
  Across<kDeep, kFlat> row(frame, die, y + 1);
  const auto matched = [&](int32_t x) HWY_ATTR {
    const V16 below = row(x);
    const V16 grey = Lerp(hn::Load(d, above + x), below, v);
    hn::Store(below, d, above + x);
    const V16 light = hn::Add(hn::Load(d, across + x), down);
    return hn::ShiftRight<4>(hn::SaturatedAdd(hn::MulFixedPoint15(grey, light), offset));
  };
  for (int32_t x = 0; x < width; x += step) {
    const uint8_t *lo = limits + x / kBlock * 2 * kBlock + x % kBlock;
    const V16 low = matched(x);
    const auto m = Narrow(low, matched(x + lanes));
    const auto clipped = hn::Max(hn::Min(m, hn::Load(d8, lo + kBlock)), hn::Load(d8, lo));
    const auto outside = hn::Ne(m, clipped);
    if (HWY_UNLIKELY(!hn::AllFalse(d8, outside))) {
      uint64_t word = 0;
      alignas(64) uint8_t grey[64];
      hn::StoreMaskBits(d8, outside, reinterpret_cast<uint8_t *>(&word));
      hn::Store(m, d8, grey);
      if (!Collect(frame, die, x, y, word, grey, lo)) return false;
    }
  }
  return true;
}

// Goes through the rows of the frame that a band's dies lie on, over all dies:
// memory is then read in its own order.
template <bool kDeep, bool kFlat> bool Band(Frame &frame, kensa_die *begin, kensa_die *end) {
  const int32_t height = frame.p.height;
  int32_t top = begin->y, bottom = begin->y;
  for (const kensa_die *die = begin; die != end; ++die) top = HWY_MIN(top, die->y), bottom = HWY_MAX(bottom, die->y);
  for (int32_t row = top; row <= bottom + height; ++row) {
    for (kensa_die *die = begin; die != end; ++die) {
      const int32_t y = row - die->y;
      if (y < 0 || y > height) continue;
      if (y == 0) Begin<kDeep, kFlat>(frame, *die);
      else if (!CompareRow<kDeep, kFlat>(frame, *die, y - 1)) return false;
    }
  }
  return true;
}

template <bool kDeep, bool kFlat> int32_t Pass(Frame &frame, kensa_die *dies, int32_t count) {
  for (kensa_die *begin = dies, *end = dies; begin != dies + count; begin = end) {
    for (; end != dies + count && end->band == begin->band; ++end) end->count = end->last = 0;
    if (!Band<kDeep, kFlat>(frame, begin, end)) return KENSA_NO_ROOM;
  }
  return frame.used;
}

int32_t Compare(const kensa_params *params, kensa_die *dies, int32_t count, const uint8_t *raw, int64_t raw_size,
                const uint16_t *flat, const uint8_t *limits, const float *mean, const float *sigma,
                const int16_t *across, const int16_t *down, int16_t *above, uint8_t *line, kensa_run *pool, int32_t room) {
  Frame frame{*params, raw, raw_size, flat, limits, mean, sigma, across, down, above, line, pool, room, 0};
  const bool deep = params->depth > 8;
  if (params->flat_stride != 0) return deep ? Pass<true, true>(frame, dies, count) : Pass<false, true>(frame, dies, count);
  return deep ? Pass<true, false>(frame, dies, count) : Pass<false, false>(frame, dies, count);
}

// A sum of products of int16, in 32-bit lanes: of 11 bits and sign each, 1024 of
// them on 4 lanes or more stay below 2³¹.
class Products {
 public:
  Products() : low_(hn::Zero(D32())), high_(hn::Zero(D32())) {}
  HWY_INLINE void Add(V16 a, V16 b) {
    low_ = hn::ReorderWidenMulAccumulate(D32(), a, b, low_, high_);
  }
  HWY_INLINE int64_t Total() const {
    alignas(64) int32_t lanes[16];
    hn::Store(hn::Add(low_, high_), D32(), lanes);
    int64_t total = 0;
    for (size_t n = 0; n < hn::Lanes(D32()); ++n) total += lanes[n];
    return total;
  }

 private:
  using D32 = hn::Repartition<int32_t, D16>;
  hn::Vec<D32> low_, high_;
};

constexpr int32_t kMark = 32;  // pixels a side

// The next mark's pixels are fetched while this one's are summed.
template <bool kDeep, bool kFlat>
void Mark(const kensa_params &p, const uint8_t *raw, const uint16_t *words, ptrdiff_t next_raw, ptrdiff_t next_words, const int16_t *HWY_RESTRICT planes, V16 u, V16 v, int64_t *sums) {
  constexpr int32_t kBytes = kDeep ? 2 : 1;
  const D16 d;
  const int32_t lanes = static_cast<int32_t>(hn::Lanes(d));
  const Flat<kFlat> flat(p);
  const int lift = 16 - p.depth;
  const V16 one = hn::Set(d, int16_t{1}), half = hn::Set(d, int16_t{4}), white = hn::Set(d, int16_t{2047});
  Products sum, square, pattern, gx, gy;
  for (int32_t x = 0; x < kMark; x += lanes) {
    const auto across = [&](int32_t y) HWY_ATTR {
      const uint8_t *row = raw + static_cast<ptrdiff_t>(y) * p.raw_stride + x * kBytes;
      const uint16_t *w = kFlat ? words + static_cast<ptrdiff_t>(y) * p.flat_stride + x : nullptr;
      return Lerp(flat(LoadRaw<kDeep>(row, lift), w), flat(LoadRaw<kDeep>(row + kBytes, lift), kFlat ? w + 1 : nullptr), u);
    };
    V16 above = across(0);
    for (int32_t y = 0; y < kMark; ++y) {
      hwy::Prefetch(raw + next_raw + static_cast<ptrdiff_t>(y) * p.raw_stride + x * kBytes);
      if constexpr (kFlat) hwy::Prefetch(words + next_words + static_cast<ptrdiff_t>(y) * p.flat_stride + x);
      if constexpr (kFlat) hwy::Prefetch(words + next_words + static_cast<ptrdiff_t>(y) * p.flat_stride + x + lanes);
      const V16 below = across(y + 1);
      const V16 g = hn::Min(hn::ShiftRight<3>(hn::SaturatedAdd(Lerp(above, below, v), half)), white);
      above = below;
      const int16_t *plane = planes + y * kMark + x;
      sum.Add(g, one);
      square.Add(g, g);
      pattern.Add(g, hn::LoadU(d, plane));
      gx.Add(g, hn::LoadU(d, plane + kMark * kMark));
      gy.Add(g, hn::LoadU(d, plane + 2 * kMark * kMark));
    }
  }
  const Products *all[5] = {&sum, &square, &pattern, &gx, &gy};
  for (int n = 0; n < 5; ++n) sums[n] = all[n]->Total();
}

template <bool kDeep, bool kFlat>
void Marks(const kensa_params &p, const uint8_t *raw, const uint16_t *flat, const int16_t *planes, const int32_t *places, int32_t count,
             int32_t u, int32_t v, int64_t *sums) {
  const V16 across = hn::Set(D16(), static_cast<int16_t>(u)), down = hn::Set(D16(), static_cast<int16_t>(v));
  for (int32_t n = 0; n < count; ++n, places += 2, planes += 3 * kMark * kMark, sums += 5) {
    const ptrdiff_t x = places[0], y = places[1], kBytes = kDeep ? 2 : 1, next = n + 1 < count ? 2 : 0;
    const ptrdiff_t dx = places[next] - x, dy = places[next + 1] - y;
    Mark<kDeep, kFlat>(p, raw + y * p.raw_stride + x * kBytes, kFlat ? flat + y * p.flat_stride + x : nullptr, dy * p.raw_stride + dx * kBytes,
                       dy * p.flat_stride + dx, planes, across, down, sums);
  }
}

int32_t Measure(const kensa_params *params, const uint8_t *raw, const uint16_t *flat, const int16_t *planes, const int32_t *places,
                int32_t count, int32_t u, int32_t v, int64_t *sums) {
  const bool deep = params->depth > 8, even = params->flat_stride != 0;
  const auto marks = even ? (deep ? Marks<true, true> : Marks<false, true>) : (deep ? Marks<true, false> : Marks<false, false>);
  marks(*params, raw, flat, planes, places, count, u, v, sums);
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
                      int64_t raw_size, const uint16_t *flat, const uint8_t *limits, const float *mean,
                      const float *sigma, const int16_t *across, const int16_t *down, int16_t *above, uint8_t *line,
                      kensa_run *pool, int32_t room) {
  using namespace kensa;
  return HWY_DYNAMIC_DISPATCH(Compare)(params, dies, count, raw, raw_size, flat, limits, mean, sigma, across, down, above, line, pool, room);
}

int32_t kensa_measure(const kensa_params *params, const uint8_t *raw, const uint16_t *flat, const int16_t *planes,
                      const int32_t *places, int32_t count, int32_t u, int32_t v, int64_t *sums) {
  using namespace kensa;
  return HWY_DYNAMIC_DISPATCH(Measure)(params, raw, flat, planes, places, count, u, v, sums);
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
