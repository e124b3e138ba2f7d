// Attention for x86 with AVX2, FMA and F16C.
#pragma once

#include "attention.h"
#include "simd_avx2.h"

#ifdef NATIVE_HAS_AVX2

namespace native {
namespace avx2 {

// Q queries at B · 8 keys at a time: Q · B independent sums hide the latency of the multiply-add.
template <int Q, int B>
NATIVE_AVX2_INLINE void scores(const Tile& tile, const uint16_t* keys, int from, int to, float* scratch, int width) {
    const int dim = tile.dim;
    for (int key = from; key < to; key += 8 * B) {
        __m256 sum[Q][B];
        for (int i = 0; i < Q; i++)
            for (int b = 0; b < B; b++) sum[i][b] = _mm256_setzero_ps();
        const uint16_t* k = keys + static_cast<size_t>(key) * dim;
        for (int d = 0; d < dim; d++, k += 8) {
            __m256 value[B];
#pragma GCC unroll 4
            for (int b = 0; b < B; b++) value[b] = half8(k + static_cast<size_t>(b) * 8 * dim);
#pragma GCC unroll 4
            for (int i = 0; i < Q; i++) {
                __m256 q = _mm256_set1_ps(tile.query[i][d]);
#pragma GCC unroll 4
                for (int b = 0; b < B; b++) sum[i][b] = _mm256_fmadd_ps(q, value[b], sum[i][b]);
            }
        }
        for (int i = 0; i < Q; i++)
            for (int b = 0; b < B; b++) _mm256_storeu_ps(scratch + i * width + (key - from) + 8 * b, sum[i][b]);
    }
}

// out[i][d …] = Σ p[i][key] · v[key][d …] of V · 8 dimensions, divided by the sum of p.
template <int Q, int V>
NATIVE_AVX2_INLINE void weigh(const Tile& tile, const uint16_t* values, int d, int from, int count,
                              const float* scratch, int width, const float* inverse) {
    __m256 sum[Q][V];
    for (int i = 0; i < Q; i++)
        for (int b = 0; b < V; b++) sum[i][b] = _mm256_setzero_ps();
    const uint16_t* v = values + static_cast<size_t>(from) * tile.dim + d;
    for (int key = 0; key < count; key++, v += tile.dim) {
        __m256 value[V];
#pragma GCC unroll 8
        for (int b = 0; b < V; b++) value[b] = half8(v + 8 * b);
#pragma GCC unroll 4
        for (int i = 0; i < Q; i++) {
            __m256 p = _mm256_set1_ps(scratch[i * width + key]);
#pragma GCC unroll 8
            for (int b = 0; b < V; b++) sum[i][b] = _mm256_fmadd_ps(p, value[b], sum[i][b]);
        }
    }
    for (int i = 0; i < Q; i++)
        for (int b = 0; b < V; b++)
            _mm256_storeu_ps(tile.out[i] + d + 8 * b, _mm256_mul_ps(sum[i][b], _mm256_set1_ps(inverse[i])));
}

// softmax(q Kᵀ) V of Q queries that share a head. Keys a query does not see weigh nothing: 0 · v adds 0.
template <int Q>
NATIVE_AVX2 void attend_tile(const Tile& tile, const Head& head, float* scratch) {
    int from = tile.first[0], to = tile.last[0] + 1;
    for (int i = 1; i < Q; i++) {
        from = tile.first[i] < from ? tile.first[i] : from;
        to = tile.last[i] + 1 > to ? tile.last[i] + 1 : to;
    }
    from &= ~31;  // the cache is a multiple of 32 tokens
    const int width = (to - from + 31) & ~31;
    scores<Q, Q == 1 ? 4 : 2>(tile, head.keys, from, to, scratch, width);
    float inverse[Q];
    for (int i = 0; i < Q; i++) {
        float* row = scratch + i * width;
        int first = tile.first[i] - from, last = tile.last[i] - from;
        if (tile.softcap > 0)
            for (int key = first; key <= last; key++) row[key] = std::tanh(row[key] / tile.softcap) * tile.softcap;
        for (int key = 0; key < first; key++) row[key] = -INFINITY;
        for (int key = last + 1; key < width; key++) row[key] = -INFINITY;
        __m256 largest = _mm256_set1_ps(-INFINITY), total = _mm256_setzero_ps();
        for (int key = 0; key < width; key += 8) largest = _mm256_max_ps(largest, _mm256_loadu_ps(row + key));
        __m256 top = _mm256_set1_ps(max8(largest)), hidden = _mm256_set1_ps(-INFINITY);
        for (int key = 0; key < width; key += 8) {
            __m256 score = _mm256_loadu_ps(row + key);
            __m256 p = exp8(_mm256_sub_ps(score, top));
            p = _mm256_andnot_ps(_mm256_cmp_ps(score, hidden, _CMP_EQ_OQ), p);
            total = _mm256_add_ps(total, p);
            _mm256_storeu_ps(row + key, p);
        }
        inverse[i] = 1.0f / sum8(total);
    }
    constexpr int wide = Q == 1 ? 8 : Q == 2 ? 4 : 2;
    int d = 0;
    for (; d + 8 * wide <= tile.dim; d += 8 * wide)
        weigh<Q, wide>(tile, head.values, d, from, to - from, scratch, width, inverse);
    for (; d < tile.dim; d += 8) weigh<Q, 1>(tile, head.values, d, from, to - from, scratch, width, inverse);
}

NATIVE_AVX2 inline void attend(const Tile& tile, const Head& head, float* scratch) {
    if (tile.dim % 8) return portable::attend(tile, head, scratch);
    switch (tile.count) {
        case 1: return attend_tile<1>(tile, head, scratch);
        case 2: return attend_tile<2>(tile, head, scratch);
        case 3: return attend_tile<3>(tile, head, scratch);
        default: return attend_tile<4>(tile, head, scratch);
    }
}

NATIVE_AVX2 inline void halves(const float* x, int count, uint16_t* out) {
    int i = 0;
    for (; i + 8 <= count; i += 8)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < count; i++) out[i] = to_half(x[i]);
}

}  // namespace avx2
}  // namespace native
#endif
