// Linear layers for x86 with AVX-512 and VNNI. One side of its products is unsigned: activations are kept as q + 128,
// and sums begin with -128 times those of the weights.
#pragma once

#include "kernels_vnni.h"
#include "linear_avx2.h"

#ifdef NATIVE_HAS_AVX2

namespace native {
namespace vnni {

// Up to T tokens times the rows of two groups; `second` is false where there is only one. Fewer than T tokens only
// where T is 4: the last one stands for those that are missing. (One token takes as long as four: it waits for weights.)
template <int T>
NATIVE_VNNI void linear_tile(const Linear& m, int group, bool second, const Inputs& in, int token, int count, bool relu, float* y, size_t stride) {
    const size_t size = static_cast<size_t>(kGroup) * static_cast<size_t>(m.depth);
    const int8_t *one = m.q + static_cast<size_t>(group) * size, *two = second ? one + size : one;
    const int8_t* x = in.q + static_cast<size_t>(token) * in.stride;
    size_t at[4] = {0, 0, 0, 0};
    for (int t = 1; t < 4 && t < count; t++)
        for (int later = t; later < 4; later++) at[later] = static_cast<size_t>(t) * in.stride;
    const int groups[2] = {group, second ? group + 1 : group};
    __m512i sums[2][T];
#pragma GCC unroll 2
    for (int g = 0; g < 2; g++) {
        const __m512i whole = _mm512_loadu_si512(m.sums.data() + groups[g] * kGroup);
        const __m512i begin = _mm512_maskz_slli_epi32(0xffff, _mm512_sub_epi32(_mm512_setzero_si512(), whole), 7);
#pragma GCC unroll 16
        for (int t = 0; t < T; t++) sums[g][t] = begin;
    }
    for (int c = 0; c < m.depth; c += 4, one += 64, two += 64) {
        const __m512i first = _mm512_loadu_si512(one), other = _mm512_loadu_si512(two);
#pragma GCC unroll 16
        for (int t = 0; t < T; t++) {
            int32_t four;
            std::memcpy(&four, x + (T == 4 ? at[t] : static_cast<size_t>(t) * in.stride) + c, 4);
            const __m512i xs = _mm512_set1_epi32(four);
            sums[0][t] = _mm512_dpbusd_epi32(sums[0][t], xs, first), sums[1][t] = _mm512_dpbusd_epi32(sums[1][t], xs, other);
        }
    }
#pragma GCC unroll 2
    for (int g = 0; g < 2; g++) {
        const int row = groups[g] * kGroup, used = m.rows - row < kGroup ? m.rows - row : kGroup;
        const __mmask16 mask = static_cast<__mmask16>((1u << used) - 1);
        const __m512 scale = _mm512_loadu_ps(m.scale.data() + row), bias = _mm512_loadu_ps(m.bias.data() + row);
#pragma GCC unroll 16
        for (int t = 0; t < T; t++) {
            if (t >= count) break;
            const __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(in.scale[token + t]));
            __m512 v = _mm512_add_ps(_mm512_mul_ps(_mm512_maskz_cvtepi32_ps(0xffff, sums[g][t]), factor), bias);
            if (relu) v = _mm512_maskz_max_ps(0xffff, v, _mm512_setzero_ps());
            _mm512_mask_storeu_ps(y + static_cast<size_t>(token + t) * stride + row, mask, v);
        }
    }
}

inline void linear_product(const Linear& m, int from, int to, const Inputs& in, int tokens, bool relu, float* y, size_t stride) {
    for (int group = from; group < to; group += 2) {
        const bool second = group + 1 < to;
        int token = 0;
        for (; tokens - token >= 12; token += 12) linear_tile<12>(m, group, second, in, token, 12, relu, y, stride);
        if (tokens - token >= 8) linear_tile<8>(m, group, second, in, token, 8, relu, y, stride), token += 8;
        for (; token < tokens; token += 4) linear_tile<4>(m, group, second, in, token, tokens - token < 4 ? tokens - token : 4, relu, y, stride);
    }
}

// Eight sums of the vectors' elements.
NATIVE_VNNI_INLINE __m256i sums_of(const __m512i* v) {
    __m256i half[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) half[i] = _mm256_add_epi32(_mm512_maskz_extracti64x4_epi64(0xf, v[i], 0), _mm512_maskz_extracti64x4_epi64(0xf, v[i], 1));
    const __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(half[0], half[1]), _mm256_hadd_epi32(half[2], half[3]));
    const __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(half[4], half[5]), _mm256_hadd_epi32(half[6], half[7]));
    return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

// R rows times T tokens, R · T = 8.
template <int R, int T>
NATIVE_VNNI void dots_tile(const Table& m, const int* rows, int count, const Inputs& in, int token, float* y, size_t stride) {
    const int8_t *w[R], *x = in.q + static_cast<size_t>(token) * in.stride;
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) w[r] = m.q + static_cast<size_t>(rows[r]) * m.stride;
    __m512i sums[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) sums[i] = _mm512_setzero_si512();
    for (int c = 0; c < m.cols; c += 64) {
        __m512i xs[T];
#pragma GCC unroll 4
        for (int t = 0; t < T; t++) xs[t] = _mm512_loadu_si512(x + static_cast<size_t>(t) * in.stride + c);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const __m512i weights = _mm512_loadu_si512(w[r] + c);
#pragma GCC unroll 4
            for (int t = 0; t < T; t++) sums[r * T + t] = _mm512_dpbusd_epi32(sums[r * T + t], xs[t], weights);
        }
    }
    int32_t whole[8];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(whole), sums_of(sums));
    for (int r = 0; r < count; r++)
        for (int t = 0; t < T; t++) {
            const int32_t sum = whole[r * T + t] - 128 * m.sums[static_cast<size_t>(rows[r])];
            y[static_cast<size_t>(token + t) * stride + static_cast<size_t>(r)] =
                static_cast<float>(sum) * (m.row_scale(rows[r]) * in.scale[token + t]) + m.row_bias(rows[r]);
        }
}

inline void linear_dots(const Table& m, const int32_t* ids, int first, int count, const Inputs& in, int tokens, float* y, size_t stride) {
    constexpr int step = 8;
    for (int i = 0; i < count; i += step) {
        int rows[step];
        const int used = count - i < step ? count - i : step;
        for (int r = 0; r < step; r++) {
            const int at = i + (r < used ? r : 0);
            rows[r] = ids ? ids[at] : first + at;
        }
        int token = 0;
        for (; token + 4 <= tokens; token += 4)
            for (int r = 0; r < used; r += 2) dots_tile<2, 4>(m, rows + r, used - r < 2 ? 1 : 2, in, token, y + i + r, stride);
        for (; token < tokens; token++) dots_tile<8, 1>(m, rows, used, in, token, y + i, stride);
    }
}

inline const LinearKernels* linear_kernels() {
    if (!kernels()) return nullptr;
    static const LinearKernels table = [] {
        LinearKernels set = *avx2::linear_kernels();
        set.name = "avx512-vnni", set.flipped = true, set.quantize = simd_rows::quantize<true>;
        set.product = linear_product, set.dots = linear_dots;
        return set;
    }();
    return &table;
}

}  // namespace vnni
}  // namespace native
#endif
