// Attention for processors with vectors: two small matrix products with the softmax between them. The order of
// all sums is written down, so that every processor gives the same bits.
#pragma once

#include "attention.h"
#include "simd.h"

#ifdef NATIVE_HAS_SIMD

namespace native {
namespace simd {

// c[r][16 n …] = Σ a[r · AR + k · AK] · b[n · b_block + k · b_step …] of R rows and N times 16 columns, every
// sum in the order of k. Of AVX2's 16 registers 12 are sums at the most, of NEON's 32 are 24.
template <int AR, int AK, int R, int N, class T>
NATIVE_SIMD_INLINE void product(const float* a, const T* b, size_t b_block, size_t b_step, int count, float* c,
                                size_t c_row) {
    Eight sum[R][2 * N];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int n = 0; n < 2 * N; n++) sum[r][n] = all8(0);
#pragma GCC unroll kUnrolled
    for (int k = 0; k < count; k++, a += AK, b += b_step) {
        if (N == 1) {
            const Eight low = floats8(b), high = floats8(b + 8);
#pragma GCC unroll 8
            for (int r = 0; r < R; r++) {
                const Splat x = splat(a + r * AR);
                sum[r][0] = fma8(low, x, sum[r][0]);
                sum[r][1] = fma8(high, x, sum[r][1]);
            }
        } else {
            Splat x[R];
#pragma GCC unroll 8
            for (int r = 0; r < R; r++) x[r] = splat(a + r * AR);
#pragma GCC unroll 8
            for (int n = 0; n < 2 * N; n++) {
                const Eight value = floats8(b + static_cast<size_t>(n / 2) * b_block + 8 * (n % 2));
#pragma GCC unroll 8
                for (int r = 0; r < R; r++) sum[r][n] = fma8(value, x[r], sum[r][n]);
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int n = 0; n < 2 * N; n++) store8(c + static_cast<size_t>(r) * c_row + 8 * n, sum[r][n]);
}

// `blocks` times 16 columns. c has its blocks one behind the other.
template <int AR, int AK, int R, class T>
NATIVE_SIMD void product_rows(const float* a, const T* b, size_t b_block, size_t b_step, int blocks, int count,
                              float* c, size_t c_row) {
    constexpr int wide = R == 1 ? 4 : R <= 3 ? 2 : 1;  // columns to hide the latency of few rows
    int n = 0;
    for (; n + wide <= blocks; n += wide)
        product<AR, AK, R, wide>(a, b + static_cast<size_t>(n) * b_block, b_block, b_step, count, c + 16 * n, c_row);
    for (; n < blocks; n++)
        product<AR, AK, R, 1>(a, b + static_cast<size_t>(n) * b_block, b_block, b_step, count, c + 16 * n, c_row);
}

template <int AR, int AK, class T>
NATIVE_SIMD void products(int rows, const float* a, const T* b, size_t b_block, size_t b_step, int blocks, int count,
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
NATIVE_SIMD_INLINE Eight exp2_8(Eight x) {
    const Eight shift = all8(12582912.0f);  // 1.5 · 2^23: the sum's low bits are n
    const Eight whole = add8(x, shift), r = sub8(x, sub8(whole, shift));
    Eight p = all8(1.535336188319500e-4f);
    p = fma8(p, r, all8(1.339887440266574e-3f));
    p = fma8(p, r, all8(9.618437357674640e-3f));
    p = fma8(p, r, all8(5.550332471162809e-2f));
    p = fma8(p, r, all8(2.402264791363012e-1f));
    p = fma8(p, r, all8(6.931472028550421e-1f));
    p = fma8(p, r, all8(1.0f));
    return where_above8(scale8(p, whole), x, -126.0f);
}

// Scores of keys from … to - 1 of the span into weights. Keys outside low … high - 1 weigh nothing.
NATIVE_SIMD_INLINE void weights(float* row, int from, int to, int low, int high, const float* key_scale,
                                const float* value_scale, float softcap, float* largest, float* total) {
    if (low >= high) {
        for (int key = from; key < to; key++) row[key] = 0;
        *largest = -INFINITY, *total = 0;
        return;
    }
    if (key_scale)
        for (int key = from; key < to; key += 8) store8(row + key, mul8(load8(row + key), load8(key_scale + key)));
    if (softcap > 0)
        for (int key = low; key < high; key++) row[key] = std::tanh(row[key] / softcap) * softcap * kLog2E;
    for (int key = from; key < low; key++) row[key] = -INFINITY;
    for (int key = high; key < to; key++) row[key] = -INFINITY;
    Eight most = all8(-INFINITY), sum = all8(0);
    for (int key = from; key < to; key += 8) most = max8(most, load8(row + key));
    *largest = top8(most);
    most = all8(*largest);
    for (int key = from; key < to; key += 8) {
        Eight p = exp2_8(sub8(load8(row + key), most));
        sum = add8(sum, p);
        if (value_scale) p = mul8(p, load8(value_scale + key));
        store8(row + key, p);
    }
    *total = sum8(sum);
}

// Few queries take the cache's numbers as they come; for more, a block is made floats once, which stay in
// the first cache while all queries go over them.
template <class T>
NATIVE_SIMD void attend_kind(const Tile& tile, const Head& head, int span, float* scratch, float* parts) {
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
            for (int i = 0; i < 16 * dim; i += 8) store8(panel + i, floats8(block + i));
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
                store8(out, floats8(value));
                store8(out + 8, floats8(value + 8));
            }
        } else {
            for (int key = from; key < to; key++, value += dim, out += 16) {
                store8(out, floats8(value));
                store8(out + 8, all8(0));
            }
        }
        for (int i = 0; i < tile.count; i += kTileGroup) {
            float* part = parts + static_cast<size_t>(i) * pitch;
            products<kScoreRow, 1>(tile.count - i, scores + i * kScoreRow + from, panel, 0, 16, 1, to - from, part + d,
                                   pitch);
        }
    }
}

NATIVE_SIMD inline void attend(const Tile& tile, const Head& head, int span, float* scratch, float* parts) {
    if (tile.dim % 8) return portable::attend(tile, head, span, scratch, parts);
    if (head.key_scale) return attend_kind<int8_t>(tile, head, span, scratch, parts);
    attend_kind<uint16_t>(tile, head, span, scratch, parts);
}

NATIVE_SIMD inline void halves(const float* x, int count, uint16_t* out) {
    int i = 0;
    for (; i + 8 <= count; i += 8) store_halves8(out + i, load8(x + i));
    for (; i < count; i++) out[i] = to_half(x[i]);
}

NATIVE_SIMD inline float bytes(const float* x, int count, int8_t* out) {
    if (count % 8) return portable::bytes(x, count, out);
    Eight top = all8(0);
    for (int i = 0; i < count; i += 8) top = max8(top, abs8(load8(x + i)));
    const float largest = top8(top);
    const Eight inverse = all8(largest > 1e-30f ? 127.0f / largest : 0.0f);
    for (int i = 0; i < count; i += 8) store_bytes8(out + i, mul8(load8(x + i), inverse));
    return largest / 127.0f;
}

}  // namespace simd
}  // namespace native
#endif
