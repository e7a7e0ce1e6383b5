// The comparison that twin.go defines, 64 pixels at a time, and the runs that
// come of it. Included once for every instruction set.
#if defined(KENSA_EXACT_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef KENSA_EXACT_INL_H
#undef KENSA_EXACT_INL_H
#else
#define KENSA_EXACT_INL_H
#endif

#include <string.h>

#include "pixels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kensa {
namespace HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR

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

// h of 64 pixels of a die's row from x on.
template <bool kDeep, bool kFlat>
HWY_INLINE void Shifted(const Frame &frame, const kensa_die &die, int32_t x, int32_t y, int16_t *HWY_RESTRICT h) {
  constexpr int32_t kBytes = kDeep ? 2 : 1;
  const D16 d;
  const int32_t lanes = static_cast<int32_t>(hn::Lanes(d));
  const Flat<kFlat> flat(frame.p);
  const V16 u = hn::Set(d, static_cast<int16_t>(die.u));
  const int lift = 16 - frame.p.depth;
  const ptrdiff_t row = die.y + HWY_MIN(y, die.rows - 1), from = row * frame.p.raw_stride + static_cast<ptrdiff_t>(die.x + x) * kBytes;
  const uint8_t *raw = frame.raw + from;
  const uint16_t *words = kFlat ? frame.flat + row * frame.p.flat_stride + die.x + x : nullptr;
  // Vectors reach beyond the die, which must not be beyond the frame's memory.
  if (HWY_UNLIKELY(from + 2 * kBlock * kBytes > frame.raw_size)) {
    memcpy(frame.line, raw, static_cast<size_t>(HWY_MIN(die.columns - x, 2 * kBlock) * kBytes));
    raw = frame.line;
  }
  const auto load = [&](int32_t n) HWY_ATTR { return flat(LoadRaw<kDeep>(raw + n * kBytes, lift), kFlat ? words + n : nullptr); };
  V16 now = load(0);
  for (int32_t n = 0; n < kBlock; n += lanes) {
    const V16 next = load(n + lanes);
    hn::Store(Lerp(now, Right(now, next), u), d, h + n);
    now = next;
  }
}

// Compares 64 pixels of row y of a die from x on. False: the pool is full.
template <bool kDeep, bool kFlat> HWY_NOINLINE bool CompareBlock(Frame &frame, kensa_die &die, int32_t x, int32_t y) {
  const D8 d8;
  const D16 d;
  const int32_t lanes = static_cast<int32_t>(hn::Lanes(d));
  const V16 v = hn::Set(d, static_cast<int16_t>(die.v)), offset = hn::Set(d, static_cast<int16_t>(die.offset));
  const V16 down = hn::Set(d, frame.down[static_cast<ptrdiff_t>(die.index) * frame.p.height + y]);
  const uint8_t *HWY_RESTRICT limits = frame.limits + static_cast<ptrdiff_t>(y) * frame.p.limit_stride + 2 * x;
  const ptrdiff_t table = static_cast<ptrdiff_t>(die.index) * frame.p.table_stride;
  const int16_t *HWY_RESTRICT across = frame.across + table + x;
  int16_t *above = frame.Scratch(die) + x, *held = frame.Scratch(die) + frame.p.table_stride + x / kBlock;
  alignas(64) int16_t below[kBlock];
  alignas(64) uint8_t grey[kBlock];
  if (*held != y) Shifted<kDeep, kFlat>(frame, die, x, y, above);
  Shifted<kDeep, kFlat>(frame, die, x, y + 1, below);
  *held = static_cast<int16_t>(y + 1);
  uint64_t outside = 0;
  const auto matched = [&](int32_t n) HWY_ATTR {
    const V16 h = hn::Load(d, below + n);
    const V16 g = Lerp(hn::Load(d, above + n), h, v);
    hn::Store(h, d, above + n);
    const V16 light = hn::Add(hn::Load(d, across + n), down);
    return hn::ShiftRight<4>(hn::SaturatedAdd(hn::MulFixedPoint15(g, light), offset));
  };
  for (int32_t n = 0; n < kBlock; n += 2 * lanes) {
    const V16 low = matched(n);
    const auto m = Narrow(low, matched(n + lanes));
    const auto clipped = hn::Max(hn::Min(m, hn::Load(d8, limits + kBlock + n)), hn::Load(d8, limits + n));
    uint64_t word = 0;
    hn::StoreMaskBits(d8, hn::Ne(m, clipped), reinterpret_cast<uint8_t *>(&word));
    hn::Store(m, d8, grey + n);
    outside |= word << n;
  }
  return outside == 0 || Collect(frame, die, x, y, outside, grey, limits);
}

#endif
}  // namespace HWY_NAMESPACE
}  // namespace kensa
HWY_AFTER_NAMESPACE();

#endif
