// Linear layers for x86 with AVX2. Products of two bytes are summed in 16 bits: the weights' signs go over to the
// activations, so that two of at most 127 · 127 never saturate.
#pragma once

#include "kernels_avx2.h"
#include "linear_portable.h"

#ifdef NATIVE_HAS_AVX2

namespace native {
namespace avx2 {

// Four columns of T tokens times those of 16 rows.
template <int T>
NATIVE_AVX2 void linear_tile(const Linear& m, int group, const int8_t* x, size_t apart, __m256i* out) {
    const int8_t* w = m.q + static_cast<size_t>(group) * kGroup * static_cast<size_t>(m.depth);
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sums[2 * T];
    for (int i = 0; i < 2 * T; i++) sums[i] = _mm256_setzero_si256();
    for (int c = 0; c < m.depth; c += 4, w += 64) {
        const __m256i one = load(w), two = load(w + 32), size_one = _mm256_abs_epi8(one), size_two = _mm256_abs_epi8(two);
#pragma GCC unroll 4
        for (int t = 0; t < T; t++) {
            int32_t four;
            std::memcpy(&four, x + static_cast<size_t>(t) * apart + c, 4);
            const __m256i xs = _mm256_set1_epi32(four);
            const __m256i first = _mm256_madd_epi16(_mm256_maddubs_epi16(size_one, _mm256_sign_epi8(xs, one)), ones);
            const __m256i second = _mm256_madd_epi16(_mm256_maddubs_epi16(size_two, _mm256_sign_epi8(xs, two)), ones);
            sums[2 * t] = _mm256_add_epi32(sums[2 * t], first), sums[2 * t + 1] = _mm256_add_epi32(sums[2 * t + 1], second);
        }
    }
    for (int i = 0; i < 2 * T; i++) out[i] = sums[i];
}

NATIVE_AVX2 inline void linear_product(const Linear& m, int from, int to, const Inputs& in, int tokens, bool relu, float* y, size_t stride) {
    const int rows = tokens * in.rows_per_token(), pair = in.rows_per_token();
    for (int g = from; g < to; g++) {
        const int used = m.rows - g * kGroup < kGroup ? m.rows - g * kGroup : kGroup;
        const float *scale = m.scale.data() + g * kGroup, *bias = m.bias.data() + g * kGroup;
        for (int done = 0; done < rows;) {
            const int step = rows - done < 4 ? rows - done : 4;
            const int8_t* x = in.q + static_cast<size_t>(done) * in.stride;
            __m256i sums[8];
            switch (step) {
                case 1: linear_tile<1>(m, g, x, in.stride, sums); break;
                case 2: linear_tile<2>(m, g, x, in.stride, sums); break;
                case 3: linear_tile<3>(m, g, x, in.stride, sums); break;
                default: linear_tile<4>(m, g, x, in.stride, sums);
            }
            for (int t = 0; t < step; t += pair, done += pair) {
                const int token = done / pair;
                float values[kGroup], *out = y + static_cast<size_t>(token) * stride + g * kGroup;
                float* target = used == kGroup ? out : values;
                for (int half = 0; half < 2; half++) {
                    const __m256 factor = _mm256_mul_ps(load8(scale + 8 * half), all8(in.scale[token]));
                    __m256i sum = sums[2 * t + half];
                    if (in.fine) sum = _mm256_add_epi32(_mm256_slli_epi32(sum, 7), sums[2 * t + 2 + half]);
                    __m256 v = _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), factor), load8(bias + 8 * half));
                    if (relu) v = _mm256_max_ps(v, _mm256_setzero_ps());
                    store8(target + 8 * half, v);
                }
                if (used != kGroup) std::memcpy(out, values, sizeof(float) * static_cast<size_t>(used));
            }
        }
    }
}

NATIVE_AVX2_INLINE int32_t sum_of(__m256i v) {
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

NATIVE_AVX2 inline void linear_dots(const Table& m, const int32_t* ids, int first, int count, const Inputs& in, int tokens, float* y, size_t stride) {
    const __m256i ones = _mm256_set1_epi16(1);
    const int depth = padded(m.cols, 32);
    for (int i = 0; i < count; i++) {
        const int row = ids ? ids[i] : first + i;
        const int8_t* w = m.q + static_cast<size_t>(row) * m.stride;
        for (int t = 0; t < tokens; t++) {
            __m256i sums = _mm256_setzero_si256();
            for (int part = 0; part < in.rows_per_token(); part++) {
                const int8_t* x = in.q + static_cast<size_t>(t * in.rows_per_token() + part) * in.stride;
                sums = _mm256_slli_epi32(sums, 7);
                for (int c = 0; c < depth; c += 32) {
                    const __m256i weights = load(w + c), xs = _mm256_sign_epi8(load(x + c), weights);
                    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(weights), xs), ones));
                }
            }
            y[static_cast<size_t>(t) * stride + static_cast<size_t>(i)] =
                static_cast<float>(sum_of(sums)) * (m.row_scale(row) * in.scale[t]) + m.row_bias(row);
        }
    }
}

inline const LinearKernels* linear_kernels() {
    if (!is_supported()) return nullptr;
    static const LinearKernels table{"avx2", false, simd_rows::quantize<false>, simd_rows::quantize_fine<false>, linear_product, linear_dots, simd_rows::embed,
                                     simd_rows::add, simd_rows::norm, simd_rows::silu, simd_rows::ssru,
                                     simd_rows::attend, simd_rows::attend_path, simd_rows::logsumexp};
    return &table;
}

}  // namespace avx2
}  // namespace native
#endif
