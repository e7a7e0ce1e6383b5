// The sums of marks.go. Included once for every instruction set.
#if defined(KENSA_MARKS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef KENSA_MARKS_INL_H
#undef KENSA_MARKS_INL_H
#else
#define KENSA_MARKS_INL_H
#endif

#include "hwy/cache_control.h"
#include "pixels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kensa {
namespace HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR

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

// Fetches a mark's pixels.
HWY_INLINE void FetchMark(const kensa_params &p, const uint8_t *raw, int32_t bytes) {
  for (int32_t y = 0; y <= kMark; ++y, raw += p.raw_stride) {
    for (int32_t n = 0; n < bytes; n += 64) hwy::Prefetch(raw + n);
    hwy::Prefetch(raw + bytes - 1);
  }
}

template <bool kDeep>
HWY_INLINE void Mark(const kensa_params &p, const uint8_t *HWY_RESTRICT raw, const int16_t *HWY_RESTRICT planes, V16 u, V16 v, int64_t *sums) {
  constexpr int32_t kBytes = kDeep ? 2 : 1;
  const D16 d;
  const int32_t lanes = static_cast<int32_t>(hn::Lanes(d));
  const Flat<false> flat(p);
  const int lift = 16 - p.depth;
  const V16 one = hn::Set(d, int16_t{1}), half = hn::Set(d, int16_t{4}), white = hn::Set(d, int16_t{2047});
  Products sum, square, pattern, gx, gy;
  for (int32_t x = 0; x < kMark; x += lanes) {
    const auto across = [&](int32_t y) HWY_ATTR {
      const uint8_t *row = raw + static_cast<ptrdiff_t>(y) * p.raw_stride + x * kBytes;
      return Lerp(flat(LoadRaw<kDeep>(row, lift), nullptr), flat(LoadRaw<kDeep>(row + kBytes, lift), nullptr), u);
    };
    V16 above = across(0);
    for (int32_t y = 0; y < kMark; ++y) {
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

template <bool kDeep>
void Marks(const kensa_params &p, const uint8_t *raw, const int16_t *planes, const int32_t *places, int32_t count, int32_t u, int32_t v,
           int32_t fetch, int64_t ahead, int64_t *sums) {
  constexpr int32_t kBytes = kDeep ? 2 : 1;
  const V16 across = hn::Set(D16(), static_cast<int16_t>(u)), down = hn::Set(D16(), static_cast<int16_t>(v));
  const auto at = [&](int32_t n) {
    return raw + static_cast<ptrdiff_t>(places[2 * n + 1]) * p.raw_stride + static_cast<ptrdiff_t>(places[2 * n]) * kBytes;
  };
  for (int32_t n = 0; n < count; ++n) {
    if (fetch != 0 && n + 1 < count) FetchMark(p, at(n + 1), (kMark + 1) * kBytes);
    if (fetch != 0 && ahead != 0) FetchMark(p, at(n) + ahead, (kMark + 1) * kBytes);
    Mark<kDeep>(p, at(n), planes + 3 * kMark * kMark * n, across, down, sums + 5 * n);
  }
}

#endif
}  // namespace HWY_NAMESPACE
}  // namespace kensa
HWY_AFTER_NAMESPACE();

#endif
