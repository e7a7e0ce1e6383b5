// The sums of marks.go. Included once for every instruction set.
#if defined(KENSA_MARKS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef KENSA_MARKS_INL_H
#undef KENSA_MARKS_INL_H
#else
#define KENSA_MARKS_INL_H
#endif

#include <numeric>

#include "pixels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kensa {
namespace HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR

using D32 = hn::Repartition<int32_t, D16>;
using DU32 = hn::Repartition<uint32_t, D16>;
using V32 = hn::Vec<D32>;

constexpr int32_t kMark = 32;  // pixels a side

// Adds products of int16 to two vectors of sums: of 11 bits and sign each, 1024 of
// them on 4 lanes or more stay below 2³¹.
HWY_INLINE void AddProducts(V16 a, V16 b, V32 &low, V32 &high) { low = hn::ReorderWidenMulAccumulate(D32(), a, b, low, high); }

HWY_INLINE int64_t Total(V32 low, V32 high) {
  alignas(64) int32_t lanes[16];
  hn::Store(hn::Add(low, high), D32(), lanes);
  return std::accumulate(lanes, lanes + hn::Lanes(D32()), int64_t{0});
}

// Neighbours of unsigned 16 bits, added.
HWY_INLINE V32 SumPairs(VU16 a) {
  const auto pairs = hn::BitCast(DU32(), a);
  return hn::BitCast(D32(), hn::Add(hn::And(pairs, hn::Set(DU32(), 0xFFFF)), hn::ShiftRight<16>(pairs)));
}

// Sums over a mark. The rows of another one, which is measured later, are fetched
// into the second level of cache on the way: one by one, because the processor
// waits for few lines at a time, and not into the first, where rows that are 4096
// bytes apart would push each other out.
template <bool kDeep>
HWY_INLINE void Mark(const kensa_params &p, const uint8_t *HWY_RESTRICT raw, const int16_t *HWY_RESTRICT planes, V16 u, V16 v, const uint8_t *later,
                     int64_t *sums) {
  constexpr int32_t kBytes = kDeep ? 2 : 1;
  const D16 d;
  const int32_t lanes = static_cast<int32_t>(hn::Lanes(d));
  const int lift = 16 - p.depth;
  const V16 half = hn::Set(d, int16_t{4}), white = hn::Set(d, int16_t{2047});
  const V32 zero = hn::Zero(D32());
  V32 sum = zero, square = zero, square2 = zero, pattern = zero, pattern2 = zero, gx = zero, gx2 = zero, gy = zero, gy2 = zero;
  for (int32_t x = 0; x < kMark; x += lanes) {
    const auto across = [&](const uint8_t *row) HWY_ATTR {
      return Lerp(LoadGrey<kDeep>(row, lift), LoadGrey<kDeep>(row + kBytes, lift), u);
    };
    const uint8_t *row = raw + x * kBytes;
    V16 above = across(row);
    VU16 column = hn::Zero(DU16());  // 32 values of 11 bits are 16 bits
    for (int32_t y = 0; y < kMark; ++y) {
      row += p.raw_stride;
      if (x == 0) {
        for (int32_t n = 0; n <= kMark * kBytes; n += 32) FetchRow(later + n);
        later += p.raw_stride;
      }
      const V16 below = across(row);
      const V16 g = hn::Min(hn::ShiftRight<3>(hn::SaturatedAdd(Lerp(above, below, v), half)), white);
      above = below;
      const int16_t *plane = planes + y * kMark + x;
      column = hn::Add(column, hn::BitCast(DU16(), g));
      AddProducts(g, g, square, square2);
      AddProducts(g, hn::LoadU(d, plane), pattern, pattern2);
      AddProducts(g, hn::LoadU(d, plane + kMark * kMark), gx, gx2);
      AddProducts(g, hn::LoadU(d, plane + 2 * kMark * kMark), gy, gy2);
    }
    sum = hn::Add(sum, SumPairs(column));
  }
  sums[0] = Total(sum, zero), sums[1] = Total(square, square2);
  sums[2] = Total(pattern, pattern2), sums[3] = Total(gx, gx2), sums[4] = Total(gy, gy2);
}

template <bool kDeep>
void Marks(const kensa_params &p, const uint8_t *raw, const int16_t *planes, const int32_t *places, int32_t count, int32_t u, int32_t v,
           int64_t ahead, int64_t *sums) {
  constexpr int32_t kBytes = kDeep ? 2 : 1;
  const V16 across = hn::Set(D16(), static_cast<int16_t>(u)), down = hn::Set(D16(), static_cast<int16_t>(v));
  const auto at = [&](int32_t n) {
    return raw + static_cast<ptrdiff_t>(places[2 * n + 1]) * p.raw_stride + static_cast<ptrdiff_t>(places[2 * n]) * kBytes;
  };
  for (int32_t n = 0; n < count; ++n) {
    const uint8_t *later = ahead != 0 ? at(n) + ahead : at(HWY_MIN(n + 1, count - 1));
    Mark<kDeep>(p, at(n), planes + 3 * kMark * kMark * n, across, down, later, sums + 5 * n);
  }
}

#endif
}  // namespace HWY_NAMESPACE
}  // namespace kensa
HWY_AFTER_NAMESPACE();

#endif
