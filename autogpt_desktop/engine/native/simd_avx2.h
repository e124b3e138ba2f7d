// Functions of a few instructions that the kernels share, in AVX2, FMA and F16C. Those that simd_neon.h has too
// give the same bits there.
#pragma once

#if (defined(__x86_64__) || defined(__i386__)) && (defined(__GNUC__) || defined(__clang__))
#define NATIVE_HAS_AVX2 1
#include <immintrin.h>

#include <cstdint>

#define NATIVE_AVX2 __attribute__((target("avx2,fma,f16c")))
#define NATIVE_SIMD NATIVE_AVX2
#define NATIVE_SIMD_INLINE NATIVE_AVX2_INLINE
#define NATIVE_AVX2_INLINE __attribute__((target("avx2,fma,f16c"), always_inline)) inline

// GCC makes a balanced tree of a chain of integer sums, for which there are too few registers.
#define NATIVE_KEEP_ORDER(vector) __asm__("" : "+x"(vector))

namespace native {
namespace simd {

using Eight = __m256;
using Splat = __m256;  // one float as fma8 wants it
constexpr int kUnrolled = 2;  // steps of a product; two hide the latency of the loads

NATIVE_AVX2_INLINE Eight all8(float x) { return _mm256_set1_ps(x); }
NATIVE_AVX2_INLINE Splat splat(const float* at) { return _mm256_broadcast_ss(at); }
NATIVE_AVX2_INLINE Eight load8(const float* at) { return _mm256_loadu_ps(at); }
NATIVE_AVX2_INLINE void store8(float* at, Eight v) { _mm256_storeu_ps(at, v); }
NATIVE_AVX2_INLINE Eight add8(Eight a, Eight b) { return _mm256_add_ps(a, b); }
NATIVE_AVX2_INLINE Eight sub8(Eight a, Eight b) { return _mm256_sub_ps(a, b); }
NATIVE_AVX2_INLINE Eight mul8(Eight a, Eight b) { return _mm256_mul_ps(a, b); }
NATIVE_AVX2_INLINE Eight div8(Eight a, Eight b) { return _mm256_div_ps(a, b); }
NATIVE_AVX2_INLINE Eight max8(Eight a, Eight b) { return _mm256_max_ps(a, b); }
NATIVE_AVX2_INLINE Eight abs8(Eight a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }

// a · b + c, rounded once
NATIVE_AVX2_INLINE Eight fma8(Eight a, Eight b, Eight c) { return _mm256_fmadd_ps(a, b, c); }

NATIVE_AVX2_INLINE Eight half8(const void* at) {
    return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(at)));
}

// Float16 or int8 numbers as floats, and back: to the nearest, ties to even.
NATIVE_AVX2_INLINE Eight floats8(const float* at) { return load8(at); }
NATIVE_AVX2_INLINE Eight floats8(const uint16_t* at) { return half8(at); }
NATIVE_AVX2_INLINE Eight floats8(const int8_t* at) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))));
}
NATIVE_AVX2_INLINE void store_halves8(uint16_t* at, Eight v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
NATIVE_AVX2_INLINE void store_bytes8(int8_t* at, Eight v) {
    __m256i whole = _mm256_cvtps_epi32(v);
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(at), _mm_packs_epi16(words, words));
}

NATIVE_AVX2_INLINE __m256i load(const void* at) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}

NATIVE_AVX2_INLINE float sum8(Eight v) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

NATIVE_AVX2_INLINE float top8(Eight v) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

// e^x to 2 ulp, by x = n ln 2 + r and the polynomial of Cephes' expf (Moshier).
NATIVE_AVX2_INLINE Eight exp8(Eight x) {
    x = _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(-87.3f)), _mm256_set1_ps(88.3f));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(1.9875691500e-4f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1f));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, _mm256_set1_ps(1.0f)));
    __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(p, _mm256_castsi256_ps(power));
}

// x · 2^n, n being the low bits of `whole`.
NATIVE_AVX2_INLINE Eight scale8(Eight x, Eight whole) {
    __m256i power = _mm256_slli_epi32(_mm256_castps_si256(whole), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), power));
}

// x where y > limit, else 0.
NATIVE_AVX2_INLINE Eight where_above8(Eight x, Eight y, float limit) {
    return _mm256_and_ps(x, _mm256_cmp_ps(y, _mm256_set1_ps(limit), _CMP_GT_OQ));
}

}  // namespace simd
}  // namespace native
#endif
