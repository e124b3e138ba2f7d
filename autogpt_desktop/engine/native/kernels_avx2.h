// The kernels for x86 with AVX2, FMA and F16C, compiled by per-function target attributes: the rest of
// the library runs anywhere, and these are called only where the processor has them.
#pragma once

#include "attention_simd.h"
#include "kernels.h"
#include "rows_simd.h"
#include "simd.h"

#ifdef NATIVE_HAS_AVX2

namespace native {
namespace avx2 {

using namespace simd;

// The largest |x| of 16 columns in `a` and `b`, and of 16 in `c` and `d`, as elements 0 and 1.
NATIVE_AVX2_INLINE __m128 tops(__m256 a, __m256 b, __m256 c, __m256 d) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    a = _mm256_max_ps(_mm256_andnot_ps(sign, a), _mm256_andnot_ps(sign, b));
    c = _mm256_max_ps(_mm256_andnot_ps(sign, c), _mm256_andnot_ps(sign, d));
    __m128 first = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 second = _mm_max_ps(_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1));
    __m128 both = _mm_max_ps(_mm_unpacklo_ps(first, second), _mm_unpackhi_ps(first, second));
    return _mm_max_ps(both, _mm_movehl_ps(both, both));
}

// 16 columns: their integers to `q`, the sums of columns 0 1 4 5 8 9 12 13 and of the others
// returned; what rounding leaves to `rest` unless null.
NATIVE_AVX2_INLINE __m128i round16(const __m256* x, __m256 inverse, __m256 scale, int8_t* q, float* rest) {
    __m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(x[0], inverse)), b = _mm256_cvtps_epi32(_mm256_mul_ps(x[1], inverse));
    if (rest) {
        _mm256_storeu_ps(rest, _mm256_fnmadd_ps(_mm256_cvtepi32_ps(a), scale, x[0]));
        _mm256_storeu_ps(rest + 8, _mm256_fnmadd_ps(_mm256_cvtepi32_ps(b), scale, x[1]));
    }
    __m256i whole = _mm256_packs_epi32(a, b);
    whole = _mm256_permute4x64_epi64(whole, 0xd8);  // 16 columns in 16 bits, in order
    __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(q), bytes);
    __m256i pairs = _mm256_madd_epi16(whole, _mm256_set1_epi16(1));
    __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    return _mm_add_epi32(sums, _mm_shuffle_epi32(sums, 0x4e));
}

// whole: of 16 columns -128 times the sum of all. PAIRS: the two sums of round16, negative, in 16 bits each,
// for that is what the halves of an element add up to when pairs of products are summed in 16 bits.
template <bool PAIRS>
NATIVE_AVX2 void quantize_as(const float* x, Acts* acts, int token, float* rest) {
    const int blocks = acts->cols / kCols, lanes = acts->lanes;
    size_t at = acts->at(token, 0);
    for (int b = 0; b < blocks; b++, x += 32, at += lanes) {
        __m256 v[4];
        for (int i = 0; i < 4; i++) v[i] = _mm256_loadu_ps(x + 8 * i);
        __m128 top = tops(v[0], v[1], v[2], v[3]);
        __m128 scale = _mm_div_ps(top, _mm_set1_ps(127.0f));
        __m128 inverse = _mm_and_ps(_mm_div_ps(_mm_set1_ps(127.0f), top), _mm_cmpgt_ps(top, _mm_setzero_ps()));
        int8_t* q = acts->q.data() + 32 * at;
        __m128i first = round16(v, _mm256_broadcastss_ps(inverse), _mm256_broadcastss_ps(scale), q, rest);
        __m128i second = round16(v + 2, _mm256_broadcastss_ps(_mm_movehdup_ps(inverse)),
                                 _mm256_broadcastss_ps(_mm_movehdup_ps(scale)), q + 16, rest ? rest + 16 : nullptr);
        if (rest) rest += 32;
        __m128i parts = _mm_unpacklo_epi64(first, second);  // two sums of either
        __m128i sums = _mm_add_epi32(parts, _mm_shuffle_epi32(parts, 0xb1));
        __m128 halves = _mm_mul_ps(scale, _mm_cvtepi32_ps(_mm_shuffle_epi32(sums, 0xd8)));
        __m128i whole = _mm_sub_epi32(_mm_setzero_si128(), PAIRS ? parts : sums);
        whole = PAIRS ? _mm_packs_epi32(whole, whole) : _mm_shuffle_epi32(_mm_slli_epi32(whole, 7), 0xd8);
        _mm_storel_pi(reinterpret_cast<__m64*>(acts->scale.data() + 2 * at), scale);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(acts->whole.data() + 2 * at), whole);
        acts->sum.data()[at] = _mm_cvtss_f32(_mm_add_ss(halves, _mm_movehdup_ps(halves)));
    }
}

// Step `s` of a packed block as 32 bytes: 8 rows × 4 columns.
template <Kind K>
NATIVE_AVX2_INLINE __m256i step_of(const uint8_t* block, int s) {
    if (K == Q8) return load(block + 32 * s);
    __m256i w = load(block + 32 * (s % 4));
    if (s >= 4) w = _mm256_srli_epi16(w, 4);
    w = _mm256_and_si256(w, _mm256_set1_epi8(15));
    if (K == Q5 || K == Q5M) {
        __m256i high = load(block + 128);  // bit s of a byte goes to bit 4
        high = s < 4 ? _mm256_slli_epi16(high, s < 4 ? 4 - s : 0) : _mm256_srli_epi16(high, s < 4 ? 0 : s - 4);
        w = _mm256_or_si256(w, _mm256_and_si256(high, _mm256_set1_epi8(16)));
    }
    if (K == Q6) {
        __m256i high = load(block + 128 + 32 * (s / 4));
        int at = 2 * (s % 4);
        high = at < 4 ? _mm256_slli_epi16(high, at < 4 ? 4 - at : 0) : _mm256_srli_epi16(high, at < 4 ? 0 : at - 4);
        w = _mm256_or_si256(w, _mm256_and_si256(high, _mm256_set1_epi8(48)));
    }
    return w;
}

template <Kind K>
NATIVE_AVX2 void unpack_kind(const Matrix& m, int group, uint8_t* out) {
    const uint8_t* block = m.group(group);
    for (int b = 0; b < m.blocks_per_row(); b++, block += kBlock[K], out += 256)
#pragma GCC unroll 8
        for (int s = 0; s < 8; s++)
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 32 * s), step_of<K>(block, s));
}

NATIVE_AVX2 inline void unpack(const Matrix& m, int group, Panel* panel) {
    using Function = void (*)(const Matrix&, int, uint8_t*);
    static const Function functions[] = {unpack_kind<Q4>,  unpack_kind<Q4M>, unpack_kind<Q5>,
                                         unpack_kind<Q5M>, unpack_kind<Q6>,  unpack_kind<Q8>};
    functions[m.kind](m, group, panel->q.data());
    int parts = m.kind == Q6 ? 2 : 1;
    const uint8_t* block = m.group(group);
    for (int b = 0; b < m.blocks_per_row(); b++, block += kBlock[m.kind]) {
        const uint8_t* floats = block + kQuants[m.kind];
        for (int part = 0; part < parts; part++)
            _mm256_storeu_ps(panel->scale.data() + 8 * (b * parts + part), half8(floats + 16 * part));
        if (kHasMinima[m.kind]) _mm256_storeu_ps(panel->minimum.data() + 8 * b, half8(floats + 16));
    }
}

constexpr int kLanes = 4;

// 8 rows × T tokens. Products of 8-bit pairs are summed in 16 bits, 4 of them for 16 columns: with the
// offset's share taken off, what adds up to is at most 8 · (2^bits / 2) · 127 = 32512 for 6 bits, and for 5
// bits with minima 31496; a sum on the way may wrap around. With 8 bits each pair is widened by itself, and
// the sign goes over to the activations, for one side of the product is unsigned.
template <Kind K, bool PANEL, int T>
NATIVE_AVX2 void tile(const uint8_t* q, const Panel* panel, const Acts& acts, int token, __m256* y) {
    constexpr int shift = kOffset[K] == 8 ? 3 : kOffset[K] == 16 ? 4 : 5, lanes = PANEL ? kLanes : 1;
    const int per_row = acts.cols / kCols;
    const size_t apart = PANEL ? 1 : static_cast<size_t>(per_row);  // blocks between two tokens
    const float* scales = PANEL ? panel->scale.data() : nullptr;
    const float* lows = PANEL ? panel->minimum.data() : nullptr;
    const size_t first = acts.at(token, 0);
    const int8_t* x = acts.q.data() + 32 * first;
    const float *x_scale = acts.scale.data() + 2 * first, *x_sum = acts.sum.data() + first;
    const int32_t* whole = acts.whole.data() + 2 * first;
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 total[T];
    for (int t = 0; t < T; t++) total[t] = _mm256_setzero_ps();
    for (int b = 0; b < per_row; b++) {
        const uint8_t* floats = q + kQuants[K];
        __m256 part[T];
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            __m256i sum[T];
#pragma GCC unroll 4
            for (int t = 0; t < T; t++)
                if (kOffset[K])
                    sum[t] = _mm256_slli_epi16(_mm256_set1_epi32(whole[2 * t * apart + half]), shift);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                const int s = half * 4 + i;
                const __m256i w = PANEL ? load(q + 32 * s) : step_of<K>(q, s);
#pragma GCC unroll 4
                for (int t = 0; t < T; t++) {
                    int32_t four;
                    std::memcpy(&four, x + 32 * t * apart + 4 * s, 4);
                    __m256i xs = _mm256_set1_epi32(four), pairs;
                    if (K == Q8)
                        pairs = _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(xs, w)), ones);
                    else
                        pairs = _mm256_maddubs_epi16(w, xs);
                    if (i || kOffset[K])
                        sum[t] = K == Q8 ? _mm256_add_epi32(sum[t], pairs) : _mm256_add_epi16(sum[t], pairs);
                    else
                        sum[t] = pairs;
                    NATIVE_KEEP_ORDER(sum[t]);
                }
            }
            __m256 scale = _mm256_setzero_ps();
            if (K == Q6) scale = PANEL ? _mm256_load_ps(scales + 8 * half) : half8(floats + 16 * half);
#pragma GCC unroll 4
            for (int t = 0; t < T; t++) {
                __m256 value = _mm256_cvtepi32_ps(K == Q8 ? sum[t] : _mm256_madd_epi16(sum[t], ones));
                __m256 factor = _mm256_set1_ps(x_scale[2 * t * apart + half]);
                if (K == Q6)
                    total[t] = _mm256_fmadd_ps(_mm256_mul_ps(value, factor), scale, total[t]);
                else
                    part[t] = half ? _mm256_fmadd_ps(value, factor, part[t]) : _mm256_mul_ps(value, factor);
            }
        }
        if (K != Q6) {
            const __m256 scale = PANEL ? _mm256_load_ps(scales) : half8(floats);
#pragma GCC unroll 4
            for (int t = 0; t < T; t++) total[t] = _mm256_fmadd_ps(part[t], scale, total[t]);
        }
        if (kHasMinima[K]) {
            const __m256 low = PANEL ? _mm256_load_ps(lows) : half8(floats + 16);
#pragma GCC unroll 4
            for (int t = 0; t < T; t++) total[t] = _mm256_fmadd_ps(low, _mm256_set1_ps(x_sum[t * apart]), total[t]);
        }
        q += PANEL ? 256 : kBlock[K];
        if (PANEL) scales += K == Q6 ? 16 : 8, lows += 8;
        x += 32 * lanes, x_scale += 2 * lanes, whole += 2 * lanes, x_sum += lanes;
    }
    for (int t = 0; t < T; t++) y[t] = total[t];
}

template <Kind K, bool PANEL>
NATIVE_AVX2 void rows_kind(const Matrix& m, int group, const Panel* panel, const Acts& acts, int token, int count,
                           float* y, size_t stride) {
    const uint8_t* q = PANEL ? panel->q.data() : m.group(group);
    int used = m.rows - group * kRows < kRows ? m.rows - group * kRows : kRows;
    for (int done = 0; done < count;) {
        int step = count - done < 4 ? count - done : 4;
        __m256 out[4];
        switch (step) {
            case 1: tile<K, PANEL, 1>(q, panel, acts, token + done, out); break;
            case 2: tile<K, PANEL, 2>(q, panel, acts, token + done, out); break;
            case 3: tile<K, PANEL, 3>(q, panel, acts, token + done, out); break;
            default: tile<K, PANEL, 4>(q, panel, acts, token + done, out);
        }
        for (int t = 0; t < step; t++, done++) {
            float* target = y + static_cast<size_t>(token + done) * stride + group * kRows;
            if (used == kRows) {
                _mm256_storeu_ps(target, out[t]);
            } else {
                float values[8];
                _mm256_storeu_ps(values, out[t]);
                std::memcpy(target, values, sizeof(float) * static_cast<size_t>(used));
            }
        }
    }
}

NATIVE_AVX2 inline void rows(const Matrix& m, int group, const Panel* panel, const Acts& acts, int token, int count,
                             float* y, size_t stride) {
    using Function = void (*)(const Matrix&, int, const Panel*, const Acts&, int, int, float*, size_t);
    static const Function functions[][2] = {
        {rows_kind<Q4, false>, rows_kind<Q4, true>},   {rows_kind<Q4M, false>, rows_kind<Q4M, true>},
        {rows_kind<Q5, false>, rows_kind<Q5, true>},   {rows_kind<Q5M, false>, rows_kind<Q5M, true>},
        {rows_kind<Q6, false>, rows_kind<Q6, true>},   {rows_kind<Q8, false>, rows_kind<Q8, true>}};
    functions[m.kind][panel != nullptr](m, group, panel, acts, token, count, y, stride);
}

inline bool is_supported() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

inline const Kernels* kernels() {
    if (!is_supported()) return nullptr;
    static const Kernels table{"avx2",   6,    1,      0,    kLanes, quantize_as<true>, unpack, rows,
                               simd::rms_norm, simd::gate, simd::attend, simd::halves, simd::bytes,
                               simd::project, simd::expand, simd::delta};
    return &table;
}

}  // namespace avx2
}  // namespace native
#endif
