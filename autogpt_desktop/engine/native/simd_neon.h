// Functions of a few instructions that the kernels share, in NEON: eight floats as two vectors, so that sums run
// in the same order as in simd_avx2.h.
#pragma once

#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__) && \
    (defined(__ARM_FEATURE_DOTPROD) || (defined(__clang__) ? __clang_major__ >= 17 : __GNUC__ >= 9))
#define NATIVE_HAS_NEON 1
#include <arm_neon.h>

#include <cstdint>

#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#define NATIVE_SIMD
#define NATIVE_SIMD_INLINE NATIVE_NEON_INLINE
#define NATIVE_NEON_INLINE __attribute__((always_inline)) inline

// Functions with SDOT (Armv8.2), where the compiler does not take it for granted.
#ifdef __ARM_FEATURE_DOTPROD
#define NATIVE_SDOT
#else
#define NATIVE_SDOT __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

namespace native {
namespace simd {

inline bool has_dot_product() {
#if defined(__linux__)
    return getauxval(AT_HWCAP) >> 20 & 1;  // HWCAP_ASIMDDP
#elif defined(__APPLE__)
    int value = 0;
    size_t size = sizeof value;
    return sysctlbyname("hw.optional.arm.FEAT_DotProd", &value, &size, nullptr, 0) == 0 && value;
#else
    return false;
#endif
}

struct Eight {
    float32x4_t low, high;
};
using Splat = float;  // one float as fma8 wants it
constexpr int kUnrolled = 1;  // steps of a product; more would spill registers

NATIVE_NEON_INLINE Eight all8(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }
NATIVE_NEON_INLINE Splat splat(const float* at) { return *at; }
NATIVE_NEON_INLINE Eight load8(const float* at) { return {vld1q_f32(at), vld1q_f32(at + 4)}; }
NATIVE_NEON_INLINE void store8(float* at, Eight v) { vst1q_f32(at, v.low), vst1q_f32(at + 4, v.high); }
NATIVE_NEON_INLINE Eight add8(Eight a, Eight b) { return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)}; }
NATIVE_NEON_INLINE Eight sub8(Eight a, Eight b) { return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)}; }
NATIVE_NEON_INLINE Eight mul8(Eight a, Eight b) { return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)}; }
NATIVE_NEON_INLINE Eight div8(Eight a, Eight b) { return {vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)}; }
NATIVE_NEON_INLINE Eight max8(Eight a, Eight b) { return {vmaxq_f32(a.low, b.low), vmaxq_f32(a.high, b.high)}; }
NATIVE_NEON_INLINE Eight abs8(Eight a) { return {vabsq_f32(a.low), vabsq_f32(a.high)}; }

// a · b + c, rounded once
NATIVE_NEON_INLINE Eight fma8(Eight a, Eight b, Eight c) {
    return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)};
}
NATIVE_NEON_INLINE Eight fma8(Eight a, float b, Eight c) {
    return {vfmaq_n_f32(c.low, a.low, b), vfmaq_n_f32(c.high, a.high, b)};
}

NATIVE_NEON_INLINE Eight half8(const void* at) {
    const float16x8_t v = vreinterpretq_f16_u8(vld1q_u8(static_cast<const uint8_t*>(at)));
    return {vcvt_f32_f16(vget_low_f16(v)), vcvt_f32_f16(vget_high_f16(v))};
}

NATIVE_NEON_INLINE float sum8(Eight v) {
    const float32x4_t four = vaddq_f32(v.low, v.high);
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

NATIVE_NEON_INLINE float top8(Eight v) { return vmaxvq_f32(vmaxq_f32(v.low, v.high)); }

// To the nearest integers, ties to even.
struct Eight32 {
    int32x4_t low, high;
};
NATIVE_NEON_INLINE Eight32 round8(Eight v) { return {vcvtnq_s32_f32(v.low), vcvtnq_s32_f32(v.high)}; }
NATIVE_NEON_INLINE Eight float8(Eight32 v) { return {vcvtq_f32_s32(v.low), vcvtq_f32_s32(v.high)}; }
NATIVE_NEON_INLINE int16x8_t narrow8(Eight32 v) { return vcombine_s16(vqmovn_s32(v.low), vqmovn_s32(v.high)); }

// Float16 or int8 numbers as floats, and back: to the nearest, ties to even.
NATIVE_NEON_INLINE Eight floats8(const float* at) { return load8(at); }
NATIVE_NEON_INLINE Eight floats8(const uint16_t* at) { return half8(at); }
NATIVE_NEON_INLINE Eight floats8(const int8_t* at) {
    const int16x8_t v = vmovl_s8(vld1_s8(at));
    return float8({vmovl_s16(vget_low_s16(v)), vmovl_s16(vget_high_s16(v))});
}
NATIVE_NEON_INLINE void store_halves8(uint16_t* at, Eight v) {
    vst1_u16(at, vreinterpret_u16_f16(vcvt_f16_f32(v.low)));
    vst1_u16(at + 4, vreinterpret_u16_f16(vcvt_f16_f32(v.high)));
}
NATIVE_NEON_INLINE void store_bytes8(int8_t* at, Eight v) { vst1_s8(at, vqmovn_s16(narrow8(round8(v)))); }

// e^x to 2 ulp, by x = n ln 2 + r and the polynomial of Cephes' expf (Moshier).
NATIVE_NEON_INLINE float32x4_t exp4(float32x4_t x) {
    x = vminq_f32(vmaxq_f32(x, vdupq_n_f32(-87.3f)), vdupq_n_f32(88.3f));
    const float32x4_t n = vrndnq_f32(vmulq_n_f32(x, 1.44269504f));
    float32x4_t r = vfmsq_n_f32(x, n, 0.693359375f);
    r = vfmsq_n_f32(r, n, -2.12194440e-4f);
    float32x4_t p = vdupq_n_f32(1.9875691500e-4f);
    p = vfmaq_f32(vdupq_n_f32(1.3981999507e-3f), p, r);
    p = vfmaq_f32(vdupq_n_f32(8.3334519073e-3f), p, r);
    p = vfmaq_f32(vdupq_n_f32(4.1665795894e-2f), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.6666665459e-1f), p, r);
    p = vfmaq_f32(vdupq_n_f32(5.0000001201e-1f), p, r);
    p = vfmaq_f32(vaddq_f32(r, vdupq_n_f32(1.0f)), p, vmulq_f32(r, r));
    const int32x4_t power = vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23);
    return vmulq_f32(p, vreinterpretq_f32_s32(power));
}

NATIVE_NEON_INLINE Eight exp8(Eight x) { return {exp4(x.low), exp4(x.high)}; }

// x · 2^n, n being the low bits of `whole`.
NATIVE_NEON_INLINE float32x4_t scale4(float32x4_t x, float32x4_t whole) {
    const int32x4_t power = vshlq_n_s32(vreinterpretq_s32_f32(whole), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), power));
}
NATIVE_NEON_INLINE Eight scale8(Eight x, Eight whole) {
    return {scale4(x.low, whole.low), scale4(x.high, whole.high)};
}

// x where y > limit, else 0.
NATIVE_NEON_INLINE float32x4_t where_above4(float32x4_t x, float32x4_t y, float limit) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), vcgtq_f32(y, vdupq_n_f32(limit))));
}
NATIVE_NEON_INLINE Eight where_above8(Eight x, Eight y, float limit) {
    return {where_above4(x.low, y.low, limit), where_above4(x.high, y.high, limit)};
}

}  // namespace simd
}  // namespace native
#endif
