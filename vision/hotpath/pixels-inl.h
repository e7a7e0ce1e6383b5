// The exact arithmetic of pixels, vector by vector: twin.go, shifted and
// corrected. Included once for every instruction set.
//
// Vectors are locals, arguments and results, never members: of SVE's the compiler
// does not know the length. What is broadcast is kept as a number for that reason;
// where it is the same all through a loop, the compiler makes it a vector once.
#if defined(KENSA_PIXELS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef KENSA_PIXELS_INL_H
#undef KENSA_PIXELS_INL_H
#else
#define KENSA_PIXELS_INL_H
#endif

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernel.h"

HWY_BEFORE_NAMESPACE();
namespace kensa {
namespace HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR

namespace hn = hwy::HWY_NAMESPACE;

// At most 64 bytes, so that a block's pixels outside fit in 64 bits and a
// block's limits lie together.
using D8 = hn::CappedTag<uint8_t, 64>;
using D16 = hn::Repartition<int16_t, D8>;
using DU16 = hn::Repartition<uint16_t, D8>;
using V16 = hn::Vec<D16>;
using VU16 = hn::Vec<DU16>;

#undef KENSA_SVE2
#define KENSA_SVE2 (HWY_TARGET == HWY_SVE2 || HWY_TARGET == HWY_SVE2_128)
#undef KENSA_NEON
#define KENSA_NEON (HWY_TARGET == HWY_NEON)

constexpr int32_t kBlock = 64;          // pixels whose limits lie together
constexpr int32_t kMaxSide = 1 << 14;  // of a die

// What all dies of a frame share.
struct Frame {
  const kensa_params &p;
  const uint8_t *HWY_RESTRICT raw;
  int64_t raw_size;
  const uint16_t *HWY_RESTRICT flat;
  const kensa_cell *HWY_RESTRICT cells;
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
  kensa_die *band;  // the first die of the present one

  // Scratch of a die: h of the row above, the rows whose h that is, by block, and
  // what the sieve keeps.
  HWY_INLINE int16_t *Scratch(const kensa_die &die) const { return above + (&die - band) * 4 * static_cast<ptrdiff_t>(p.table_stride); }
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

// Raw pixels as Q6, uncorrected.
template <bool kDeep> HWY_INLINE V16 LoadGrey(const uint8_t *raw, int lift) {
  if constexpr (kDeep) {  // Q7 is at most 32767, so that 1 more stays a good unsigned number
    return hn::BitCast(D16(), hn::ShiftRight<1>(hn::Add(hn::BitCast(DU16(), LoadRaw<kDeep>(raw, lift)), hn::Set(DU16(), uint16_t{1}))));
  } else {
    const hn::Rebind<uint8_t, D16> half;
    return hn::ShiftLeft<6>(hn::PromoteTo(D16(), hn::LoadU(half, raw)));
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

// The correction of pixels from Q7 to Q6.
template <bool kFlat> struct Flat {
  explicit Flat(const kensa_params &p)
      : mask(static_cast<uint16_t>(p.dark_mask)), step(static_cast<uint16_t>(p.dark_step)), base(static_cast<uint16_t>(p.dark_base)) {}

  HWY_INLINE V16 operator()(V16 a, const uint16_t *words) const {
    if constexpr (!kFlat) {  // a is at most 32767, so that a+1 stays a good unsigned number
      return hn::BitCast(D16(), hn::ShiftRight<1>(hn::Add(hn::BitCast(DU16(), a), hn::Set(DU16(), uint16_t{1}))));
    }
    const VU16 w = hn::LoadU(DU16(), words);
    const VU16 dark = hn::Add(hn::Mul(hn::And(w, hn::Set(DU16(), mask)), hn::Set(DU16(), step)), hn::Set(DU16(), base));
    return hn::MulFixedPoint15(hn::Sub(a, hn::BitCast(D16(), dark)), hn::BitCast(D16(), w));
  }

  uint16_t mask, step, base;
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
#elif KENSA_SVE2
  // The lanes of now but its first, then those of next.
  const D16 d;
  return svsplice_s16(hn::AndNot(hn::FirstN(d, 1), hn::FirstN(d, hn::Lanes(d))), now, next);
#else
  return hn::CombineShiftRightBytes<2>(D16(), next, now);
#endif
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

#endif
}  // namespace HWY_NAMESPACE
}  // namespace kensa
HWY_AFTER_NAMESPACE();

#endif
