// The sieve: rows of 64 pixels that surely lie within their limits pass it, at
// a third of the exact arithmetic's cost and without reading the flat field;
// sieve.go has the proof. Included once for every instruction set.
#if defined(KENSA_SIEVE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef KENSA_SIEVE_INL_H
#undef KENSA_SIEVE_INL_H
#else
#define KENSA_SIEVE_INL_H
#endif

#include "hwy/cache_control.h"
#include "pixels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kensa {
namespace HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR

constexpr int32_t kTile = 32;      // rows of a tile; it is a block wide
constexpr int32_t kStep = 4;       // rows that are sieved together
constexpr int32_t kAhead = 8;      // rows that are fetched ahead
constexpr int32_t kCellWidth = 64, kCellHeight = 32;
constexpr int32_t kWeights = 127;  // sum of the two weights across

// What a tile's pixels are multiplied by.
struct Scales {
  int16_t above, below;  // 2²¹/127 of the gain times the row's weight
  int16_t light;         // of the tile's middle row, Q13
  int16_t offset;        // Q6, with the half that rounds
};

// The ranges of the flat field over all pixels that a tile reads.
template <bool kFlat> HWY_INLINE kensa_cell Look(const Frame &frame, const kensa_die &die, int32_t x, int32_t y, int32_t rows) {
  if constexpr (!kFlat) return {1.0f, 1.0f, 0.0f, 0.0f};
  const int32_t left = (die.x + x) / kCellWidth, right = (die.x + HWY_MIN(x + kBlock, die.columns - 1)) / kCellWidth;
  const int32_t top = (die.y + y) / kCellHeight, bottom = (die.y + HWY_MIN(y + rows, die.rows - 1)) / kCellHeight;
  const kensa_cell *row = frame.cells + static_cast<ptrdiff_t>(top) * frame.p.cell_stride;
  kensa_cell all = row[left];
  for (int32_t r = top; r <= bottom; ++r, row += frame.p.cell_stride) {
    for (int32_t c = left; c <= right; ++c) {
      all.gain_low = HWY_MIN(all.gain_low, row[c].gain_low), all.gain_high = HWY_MAX(all.gain_high, row[c].gain_high);
      all.black_low = HWY_MIN(all.black_low, row[c].black_low), all.black_high = HWY_MAX(all.black_high, row[c].black_high);
    }
  }
  return all;
}

// Works a tile's scales out. False: the sieve could be off by more than the
// margins of its limits. The names are those of sieve.go.
template <bool kDeep, bool kFlat>
HWY_INLINE bool Certify(const Frame &frame, const kensa_die &die, int32_t x, int32_t y, int32_t rows, Scales *scales) {
  const kensa_cell cell = Look<kFlat>(frame, die, x, y, rows);
  const int16_t *across = frame.across + static_cast<ptrdiff_t>(die.index) * 2 * frame.p.table_stride;
  const int16_t *down = frame.down + static_cast<ptrdiff_t>(die.index) * frame.p.height + y;
  constexpr float kQ13 = 1.0f / 8192;
  const float left = kQ13 * across[x], right = kQ13 * across[HWY_MIN(x + kBlock, frame.p.width) - 1];
  const float top = kQ13 * down[0], bottom = kQ13 * down[rows - 1], middle = kQ13 * down[rows / 2];
  const float least = HWY_MIN(left, right) + HWY_MIN(top, bottom), most = HWY_MAX(left, right) + HWY_MAX(top, bottom);
  const float gain = 0.5f * (cell.gain_low + cell.gain_high), spread = (cell.gain_high - gain) / gain;
  const float drift = HWY_MAX(HWY_MAX(top, bottom) - middle, middle - HWY_MIN(top, bottom)) / least;
  const float relative = spread + drift + spread * drift;
  const float dark = cell.black_low * least, light = cell.black_high * most, cut = kDeep ? gain * most : 0.0f;
  const float slip = die.slip * (255.0f / 32768) * gain * most;
  const float absolute = slip + 0.5f * (light - dark) + 0.5f * cut + 0.5f * (kDeep ? gain * (most - least) : 0.0f) + 0.25f;
  const float offset = (die.offset - 8) / 16.0f - 0.5f * (dark + light) + 0.5f * cut, size = offset < 0 ? -offset : offset;
  const float v = die.v / 32768.0f, scale = gain * (2097152.0f / kWeights);
  scales->above = static_cast<int16_t>(scale * (1.0f - v) + 0.5f);
  scales->below = static_cast<int16_t>(scale * v + 0.5f);
  scales->light = down[rows / 2];
  scales->offset = static_cast<int16_t>(64.0f * offset + 32.0f);
  const kensa_margin &margin = frame.p.margins[kFlat];
  return relative <= margin.relative && absolute + relative * (size + 6.0f) <= margin.absolute && least > 0.05f &&
         cell.gain_high * most < 1.9f && most < 1.9f && cell.gain_high < 1.55f;
}

// The upper 8 bits of pixels.
template <bool kDeep> HWY_INLINE hn::Vec<D8> LoadTop(const uint8_t *raw, int lift) {
  if constexpr (!kDeep) return hn::LoadU(D8(), raw);
  const size_t bytes = hn::Lanes(D8());
  const auto top = [&](const uint8_t *at) HWY_ATTR {
    return hn::BitCast(D16(), hn::ShiftRight<8>(hn::ShiftLeftSame(hn::BitCast(DU16(), hn::LoadU(D8(), at)), lift)));
  };
  const V16 low = top(raw);
  return Narrow(low, top(raw + bytes));
}

// Each even byte times the weights' lower byte and its neighbour times the upper.
HWY_INLINE V16 Pairs(hn::Vec<D8> pixels, V16 weights) {
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  return V16{_mm512_maddubs_epi16(pixels.raw, weights.raw)};
#elif HWY_TARGET == HWY_AVX2
  return V16{_mm256_maddubs_epi16(pixels.raw, weights.raw)};
#elif HWY_TARGET <= HWY_SSSE3 && HWY_ARCH_X86
  return V16{_mm_maddubs_epi16(pixels.raw, weights.raw)};
#else
  const VU16 both = hn::BitCast(DU16(), pixels), w = hn::BitCast(DU16(), weights), byte = hn::Set(DU16(), uint16_t{255});
  return hn::BitCast(D16(), hn::Add(hn::Mul(hn::And(both, byte), hn::And(w, byte)), hn::Mul(hn::ShiftRight<8>(both), hn::ShiftRight<8>(w))));
#endif
}

// Two vectors of int16 as one of uint8, saturated, in groups of 8 of each.
HWY_INLINE hn::Vec<D8> Pack(V16 even, V16 odd) {
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  return hn::Vec<D8>{_mm512_packus_epi16(even.raw, odd.raw)};
#elif HWY_TARGET == HWY_AVX2
  return hn::Vec<D8>{_mm256_packus_epi16(even.raw, odd.raw)};
#else
  return Narrow(even, odd);
#endif
}

// A bit for each byte beyond its limits.
HWY_INLINE uint64_t Beyond(hn::Vec<D8> m, hn::Vec<D8> lo, hn::Vec<D8> hi) {
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  return _mm512_cmplt_epu8_mask(m.raw, lo.raw) | _mm512_cmpgt_epu8_mask(m.raw, hi.raw);
#else
  const D8 d;
  const auto inside = hn::Eq(hn::Or(hn::SaturatedSub(lo, m), hn::SaturatedSub(m, hi)), hn::Zero(d));
  if (HWY_LIKELY(hn::AllTrue(d, inside))) return 0;
  uint64_t bits = 0;
  hn::StoreMaskBits(d, hn::Not(inside), reinterpret_cast<uint8_t *>(&bits));
  return bits;
#endif
}

// Fetches what Collect reads of the pixels beyond their limits, by groups of 16.
HWY_NOINLINE void FetchGolden(const Frame &frame, int32_t x, int32_t y, uint64_t beyond) {
  const ptrdiff_t n = static_cast<ptrdiff_t>(y) * frame.p.width + x;
  for (int32_t group = 0; beyond != 0; beyond >>= 16, group += 16) {
    if ((beyond & 0xFFFF) == 0) continue;
    hwy::Prefetch(frame.mean + n + group), hwy::Prefetch(frame.mean + n + group + 15);
    hwy::Prefetch(frame.sigma + n + group), hwy::Prefetch(frame.sigma + n + group + 15);
  }
}

// What the sieve keeps of a block from row to row: vectors of its even and odd
// pixels, 32 each, and at the end the offset, or none without a proof.
struct Kept {
  alignas(64) int16_t even_above[kBlock / 2], odd_above[kBlock / 2];  // what h of the upper row is multiplied by
  int16_t even_below[kBlock / 2], odd_below[kBlock / 2];
  int16_t even[kBlock / 2], odd[kBlock / 2];  // h of the next row's upper row
  int16_t offset, proven;
  int16_t unused[62];
};
static_assert(sizeof(Kept) == 4 * kBlock * sizeof(int16_t), "job.go has room for so much");

template <bool kDeep, bool kFlat> HWY_INLINE ptrdiff_t Place(const Frame &frame, const kensa_die &die, int32_t x, int32_t y) {
  return static_cast<ptrdiff_t>(die.y + y) * frame.p.raw_stride + static_cast<ptrdiff_t>(die.x + x) * (kDeep ? 2 : 1);
}

// Whether vectors at a place, which reach a pixel beyond the block, stay in the
// frame's memory.
template <bool kDeep> HWY_INLINE bool Within(const Frame &frame, ptrdiff_t place) {
  return place + (kBlock + 1) * (kDeep ? 2 : 1) <= frame.raw_size;
}

HWY_INLINE V16 Weights(const kensa_die &die) {
  return hn::Set(D16(), static_cast<int16_t>(die.right << 8 | (kWeights - die.right)));
}

// Prepares a tile: its proof, and h of its first row.
template <bool kDeep, bool kFlat>
HWY_NOINLINE void Prepare(const Frame &frame, const kensa_die &die, int32_t x, int32_t y, Kept *kept) {
  const D16 d;
  const ptrdiff_t place = Place<kDeep, kFlat>(frame, die, x, y);
  Scales scales;
  kept->proven = Within<kDeep>(frame, place) && Certify<kDeep, kFlat>(frame, die, x, y, HWY_MIN(kTile, frame.p.height - y), &scales);
  if (!kept->proven) return;
  kept->offset = scales.offset;
  const int16_t *HWY_RESTRICT across = frame.across + (static_cast<ptrdiff_t>(die.index) * 2 + 1) * frame.p.table_stride + x;
  const V16 middle = hn::Set(d, scales.light), weights = Weights(die);
  const auto scale = [&](int32_t n, int16_t by, int16_t *to) HWY_ATTR {
    const V16 light = hn::Add(hn::Load(d, across + n), middle);
    const V16 half = hn::MulFixedPoint15(hn::Add(light, light), hn::Set(d, by));
    hn::Store(hn::Add(half, half), d, to);
  };
  const uint8_t *HWY_RESTRICT raw = frame.raw + place;
  const int lift = 16 - frame.p.depth;
  for (int32_t n = 0; n < kBlock / 2; n += static_cast<int32_t>(hn::Lanes(d))) {
    scale(n, scales.above, kept->even_above + n);
    scale(n, scales.below, kept->even_below + n);
    scale(n + kBlock / 2, scales.above, kept->odd_above + n);
    scale(n + kBlock / 2, scales.below, kept->odd_below + n);
    const uint8_t *at = raw + 2 * n * (kDeep ? 2 : 1);
    hn::Store(Pairs(LoadTop<kDeep>(at, lift), weights), d, kept->even + n);
    hn::Store(Pairs(LoadTop<kDeep>(at + (kDeep ? 2 : 1), lift), weights), d, kept->odd + n);
  }
}

// Fetches into the second level of cache only: the rows of a frame are often 4096
// bytes apart, and of those the first level keeps no more than it has ways.
HWY_INLINE void FetchRow(const uint8_t *at) {
#if HWY_COMPILER_GCC || HWY_COMPILER_CLANG
  __builtin_prefetch(at, /*write=*/0, /*locality=*/2);
#else
  hwy::Prefetch(at);
#endif
}

// Sieves kRows rows of a block. The result has a bit for each row that does not
// surely lie within its limits.
template <bool kDeep, bool kFlat, int kRows>
HWY_INLINE uint32_t Sieve(const Frame &frame, const kensa_die &die, int32_t x, int32_t y, Kept *HWY_RESTRICT kept) {
  constexpr int32_t kBytes = kDeep ? 2 : 1;
  constexpr uint32_t kAll = (1u << kRows) - 1;
  const D16 d;
  const D8 d8;
  const int32_t lanes = static_cast<int32_t>(hn::Lanes(d));
  const ptrdiff_t stride = frame.p.raw_stride, place = Place<kDeep, kFlat>(frame, die, x, y);
  if (HWY_UNLIKELY(!kept->proven || !Within<kDeep>(frame, place + kRows * stride))) return kAll;
  const uint8_t *HWY_RESTRICT limits =
      frame.limits + (static_cast<ptrdiff_t>(1 + kFlat) * frame.p.height + y) * frame.p.limit_stride + 2 * x;
  const V16 weights = Weights(die), offset = hn::Set(d, kept->offset);
  const int lift = 16 - frame.p.depth;
  uint32_t beyond = 0;
  for (int32_t n = 0; n < kBlock / 2; n += lanes) {
    const V16 even_above = hn::Load(d, kept->even_above + n), even_below = hn::Load(d, kept->even_below + n);
    const V16 odd_above = hn::Load(d, kept->odd_above + n), odd_below = hn::Load(d, kept->odd_below + n);
    V16 even = hn::Load(d, kept->even + n), odd = hn::Load(d, kept->odd + n);
    const uint8_t *HWY_RESTRICT row = frame.raw + place + 2 * n * kBytes;
    for (int r = 0; r < kRows; ++r) {
      row += stride;
      FetchRow(row + kAhead * stride);
      if constexpr (kDeep) FetchRow(row + kAhead * stride + 64);
      const V16 next_even = Pairs(LoadTop<kDeep>(row, lift), weights), next_odd = Pairs(LoadTop<kDeep>(row + kBytes, lift), weights);
      const V16 e = hn::Add(hn::MulFixedPoint15(even, even_above), hn::MulFixedPoint15(next_even, even_below));
      const V16 o = hn::Add(hn::MulFixedPoint15(odd, odd_above), hn::MulFixedPoint15(next_odd, odd_below));
      const auto m = Pack(hn::ShiftRight<6>(hn::SaturatedAdd(e, offset)), hn::ShiftRight<6>(hn::SaturatedAdd(o, offset)));
      even = next_even, odd = next_odd;
      const uint8_t *lo = limits + r * frame.p.limit_stride + 2 * n;
      const uint64_t late = Beyond(m, hn::Load(d8, lo), hn::Load(d8, lo + kBlock));
      if (HWY_UNLIKELY(late != 0)) {
        beyond |= 1u << r;
        FetchGolden(frame, x + 2 * n, y + r, late);
      }
    }
    hn::Store(even, d, kept->even + n);
    hn::Store(odd, d, kept->odd + n);
  }
  return beyond;
}

#endif
}  // namespace HWY_NAMESPACE
}  // namespace kensa
HWY_AFTER_NAMESPACE();

#endif
