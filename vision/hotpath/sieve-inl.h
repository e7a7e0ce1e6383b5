// The sieve: rows of 64 pixels that surely lie within their limits pass it, at
// a third of the exact arithmetic's cost and without reading the flat field;
// sieve.go has the proof. Included once for every instruction set.
#if defined(KENSA_SIEVE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef KENSA_SIEVE_INL_H
#undef KENSA_SIEVE_INL_H
#else
#define KENSA_SIEVE_INL_H
#endif

#include "halves-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kensa {
namespace HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR

constexpr int32_t kTile = 32;      // rows of a tile; it is a block wide
constexpr int32_t kStep = 4;       // rows that are sieved together
constexpr int32_t kAhead = 8;      // rows that are fetched ahead
constexpr int32_t kCellWidth = 64, kCellHeight = 32;

// What the sieve keeps of a block from row to row. It is small, because the rows
// go over all dies of a band, whose blocks then stay in the first level of cache.
struct Kept {
  alignas(64) int16_t one[kBlock / 2], other[kBlock / 2];  // h of the next row's upper row, see Across
  int16_t above, below;  // what h of the upper and the lower row is multiplied by: 2²¹/127 of gain, light and weight
  int16_t offset;        // Q6, with the half that rounds
  int16_t proven;        // 0: the sieve is of no use here
};
static_assert(sizeof(Kept) <= 2 * kBlock * sizeof(int16_t), "job.go has room for so much");

// The ranges of the flat field over all pixels that a tile reads.
template <bool kFlat> HWY_INLINE kensa_cell Look(const Frame &frame, const kensa_die &die, int32_t x, int32_t y, int32_t rows) {
  if constexpr (!kFlat) return {1.0f, 1.0f, 0.0f, 0.0f};
  const hn::FixedTag<float, 4> d;
  const int32_t left = (die.x + x) / kCellWidth, right = (die.x + HWY_MIN(x + kBlock, die.columns - 1)) / kCellWidth;
  const int32_t top = (die.y + y) / kCellHeight, bottom = (die.y + HWY_MIN(y + rows, die.rows - 1)) / kCellHeight;
  const kensa_cell *row = frame.cells + static_cast<ptrdiff_t>(top) * frame.p.cell_stride;
  auto least = hn::LoadU(d, &row[left].gain_low), most = least;
  for (int32_t r = top; r <= bottom; ++r, row += frame.p.cell_stride) {
    for (int32_t c = left; c <= right; ++c) {
      const auto cell = hn::LoadU(d, &row[c].gain_low);
      least = hn::Min(least, cell), most = hn::Max(most, cell);
    }
  }
  alignas(16) float low[4], high[4];
  hn::Store(least, d, low), hn::Store(most, d, high);
  return {low[0], high[1], low[2], high[3]};
}

// Works out what a tile's h is multiplied by. False: the sieve could be off by more
// than the margins of its limits. The names are those of sieve.go.
template <bool kDeep, bool kFlat>
HWY_INLINE bool Certify(const Frame &frame, const kensa_die &die, int32_t x, int32_t y, int32_t rows, Kept *kept) {
  const kensa_cell cell = Look<kFlat>(frame, die, x, y, rows);
  const int16_t *across = frame.across + static_cast<ptrdiff_t>(die.index) * frame.p.table_stride;
  const int16_t *down = frame.down + static_cast<ptrdiff_t>(die.index) * frame.p.height + y;
  constexpr float kQ13 = 1.0f / 8192;
  const float left = kQ13 * across[x], right = kQ13 * across[HWY_MIN(x + kBlock, frame.p.width) - 1];
  const float top = kQ13 * down[0], bottom = kQ13 * down[rows - 1];
  const float least = HWY_MIN(left, right) + HWY_MIN(top, bottom), most = HWY_MAX(left, right) + HWY_MAX(top, bottom);
  const float gain = 0.5f * (cell.gain_low + cell.gain_high), spread = (cell.gain_high - gain) / gain;
  const float light = 0.5f * (least + most), drift = (most - light) / light;
  const float relative = spread + drift + spread * drift;
  const float dim = cell.black_low * least, bright = cell.black_high * most, cut = kDeep ? gain * most : 0.0f;
  const float slip = die.slip * (255.0f / 32768) * gain * most;
  const float absolute = slip + 0.5f * (bright - dim) + 0.5f * cut + 0.5f * (kDeep ? gain * (most - least) : 0.0f) + 0.25f;
  const float offset = (die.offset - 8) / 16.0f - 0.5f * (dim + bright) + 0.5f * cut, size = offset < 0 ? -offset : offset;
  const float v = die.v / 32768.0f, scale = gain * light * (2097152.0f / kWeights);
  const kensa_margin &margin = frame.p.margins[kFlat];
  const bool proven = relative <= margin.relative && absolute + relative * (size + 6.0f) <= margin.absolute && least > 0.05f &&
                      cell.gain_high * most < 1.9f && most < 1.9f && cell.gain_high < 1.55f &&
                      255 * cell.gain_high * most + size < 500;  // 16 bits hold the sums
  if (!proven) return false;
  kept->above = static_cast<int16_t>(scale * (1.0f - v) + 0.5f);
  kept->below = static_cast<int16_t>(scale * v + 0.5f);
  kept->offset = static_cast<int16_t>(64.0f * offset + 32.0f);
  return true;
}

template <bool kDeep> HWY_INLINE ptrdiff_t Place(const Frame &frame, const kensa_die &die, int32_t x, int32_t y) {
  return static_cast<ptrdiff_t>(die.y + y) * frame.p.raw_stride + static_cast<ptrdiff_t>(die.x + x) * (kDeep ? 2 : 1);
}

// Whether vectors at a place, which reach a pixel beyond the block, stay in the
// frame's memory.
template <bool kDeep> HWY_INLINE bool Within(const Frame &frame, ptrdiff_t place) {
  return place + (kBlock + 1) * (kDeep ? 2 : 1) <= frame.raw_size;
}

// Prepares the tiles of a die that start at row y: their proofs, and h of their
// first rows.
template <bool kDeep, bool kFlat> HWY_NOINLINE void Prepare(const Frame &frame, const kensa_die &die, int32_t y, Kept *kept) {
  constexpr int32_t kBytes = kDeep ? 2 : 1;
  const D16 d;
  const int lift = 16 - frame.p.depth;
  const Weights weights(die);
  const int32_t rows = HWY_MIN(kTile, frame.p.height - y);
  for (int32_t x = 0; x < frame.p.width; x += kBlock, ++kept) {
    const ptrdiff_t place = Place<kDeep>(frame, die, x, y);
    kept->proven = Within<kDeep>(frame, place) && Certify<kDeep, kFlat>(frame, die, x, y, rows, kept);
    if (!kept->proven) continue;
    for (int32_t n = 0; n < kBlock / 2; n += static_cast<int32_t>(hn::Lanes(d))) {
      const uint8_t *row = frame.raw + place + 2 * n * kBytes;
      hn::Store(Across<kDeep, kOne>(row, lift, weights), d, kept->one + n);
      hn::Store(Across<kDeep, kOther>(row, lift, weights), d, kept->other + n);
    }
  }
}

// Rows of a die, from a block on, as the sieve reads them.
struct Rows {
  const uint8_t *HWY_RESTRICT raw;
  ptrdiff_t stride;
  const uint8_t *HWY_RESTRICT limits;
  ptrdiff_t limit_stride;
  int lift;
};

// What makes grey levels of h.
struct Scales {
  explicit Scales(const Kept &kept) : above(kept.above), below(kept.below), offset(kept.offset) {}

  // Q6, of the h of two rows. 16 bits hold every sum, in whatever order.
  HWY_INLINE V16 Grey(V16 upper, V16 lower) const {
    const D16 d;
    return AddProduct(AddProduct(hn::Set(d, offset), upper, hn::Set(d, above)), lower, hn::Set(d, below));
  }

  int16_t above, below, offset;
};

// Whether kRows rows of a block lie within their limits. The rows kAhead further
// on are fetched.
template <bool kDeep, int kRows> HWY_INLINE bool Passes(const Rows &rows, Weights weights, Kept *HWY_RESTRICT kept) {
  constexpr int32_t kBytes = kDeep ? 2 : 1;
  const D16 d;
  const D8 d8;
  const Scales scales(*kept);
  auto beyond = hn::Zero(d8);
  for (int32_t n = 0; n < kBlock / 2; n += static_cast<int32_t>(hn::Lanes(d))) {
    V16 one = hn::Load(d, kept->one + n), other = hn::Load(d, kept->other + n);
    const uint8_t *HWY_RESTRICT row = rows.raw + 2 * n * kBytes;
    const uint8_t *HWY_RESTRICT limits = rows.limits + 2 * n;
    HWY_UNROLL(4)
    for (int r = 0; r < kRows; ++r) {
      row += rows.stride;
      FetchRow(row + kAhead * rows.stride);
      if constexpr (kDeep) FetchRow(row + kAhead * rows.stride + 64);
      const V16 next_one = Across<kDeep, kOne>(row, rows.lift, weights), next_other = Across<kDeep, kOther>(row, rows.lift, weights);
      const auto m = Pack(scales.Grey(one, next_one), scales.Grey(other, next_other));
      // Equal where m lies within, and only there, even if the limits leave nothing.
      beyond = hn::Or(beyond, hn::Xor(hn::Max(m, hn::Load(d8, limits)), hn::Min(m, hn::Load(d8, limits + kBlock))));
      one = next_one, other = next_other;
      limits += rows.limit_stride;
    }
    hn::Store(one, d, kept->one + n);
    hn::Store(other, d, kept->other + n);
  }
  return hn::AllTrue(d8, hn::Eq(beyond, hn::Zero(d8)));
}

// Loads what Collect will read of the pixels beyond their limits, in groups of 16,
// from x on: a mere prefetch is dropped where the sieve fetches much.
HWY_INLINE void LoadGolden(const Frame &frame, int32_t x, int32_t y, uint64_t beyond) {
  const ptrdiff_t n = static_cast<ptrdiff_t>(y) * frame.p.width + x;
  for (int32_t group = 0; beyond != 0; beyond >>= 16, group += 16) {
    if ((beyond & 0xFFFF) == 0) continue;
    static_cast<void>(static_cast<const volatile float *>(frame.mean)[n + group]);
    static_cast<void>(static_cast<const volatile float *>(frame.sigma)[n + group]);
  }
}

// Which of a block's rows do not surely lie within their limits, where Passes has
// said that some do not: a bit for each.
template <bool kDeep>
HWY_NOINLINE uint32_t Beyond(const Frame &frame, const Rows &rows, int32_t count, int32_t x, int32_t y, Weights weights, const Kept *kept) {
  constexpr int32_t kBytes = kDeep ? 2 : 1;
  const D16 d;
  const D8 d8;
  const Scales scales(*kept);
  uint32_t found = 0;
  for (int32_t r = 0; r < count; ++r) {
    for (int32_t n = 0; n < kBlock / 2; n += static_cast<int32_t>(hn::Lanes(d))) {
      const uint8_t *row = rows.raw + r * rows.stride + 2 * n * kBytes, *limits = rows.limits + r * rows.limit_stride + 2 * n;
      const uint8_t *next = row + rows.stride;
      const auto m = Pack(scales.Grey(Across<kDeep, kOne>(row, rows.lift, weights), Across<kDeep, kOne>(next, rows.lift, weights)),
                          scales.Grey(Across<kDeep, kOther>(row, rows.lift, weights), Across<kDeep, kOther>(next, rows.lift, weights)));
      uint64_t bits = 0;
      hn::StoreMaskBits(d8, hn::Ne(hn::Max(m, hn::Load(d8, limits)), hn::Min(m, hn::Load(d8, limits + kBlock))), reinterpret_cast<uint8_t *>(&bits));
      if (bits == 0) continue;
      found |= 1u << r;
      LoadGolden(frame, x + 2 * n, y + r, bits);
    }
  }
  return found;
}

// Sieves kRows rows of a block; a bit for each that does not surely lie within
// its limits.
template <bool kDeep, int kRows>
HWY_INLINE uint32_t Sieve(const Frame &frame, const Rows &rows, int32_t x, int32_t y, Weights weights, Kept *HWY_RESTRICT kept) {
  if (HWY_UNLIKELY(!kept->proven || !Within<kDeep>(frame, rows.raw + kRows * rows.stride - frame.raw))) return (1u << kRows) - 1;
  if (HWY_LIKELY((Passes<kDeep, kRows>(rows, weights, kept)))) return 0;
  return Beyond<kDeep>(frame, rows, kRows, x, y, weights, kept);
}

#endif
}  // namespace HWY_NAMESPACE
}  // namespace kensa
HWY_AFTER_NAMESPACE();

#endif
