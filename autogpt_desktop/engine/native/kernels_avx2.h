// The kernels for x86 with AVX2, FMA and F16C, compiled by per-function target attributes: the rest of
// the library runs anywhere, and these are called only where the processor has them.
#pragma once

#include "attention_avx2.h"
#include "kernels.h"
#include "simd_avx2.h"

#ifdef NATIVE_HAS_AVX2

namespace native {
namespace avx2 {

NATIVE_AVX2 inline void quantize(const float* x, Acts* acts, int token) {
    int cols = acts->cols;
    x += static_cast<size_t>(token) * cols;
    int8_t* q = acts->q.data() + static_cast<size_t>(token) * cols;
    size_t first = static_cast<size_t>(token) * (cols / 16);
    const __m256 sign = _mm256_set1_ps(-0.0f);
    const __m256i ones = _mm256_set1_epi16(1);
    for (int h = 0; h < cols / 16; h++, x += 16, q += 16) {
        __m256 a = _mm256_loadu_ps(x), b = _mm256_loadu_ps(x + 8);
        float top = max8(_mm256_max_ps(_mm256_andnot_ps(sign, a), _mm256_andnot_ps(sign, b)));
        float scale = top / 127.0f;
        __m256 inverse = _mm256_set1_ps(top > 0 ? 127.0f / top : 0.0f);
        __m256i whole = _mm256_packs_epi32(_mm256_cvtps_epi32(_mm256_mul_ps(a, inverse)),
                                           _mm256_cvtps_epi32(_mm256_mul_ps(b, inverse)));
        whole = _mm256_permute4x64_epi64(whole, 0xd8);  // 16 columns in 16 bits, in order
        __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(q), bytes);
        __m256i pairs = _mm256_madd_epi16(whole, ones);
        __m128i s = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
        s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
        s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
        acts->scale[first + h] = scale;
        acts->halves[first + h] = scale * static_cast<float>(_mm_cvtsi128_si32(s));
        if (h % 2) acts->sum[(first + h) / 2] = acts->halves[first + h - 1] + acts->halves[first + h];
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
    bool minima = m.kind == Q4M || m.kind == Q5M;
    __m256 offset = _mm256_set1_ps(-static_cast<float>(kOffset[m.kind]));
    const uint8_t* block = m.group(group);
    for (int b = 0; b < m.blocks_per_row(); b++, block += kBlock[m.kind])
        for (int part = 0; part < parts; part++) {
            const uint8_t* scales = block + kQuants[m.kind] + 16 * part;
            __m256 scale = half8(scales);
            _mm256_storeu_ps(&panel->scale[8 * (b * parts + part)], scale);
            _mm256_storeu_ps(&panel->minimum[8 * (b * parts + part)],
                             minima ? half8(scales + 16) : _mm256_mul_ps(offset, scale));
        }
}

// 8 rows × T tokens. Products of 8-bit pairs are summed in 16 bits as long as they fit: 2 · (2^bits - 1)
// · 127 is at most 3810, 7874, 16002 and 32512, which leaves room for the 4 of 16 columns, or for 2 and 1
// of 6 and 8 bits. With 8 the sign goes over to the activations, for one side of the product is unsigned.
template <Kind K, bool PANEL, int T>
NATIVE_AVX2 void tile(const uint8_t* q, const Panel* panel, const Acts& acts, int token, __m256* y) {
    constexpr int scales_per_block = K == Q6 ? 2 : 1, depth = K == Q6 ? 2 : K == Q8 ? 1 : 4;
    constexpr bool minima = K == Q4M || K == Q5M;
    const int per_row = acts.cols / 32;
    const size_t cols = static_cast<size_t>(acts.cols), first = static_cast<size_t>(token) * (cols / 32);
    const float* scales = PANEL ? panel->scale.data() : nullptr;
    const float* lows = PANEL ? panel->minimum.data() : nullptr;
    const int8_t* x = acts.q.data() + first * 32;
    const float* x_scale = acts.scale.data() + first * 2;
    const float* x_sum = (K == Q6 ? acts.halves : acts.sum).data() + first * scales_per_block;
    const __m256i ones = _mm256_set1_epi16(1);
    const __m256 offset = _mm256_set1_ps(-static_cast<float>(kOffset[K]));
    __m256 product[T], minimum[T];
    for (int t = 0; t < T; t++) product[t] = minimum[t] = _mm256_setzero_ps();
    for (int b = 0; b < per_row; b++) {
        __m256 scale = _mm256_setzero_ps();
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            __m256i total[T];
#pragma GCC unroll 4
            for (int chunk = 0; chunk < 4 / depth; chunk++) {
                __m256i sum[T];
#pragma GCC unroll 4
                for (int i = 0; i < depth; i++) {
                    const int s = half * 4 + chunk * depth + i;
                    const __m256i w = PANEL ? load(q + 32 * s) : step_of<K>(q, s);
#pragma GCC unroll 4
                    for (int t = 0; t < T; t++) {
                        int32_t four;
                        std::memcpy(&four, x + t * cols + 4 * s, 4);
                        __m256i xs = _mm256_set1_epi32(four), pairs;
                        if (K == Q8)
                            pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(xs, w));
                        else
                            pairs = _mm256_maddubs_epi16(w, xs);
                        sum[t] = i ? _mm256_add_epi16(sum[t], pairs) : pairs;
                        NATIVE_KEEP_ORDER(sum[t]);
                    }
                }
#pragma GCC unroll 4
                for (int t = 0; t < T; t++) {
                    __m256i wide = _mm256_madd_epi16(sum[t], ones);
                    total[t] = chunk ? _mm256_add_epi32(total[t], wide) : wide;
                }
            }
            const int at = b * scales_per_block + (K == Q6 ? half : 0);
            const bool first_use = K == Q6 || half == 0;
            if (first_use) scale = PANEL ? _mm256_loadu_ps(scales + 8 * at) : half8(q + kQuants[K] + (K == Q6 ? 16 * half : 0));
            __m256 low = scale;
            if (K != Q8 && first_use && !PANEL) low = minima ? half8(q + kQuants[K] + 16) : _mm256_mul_ps(offset, scale);
#pragma GCC unroll 4
            for (int t = 0; t < T; t++) {
                const size_t block = t * (cols / 32) + static_cast<size_t>(b);
                __m256 both = _mm256_mul_ps(scale, _mm256_set1_ps(x_scale[2 * block + half]));
                product[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(total[t]), both, product[t]);
                if (K != Q8 && first_use && !PANEL)
                    minimum[t] = _mm256_fmadd_ps(
                        low, _mm256_set1_ps(x_sum[block * scales_per_block + (K == Q6 ? half : 0)]), minimum[t]);
            }
        }
        q += PANEL ? 256 : kBlock[K];
        x += 32;
    }
    if (PANEL && K != Q8)  // by themselves, for the loop above has no registers to spare
        for (int at = 0; at < per_row * scales_per_block; at++) {
            const __m256 low = _mm256_loadu_ps(lows + 8 * at);
#pragma GCC unroll 4
            for (int t = 0; t < T; t++)
                minimum[t] = _mm256_fmadd_ps(low, _mm256_set1_ps(x_sum[t * per_row * scales_per_block + at]), minimum[t]);
        }
    for (int t = 0; t < T; t++) y[t] = _mm256_add_ps(product[t], minimum[t]);
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

NATIVE_AVX2 inline void rms_norm(const float* x, const float* weight, float eps, int count, float* out) {
    __m256 squares = _mm256_setzero_ps();
    int i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 v = _mm256_loadu_ps(x + i);
        squares = _mm256_fmadd_ps(v, v, squares);
    }
    float total = sum8(squares);
    for (int j = i; j < count; j++) total += x[j] * x[j];
    float factor = 1.0f / std::sqrt(total / static_cast<float>(count) + eps);
    __m256 factors = _mm256_set1_ps(factor);
    for (i = 0; i + 8 <= count; i += 8)
        _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), factors), _mm256_loadu_ps(weight + i)));
    for (; i < count; i++) out[i] = x[i] * factor * weight[i];
}

NATIVE_AVX2 inline void gate(bool gelu, const float* gate, const float* up, int count, float* out) {
    int i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 g = _mm256_loadu_ps(gate + i), z = g;
        if (gelu) {
            __m256 cube = _mm256_mul_ps(_mm256_mul_ps(g, g), g);
            z = _mm256_mul_ps(_mm256_set1_ps(1.5957691216f), _mm256_fmadd_ps(_mm256_set1_ps(0.044715f), cube, g));
        }
        __m256 e = exp8(_mm256_sub_ps(_mm256_setzero_ps(), z));
        __m256 out8 = _mm256_mul_ps(_mm256_div_ps(g, _mm256_add_ps(_mm256_set1_ps(1.0f), e)), _mm256_loadu_ps(up + i));
        _mm256_storeu_ps(out + i, out8);
    }
    if (i < count) portable::gate(gelu, gate + i, up + i, count - i, out + i);
}

inline const Kernels* kernels() {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c"))
        return nullptr;
    static const Kernels table{"avx2", 6, quantize, unpack, rows, rms_norm, gate, attend, halves, bytes};
    return &table;
}

}  // namespace avx2
}  // namespace native
#endif
