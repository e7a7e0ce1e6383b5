// What the sieve computes of pixels, in each instruction set's own words. A vector
// of as many pixels as it has bytes becomes two of 16 bits: h of one half of the
// pixels and of the other, whichever it multiplies most cheaply. Included once for
// every instruction set.
#if defined(KENSA_HALVES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef KENSA_HALVES_INL_H
#undef KENSA_HALVES_INL_H
#else
#define KENSA_HALVES_INL_H
#endif

#include "pixels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kensa {
namespace HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR

using V8 = hn::Vec<D8>;

constexpr int32_t kWeights = 127;  // sum of the two weights across

// How much of a pixel's h is its own and its right neighbour's, of kWeights.
struct Weights {
  explicit Weights(const kensa_die &die) : left(static_cast<uint8_t>(kWeights - die.right)), right(static_cast<uint8_t>(die.right)) {}
  uint8_t left, right;
};

enum Half { kOne, kOther };

// The upper 8 bits of pixels.
template <bool kDeep> HWY_INLINE V8 LoadTop(const uint8_t *raw, int lift) {
  if constexpr (!kDeep) return hn::LoadU(D8(), raw);
  const auto lifted = [&](const uint8_t *at) HWY_ATTR { return hn::ShiftLeftSame(hn::BitCast(DU16(), hn::LoadU(D8(), at)), lift); };
  const VU16 low = lifted(raw), high = lifted(raw + hn::Lanes(D8()));
#if HWY_ARCH_ARM
  return hn::ConcatOdd(D8(), hn::BitCast(D8(), high), hn::BitCast(D8(), low));
#else
  return Narrow(hn::BitCast(D16(), hn::ShiftRight<8>(low)), hn::BitCast(D16(), hn::ShiftRight<8>(high)));
#endif
}

// Three functions follow, for each family:
//
//	Multiply<kHalf>(pixels, next, weights): h of a half of the pixels; next are
//	    their right neighbours
//	Pack(one, other): of Q6 of both halves the grey levels, saturated, in the order
//	    of the sieve's limits (sieve.go)
//	AddProduct(sum, a, b): sum + a·b/2¹⁵, rounded; nothing overflows
#if KENSA_SVE2

// Halves are the pixels in even places and those in odd ones.
template <Half kHalf> HWY_INLINE V16 Multiply(V8 pixels, V8 next, Weights weights) {
  const V8 left = hn::Set(D8(), weights.left), right = hn::Set(D8(), weights.right);
  return hn::BitCast(D16(), kHalf == kOne ? svmlalb_u16(svmullb_u16(pixels, left), next, right) : svmlalt_u16(svmullt_u16(pixels, left), next, right));
}

HWY_INLINE V8 Pack(V16 one, V16 other) { return svqshrunt_n_s16(svqshrunb_n_s16(one, 6), other, 6); }

HWY_INLINE V16 AddProduct(V16 sum, V16 a, V16 b) { return svqrdmlah_s16(sum, a, b); }

#elif HWY_ARCH_ARM

// Halves are the left pixels and the right ones.
template <Half kHalf> HWY_INLINE V16 Multiply(V8 pixels, V8 next, Weights weights) {
  const V8 left = hn::Set(D8(), weights.left), right = hn::Set(D8(), weights.right);
#if HWY_ARCH_ARM_A64
  if constexpr (kHalf == kOther) return hn::BitCast(D16(), VU16{vmlal_high_u8(vmull_high_u8(pixels.raw, left.raw), next.raw, right.raw)});
#endif
  const auto half = [](V8 v) HWY_ATTR { return kHalf == kOne ? vget_low_u8(v.raw) : vget_high_u8(v.raw); };
  return hn::BitCast(D16(), VU16{vmlal_u8(vmull_u8(half(pixels), half(left)), half(next), half(right))});
}

HWY_INLINE V8 Pack(V16 one, V16 other) { return V8{vcombine_u8(vqshrun_n_s16(one.raw, 6), vqshrun_n_s16(other.raw, 6))}; }

HWY_INLINE V16 AddProduct(V16 sum, V16 a, V16 b) { return hn::Add(sum, hn::MulFixedPoint15(a, b)); }

#else

// Halves are the pixels in even places and those in odd ones: neighbours are
// multiplied and added up in one.
template <Half kHalf> HWY_INLINE V16 Multiply(V8 pixels, V8 next, Weights weights) {
  const V8 pairs = kHalf == kOne ? pixels : next;
  const V16 both = hn::Set(D16(), static_cast<int16_t>(weights.right << 8 | weights.left));
#if HWY_TARGET <= HWY_AVX3
  return V16{_mm512_maddubs_epi16(pairs.raw, both.raw)};
#elif HWY_TARGET == HWY_AVX2
  return V16{_mm256_maddubs_epi16(pairs.raw, both.raw)};
#elif HWY_TARGET <= HWY_SSSE3
  return V16{_mm_maddubs_epi16(pairs.raw, both.raw)};
#else
  const VU16 pair = hn::BitCast(DU16(), pairs), byte = hn::Set(DU16(), uint16_t{255});
  const VU16 left = hn::Mul(hn::And(pair, byte), hn::Set(DU16(), weights.left));
  return hn::BitCast(D16(), hn::Add(left, hn::Mul(hn::ShiftRight<8>(pair), hn::Set(DU16(), weights.right))));
#endif
}

HWY_INLINE V8 Pack(V16 one, V16 other) {
  const V16 low = hn::ShiftRight<6>(one), high = hn::ShiftRight<6>(other);
#if HWY_TARGET <= HWY_AVX3
  return V8{_mm512_packus_epi16(low.raw, high.raw)};
#elif HWY_TARGET == HWY_AVX2
  return V8{_mm256_packus_epi16(low.raw, high.raw)};
#else
  return Narrow(low, high);
#endif
}

HWY_INLINE V16 AddProduct(V16 sum, V16 a, V16 b) { return hn::Add(sum, hn::MulFixedPoint15(a, b)); }

#endif

// h of a half of as many pixels of a row as a vector has bytes.
template <bool kDeep, Half kHalf> HWY_INLINE V16 Across(const uint8_t *HWY_RESTRICT row, int lift, Weights weights) {
  return Multiply<kHalf>(LoadTop<kDeep>(row, lift), LoadTop<kDeep>(row + (kDeep ? 2 : 1), lift), weights);
}

#endif
}  // namespace HWY_NAMESPACE
}  // namespace kensa
HWY_AFTER_NAMESPACE();

#endif
