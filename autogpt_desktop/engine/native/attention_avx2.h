// Attention for x86 with AVX2, FMA and F16C: two small matrix products with the softmax between them.
#pragma once

#include "attention.h"
#include "simd_avx2.h"

#ifdef NATIVE_HAS_AVX2

namespace native {
namespace avx2 {

NATIVE_AVX2_INLINE __m256 floats8(const float* at) { return _mm256_loadu_ps(at); }
NATIVE_AVX2_INLINE __m256 floats8(const uint16_t* at) { return half8(at); }
NATIVE_AVX2_INLINE __m256 floats8(const int8_t* at) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))));
}

// c[r][16 n …] = Σ a[r · AR + k · AK] · b[n · b_block + k · b_step …] of R rows and N times 16 columns, every
// sum in the order of k. 12 of the 16 registers are sums at the most.
template <int AR, int AK, int R, int N, class T>
NATIVE_AVX2_INLINE void product(const float* a, const T* b, size_t b_block, size_t b_step, int count, float* c,
                                size_t c_row) {
    __m256 sum[R][2 * N];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int n = 0; n < 2 * N; n++) sum[r][n] = _mm256_setzero_ps();
#pragma GCC unroll 2
    for (int k = 0; k < count; k++, a += AK, b += b_step) {
        if (N == 1) {
            __m256 low = floats8(b), high = floats8(b + 8);
#pragma GCC unroll 8
            for (int r = 0; r < R; r++) {
                __m256 x = _mm256_broadcast_ss(a + r * AR);
                sum[r][0] = _mm256_fmadd_ps(x, low, sum[r][0]);
                sum[r][1] = _mm256_fmadd_ps(x, high, sum[r][1]);
            }
        } else {
            __m256 x[R];
#pragma GCC unroll 8
            for (int r = 0; r < R; r++) x[r] = _mm256_broadcast_ss(a + r * AR);
#pragma GCC unroll 8
            for (int n = 0; n < 2 * N; n++) {
                __m256 value = floats8(b + static_cast<size_t>(n / 2) * b_block + 8 * (n % 2));
#pragma GCC unroll 8
                for (int r = 0; r < R; r++) sum[r][n] = _mm256_fmadd_ps(x[r], value, sum[r][n]);
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int n = 0; n < 2 * N; n++) _mm256_storeu_ps(c + static_cast<size_t>(r) * c_row + 8 * n, sum[r][n]);
}

// `blocks` times 16 columns. c has its blocks one behind the other.
template <int AR, int AK, int R, class T>
NATIVE_AVX2 void product_rows(const float* a, const T* b, size_t b_block, size_t b_step, int blocks, int count,
                              float* c, size_t c_row) {
    constexpr int wide = R == 1 ? 4 : R <= 3 ? 2 : 1;  // columns to hide the latency of few rows
    int n = 0;
    for (; n + wide <= blocks; n += wide)
        product<AR, AK, R, wide>(a, b + static_cast<size_t>(n) * b_block, b_block, b_step, count, c + 16 * n, c_row);
    for (; n < blocks; n++)
        product<AR, AK, R, 1>(a, b + static_cast<size_t>(n) * b_block, b_block, b_step, count, c + 16 * n, c_row);
}

template <int AR, int AK, class T>
NATIVE_AVX2 void products(int rows, const float* a, const T* b, size_t b_block, size_t b_step, int blocks, int count,
                          float* c, size_t c_row) {
    switch (rows) {
        case 1: return product_rows<AR, AK, 1>(a, b, b_block, b_step, blocks, count, c, c_row);
        case 2: return product_rows<AR, AK, 2>(a, b, b_block, b_step, blocks, count, c, c_row);
        case 3: return product_rows<AR, AK, 3>(a, b, b_block, b_step, blocks, count, c, c_row);
        case 4: return product_rows<AR, AK, 4>(a, b, b_block, b_step, blocks, count, c, c_row);
        case 5: return product_rows<AR, AK, 5>(a, b, b_block, b_step, blocks, count, c, c_row);
        default: return product_rows<AR, AK, 6>(a, b, b_block, b_step, blocks, count, c, c_row);
    }
}

// 2^x for x ≤ 0 to 2 ulp: x = n + r and a polynomial of 2^r (Cephes' exp2f, Moshier). 0 below 2^-126.
NATIVE_AVX2_INLINE __m256 exp2_8(__m256 x) {
    const __m256 shift = _mm256_set1_ps(12582912.0f);  // 1.5 · 2^23: the sum's low bits are n
    __m256 whole = _mm256_add_ps(x, shift), r = _mm256_sub_ps(x, _mm256_sub_ps(whole, shift));
    __m256 p = _mm256_set1_ps(1.535336188319500e-4f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.339887440266574e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(9.618437357674640e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.550332471162809e-2f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(2.402264791363012e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(6.931472028550421e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    __m256i power = _mm256_slli_epi32(_mm256_castps_si256(whole), 23);
    p = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), power));
    return _mm256_and_ps(p, _mm256_cmp_ps(x, _mm256_set1_ps(-126.0f), _CMP_GT_OQ));
}

// Scores of keys from … to - 1 of the span into weights. Keys outside low … high - 1 weigh nothing.
NATIVE_AVX2_INLINE void weights(float* row, int from, int to, int low, int high, const float* key_scale,
                                const float* value_scale, float softcap, float* largest, float* total) {
    if (low >= high) {
        for (int key = from; key < to; key++) row[key] = 0;
        *largest = -INFINITY, *total = 0;
        return;
    }
    if (key_scale)
        for (int key = from; key < to; key += 8)
            _mm256_storeu_ps(row + key, _mm256_mul_ps(_mm256_loadu_ps(row + key), _mm256_loadu_ps(key_scale + key)));
    if (softcap > 0)
        for (int key = low; key < high; key++) row[key] = std::tanh(row[key] / softcap) * softcap * kLog2E;
    for (int key = from; key < low; key++) row[key] = -INFINITY;
    for (int key = high; key < to; key++) row[key] = -INFINITY;
    __m256 most = _mm256_set1_ps(-INFINITY), sum = _mm256_setzero_ps();
    for (int key = from; key < to; key += 8) most = _mm256_max_ps(most, _mm256_loadu_ps(row + key));
    *largest = max8(most);
    most = _mm256_set1_ps(*largest);
    for (int key = from; key < to; key += 8) {
        __m256 p = exp2_8(_mm256_sub_ps(_mm256_loadu_ps(row + key), most));
        sum = _mm256_add_ps(sum, p);
        if (value_scale) p = _mm256_mul_ps(p, _mm256_loadu_ps(value_scale + key));
        _mm256_storeu_ps(row + key, p);
    }
    *total = sum8(sum);
}

// Few queries take the cache's numbers as they come; for more, a block is made floats once, which stay in
// the first cache while all queries go over them.
template <class T>
NATIVE_AVX2 void attend_kind(const Tile& tile, const Head& head, int span, float* scratch, float* parts) {
    const int dim = tile.dim, first = span * kSpan, at = part_largest(dim);
    const size_t wide = static_cast<size_t>(dim), pitch = static_cast<size_t>(part_size(dim));
    int from = kSpan, to = 0;
    for (int i = 0; i < tile.count; i++) {
        from = tile.first[i] - first < from ? tile.first[i] - first : from;
        to = tile.last[i] + 1 - first > to ? tile.last[i] + 1 - first : to;
    }
    from = (from > 0 ? from : 0) & ~15;
    to = to < kSpan ? (to + 15) & ~15 : kSpan;  // the cache has a multiple of 32 tokens
    float *panel = scratch, *scores = scratch + panel_size(dim);
    const T* keys = static_cast<const T*>(head.keys) + static_cast<size_t>(first) * wide;
    const T* values = static_cast<const T*>(head.values) + static_cast<size_t>(first) * wide;
    if (tile.count <= kTileGroup) {
        products<1, kTileGroup>(tile.count, tile.queries, keys + static_cast<size_t>(from) * wide, 16 * wide, 16,
                                (to - from) / 16, dim, scores + from, kScoreRow);
    } else {
        for (int key = from; key < to; key += 16) {
            const T* block = keys + static_cast<size_t>(key) * wide;
            for (int i = 0; i < 16 * dim; i += 8) _mm256_storeu_ps(panel + i, floats8(block + i));
            for (int i = 0; i < tile.count; i += kTileGroup)
                products<1, kTileGroup>(tile.count - i, tile.queries + i * dim, panel, 0, 16, 1, dim,
                                        scores + i * kScoreRow + key, kScoreRow);
        }
    }
    for (int i = 0; i < tile.count; i++) {
        int low = tile.first[i] - first, high = tile.last[i] + 1 - first;
        float* part = parts + static_cast<size_t>(i) * pitch;
        weights(scores + i * kScoreRow, from, to, low > from ? low : from, high < to ? high : to,
                head.key_scale ? head.key_scale + first : nullptr,
                head.value_scale ? head.value_scale + first : nullptr, tile.softcap, part + at, part + at + 1);
    }
    const T* seen = values + static_cast<size_t>(from) * wide;
    if (tile.count <= kTileGroup && dim % 16 == 0) {
        products<kScoreRow, 1>(tile.count, scores + from, seen, 16, wide, dim / 16, to - from, parts, pitch);
        return;
    }
    for (int d = 0; d < dim; d += 16) {
        const T* value = seen + d;
        float* out = panel;
        if (d + 16 <= dim) {
            for (int key = from; key < to; key++, value += dim, out += 16) {
                _mm256_storeu_ps(out, floats8(value));
                _mm256_storeu_ps(out + 8, floats8(value + 8));
            }
        } else {
            for (int key = from; key < to; key++, value += dim, out += 16) {
                _mm256_storeu_ps(out, floats8(value));
                _mm256_storeu_ps(out + 8, _mm256_setzero_ps());
            }
        }
        for (int i = 0; i < tile.count; i += kTileGroup) {
            float* part = parts + static_cast<size_t>(i) * pitch;
            products<kScoreRow, 1>(tile.count - i, scores + i * kScoreRow + from, panel, 0, 16, 1, to - from, part + d,
                                   pitch);
        }
    }
}

NATIVE_AVX2 inline void attend(const Tile& tile, const Head& head, int span, float* scratch, float* parts) {
    if (tile.dim % 8) return portable::attend(tile, head, span, scratch, parts);
    if (head.key_scale) return attend_kind<int8_t>(tile, head, span, scratch, parts);
    attend_kind<uint16_t>(tile, head, span, scratch, parts);
}

NATIVE_AVX2 inline void halves(const float* x, int count, uint16_t* out) {
    int i = 0;
    for (; i + 8 <= count; i += 8)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < count; i++) out[i] = to_half(x[i]);
}

NATIVE_AVX2 inline float bytes(const float* x, int count, int8_t* out) {
    if (count % 8) return portable::bytes(x, count, out);
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 top = _mm256_setzero_ps();
    for (int i = 0; i < count; i += 8) top = _mm256_max_ps(top, _mm256_andnot_ps(sign, _mm256_loadu_ps(x + i)));
    float largest = max8(top);
    __m256 inverse = _mm256_set1_ps(largest > 1e-30f ? 127.0f / largest : 0.0f);
    for (int i = 0; i < count; i += 8) {
        __m256i whole = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i), inverse));
        __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(out + i), _mm_packs_epi16(words, words));
    }
    return largest / 127.0f;
}

}  // namespace avx2
}  // namespace native
#endif
