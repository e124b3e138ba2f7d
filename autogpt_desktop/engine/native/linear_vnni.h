// Linear layers for x86 with AVX-512 and VNNI. One side of its products is unsigned: activations are kept as q + 128,
// and sums begin with -128 times those of the weights.
#pragma once

#include "kernels_vnni.h"
#include "linear_avx2.h"

#include <algorithm>
#include <type_traits>

#ifdef NATIVE_HAS_AVX2

namespace native {
namespace vnni {

constexpr int kTile = 12;                  // rows of activations at a time
constexpr int kPanelTokens = 6;            // that are worth putting rows of a table in order for
constexpr int kTileDepth = 4096;           // columns of a tile's activations that are put in order
constexpr size_t kChunkBytes = 512 << 10;  // weights that all tokens are multiplied with while the second cache has them

// A quarter to every fourth place of T numbers.
template <int T>
NATIVE_VNNI_INLINE void store_lanes(int32_t* out, __m512i v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_maskz_extracti32x4_epi32(0xf, v, 0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 4 * T), _mm512_maskz_extracti32x4_epi32(0xf, v, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 8 * T), _mm512_maskz_extracti32x4_epi32(0xf, v, 2));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 12 * T), _mm512_maskz_extracti32x4_epi32(0xf, v, 3));
}

// Four columns of each row behind each other, so that one address serves all: [depth / 4, T, 4]. Where there are
// fewer rows than T, the last one stands for those that are missing.
template <int T>
NATIVE_VNNI void order_tile(const Inputs& in, int first, int count, int depth, int32_t* out) {
    for (int some = 0; some < T; some += 4) {
        const int8_t* x[4];
        for (int t = 0; t < 4; t++) x[t] = in.q + static_cast<size_t>(first + (some + t < count ? some + t : count - 1)) * in.stride;
        for (int c = 0; c < depth; c += 64) {
            const __m512i one = _mm512_loadu_si512(x[0] + c), two = _mm512_loadu_si512(x[1] + c);
            const __m512i three = _mm512_loadu_si512(x[2] + c), four = _mm512_loadu_si512(x[3] + c);
            const __m512i a = _mm512_maskz_unpacklo_epi32(0xffff, one, two), b = _mm512_maskz_unpacklo_epi32(0xffff, three, four);
            const __m512i d = _mm512_maskz_unpackhi_epi32(0xffff, one, two), e = _mm512_maskz_unpackhi_epi32(0xffff, three, four);
            int32_t* to = out + c / 4 * T + some;
            store_lanes<T>(to, _mm512_maskz_unpacklo_epi64(0xff, a, b));
            store_lanes<T>(to + T, _mm512_maskz_unpackhi_epi64(0xff, a, b));
            store_lanes<T>(to + 2 * T, _mm512_maskz_unpacklo_epi64(0xff, d, e));
            store_lanes<T>(to + 3 * T, _mm512_maskz_unpackhi_epi64(0xff, d, e));
        }
    }
}

// What a row's sums begin with: -128 times those of the weights.
NATIVE_VNNI_INLINE __m512i linear_begin(const Linear& m, int row) {
    const __m512i whole = _mm512_loadu_si512(m.sums.data() + row);
    return _mm512_maskz_slli_epi32(0xffff, _mm512_sub_epi32(_mm512_setzero_si512(), whole), 7);
}

NATIVE_VNNI_INLINE void linear_store(const Linear& m, int row, __m512i sums, float x_scale, bool relu, float* y) {
    const int used = m.rows - row < kGroup ? m.rows - row : kGroup;
    const __m512 factor = _mm512_mul_ps(_mm512_loadu_ps(m.scale.data() + row), _mm512_set1_ps(x_scale));
    __m512 v = _mm512_add_ps(_mm512_mul_ps(_mm512_maskz_cvtepi32_ps(0xffff, sums), factor), _mm512_loadu_ps(m.bias.data() + row));
    if (relu) v = _mm512_maskz_max_ps(0xffff, v, _mm512_setzero_ps());
    _mm512_mask_storeu_ps(y + row, static_cast<__mmask16>((1u << used) - 1), v);
}

// The sums of a fine token.
NATIVE_VNNI_INLINE __m512i linear_pair(__m512i high, __m512i low) {
    return _mm512_add_epi32(_mm512_maskz_slli_epi32(0xffff, high, 7), low);
}

// GCC would keep copies of the sums in memory.
#define NATIVE_DOT(sum, x, w) __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w))

// T rows of activations times the rows of two groups, which begin with what `a` and `b` hold. `ahead`: where the two
// groups lie that come next, null: they are in a cache already.
template <int T>
NATIVE_VNNI_INLINE void tile_sums(const int8_t* one, const int8_t* two, int depth, const int32_t* x, const int8_t* ahead, __m512i* a, __m512i* b) {
    const size_t apart = ahead ? static_cast<size_t>(kGroup) * static_cast<size_t>(depth) : 0, step = ahead ? 64 : 0;
    if (!ahead) ahead = one;
    for (int c = 0; c < depth; c += 4, one += 64, two += 64, x += T, ahead += step) {
        const __m512i v = _mm512_loadu_si512(one), w = _mm512_loadu_si512(two);
        _mm_prefetch(reinterpret_cast<const char*>(ahead), _MM_HINT_T0);
        _mm_prefetch(reinterpret_cast<const char*>(ahead + apart), _MM_HINT_T0);
#pragma GCC unroll 16
        for (int t = 0; t < T; t++) {
            const __m512i xs = _mm512_set1_epi32(x[t]);
            NATIVE_DOT(a[t], xs, v);
            NATIVE_DOT(b[t], xs, w);
        }
    }
}

// `count` of T rows of activations times the rows of two groups; `second` is false where there is only one.
template <int T>
NATIVE_VNNI void linear_tile(const Linear& m, int group, bool second, const int32_t* x, const float* x_scale, int count, bool fine, bool relu, float* y, size_t stride, const int8_t* ahead) {
    const size_t size = static_cast<size_t>(kGroup) * static_cast<size_t>(m.depth);
    const int8_t *one = m.q + static_cast<size_t>(group) * size, *two = second ? one + size : one;
    const int row = group * kGroup, other = second ? row + kGroup : row;
    const __m512i first_begin = linear_begin(m, row), other_begin = linear_begin(m, other);
    __m512i a[T], b[T];
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) a[t] = first_begin, b[t] = other_begin;
    tile_sums<T>(one, two, m.depth, x, ahead, a, b);
    if (fine) {
#pragma GCC unroll 16
        for (int t = 0; t < T; t += 2) {
            if (t >= count) continue;
            float* out = y + static_cast<size_t>(t / 2) * stride;
            linear_store(m, row, linear_pair(a[t], a[t + 1]), x_scale[t / 2], relu, out);
            if (second) linear_store(m, other, linear_pair(b[t], b[t + 1]), x_scale[t / 2], relu, out);
        }
        return;
    }
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) {
        if (t >= count) continue;
        linear_store(m, row, a[t], x_scale[t], relu, y + static_cast<size_t>(t) * stride);
        if (second) linear_store(m, other, b[t], x_scale[t], relu, y + static_cast<size_t>(t) * stride);
    }
}

// Calls task(first, count, T) for each tile of `rows` rows, with T as a type.
template <class Task>
inline void linear_tiles(int rows, const Task& task) {
    int done = 0;
    // of the last 13 to 16 rows two tiles of eight, which read the weights as often
    for (; rows - done == kTile || rows - done > 16; done += kTile) task(done, kTile, std::integral_constant<int, kTile>());
    for (; rows - done > 4; done += 8) task(done, rows - done < 8 ? rows - done : 8, std::integral_constant<int, 8>());
    if (rows > done) task(done, rows - done, std::integral_constant<int, 4>());
}

inline void linear_order(const Inputs& in, int tokens, int depth, int32_t* out) {
    linear_tiles(tokens * in.rows_per_token(), [&](int first, int count, auto tile) {
        order_tile<decltype(tile)::value>(in, first, count, depth, out);
        out += depth / 4 * decltype(tile)::value;
    });
}

template <int T>
inline void linear_groups(const Linear& m, int from, int to, const Inputs& in, int first, int count, const int32_t* x, bool relu, float* y, size_t stride) {
    const int token = first / in.rows_per_token();
    const size_t size = static_cast<size_t>(kGroup) * static_cast<size_t>(m.depth);
    for (int group = from; group < to; group += 2)
        linear_tile<T>(m, group, group + 1 < to, x, in.scale + token, count, in.fine, relu, y + static_cast<size_t>(token) * stride, stride,
                       !first && group + 3 < to ? m.q + static_cast<size_t>(group + 2) * size : nullptr);
}

inline void linear_product(const Linear& m, int from, int to, const Inputs& in, int tokens, bool relu, float* y, size_t stride) {
    int32_t some[kTile * kTileDepth / 4], *own = some;
    std::unique_ptr<int32_t[]> larger;
    if (!in.ordered && m.depth > kTileDepth) larger.reset(new int32_t[static_cast<size_t>(kTile * m.depth / 4)]), own = larger.get();
    const int chunk = std::max(2, static_cast<int>(kChunkBytes / (static_cast<size_t>(kGroup) * static_cast<size_t>(m.depth))) / 2 * 2);
    for (; from < to; from += chunk) {
        const int end = to - from < chunk ? to : from + chunk;
        const int32_t* ordered = in.ordered;
        linear_tiles(tokens * in.rows_per_token(), [&](int first, int count, auto tile) {
            if (!in.ordered) order_tile<decltype(tile)::value>(in, first, count, m.depth, own);
            linear_groups<decltype(tile)::value>(m, from, end, in, first, count, in.ordered ? ordered : own, relu, y, stride);
            if (ordered) ordered += m.depth / 4 * decltype(tile)::value;
        });
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

// Sums of 16 vectors' elements, in their order.
NATIVE_VNNI_INLINE __m512i sixteen_sums(const __m512i* v) {
    __m512i four[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const __m512i *w = v + 4 * i;
        const __m512i a = _mm512_add_epi32(_mm512_maskz_unpacklo_epi32(0xffff, w[0], w[1]), _mm512_maskz_unpackhi_epi32(0xffff, w[0], w[1]));
        const __m512i b = _mm512_add_epi32(_mm512_maskz_unpacklo_epi32(0xffff, w[2], w[3]), _mm512_maskz_unpackhi_epi32(0xffff, w[2], w[3]));
        four[i] = _mm512_add_epi32(_mm512_maskz_unpacklo_epi64(0xff, a, b), _mm512_maskz_unpackhi_epi64(0xff, a, b));
    }
    __m512i two[2];
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++)
        two[i] = _mm512_add_epi32(_mm512_maskz_shuffle_i32x4(0xffff, four[2 * i], four[2 * i + 1], 0x88), _mm512_maskz_shuffle_i32x4(0xffff, four[2 * i], four[2 * i + 1], 0xdd));
    return _mm512_add_epi32(_mm512_maskz_shuffle_i32x4(0xffff, two[0], two[1], 0x88), _mm512_maskz_shuffle_i32x4(0xffff, two[0], two[1], 0xdd));
}

NATIVE_VNNI_INLINE __m512 four_times(__m128 v) { return _mm512_maskz_broadcast_f32x4(0xffff, v); }

// Four rows of the table times groups of four tokens.
NATIVE_VNNI void dots_four(const Table& m, const int* rows, int count, const Inputs& in, int tokens, float* y, size_t stride) {
    const int8_t* w[4];
    float scales[4], biases[4];
    int32_t less[4];
    for (int r = 0; r < 4; r++) {
        w[r] = m.q + static_cast<size_t>(rows[r]) * m.stride;
        scales[r] = m.row_scale(rows[r]), biases[r] = m.row_bias(rows[r]), less[r] = 128 * m.sums[static_cast<size_t>(rows[r])];
    }
    const __m512 scale = four_times(_mm_loadu_ps(scales)), bias = four_times(_mm_loadu_ps(biases));
    const __m512i begin = _mm512_maskz_broadcast_i32x4(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(less)));
    const __m512i token_of = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    for (int token = 0; token < tokens; token += 4) {
        const int8_t* x = in.q + static_cast<size_t>(token) * in.stride;
        __m512i sums[16];
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) sums[i] = _mm512_setzero_si512();
        for (int c = 0; c < m.cols; c += 64) {
            __m512i weights[4];
#pragma GCC unroll 4
            for (int r = 0; r < 4; r++) weights[r] = _mm512_loadu_si512(w[r] + c);
#pragma GCC unroll 4
            for (int t = 0; t < 4; t++) {
                const __m512i xs = _mm512_loadu_si512(x + static_cast<size_t>(t) * in.stride + c);
#pragma GCC unroll 4
                for (int r = 0; r < 4; r++) NATIVE_DOT(sums[4 * t + r], xs, weights[r]);
            }
        }
        const __m512 values = _mm512_maskz_cvtepi32_ps(0xffff, _mm512_sub_epi32(sixteen_sums(sums), begin));
        const __m512 x_scale = _mm512_maskz_permutexvar_ps(0xffff, token_of, four_times(_mm_loadu_ps(in.scale + token)));
        const __m512 v = _mm512_add_ps(_mm512_mul_ps(values, _mm512_mul_ps(scale, x_scale)), bias);
        const __mmask8 used = static_cast<__mmask8>((1u << count) - 1);
        float* out = y + static_cast<size_t>(token) * stride;
        _mm_mask_storeu_ps(out, used, _mm512_maskz_extractf32x4_ps(0xf, v, 0));
        _mm_mask_storeu_ps(out + stride, used, _mm512_maskz_extractf32x4_ps(0xf, v, 1));
        _mm_mask_storeu_ps(out + 2 * stride, used, _mm512_maskz_extractf32x4_ps(0xf, v, 2));
        _mm_mask_storeu_ps(out + 3 * stride, used, _mm512_maskz_extractf32x4_ps(0xf, v, 3));
    }
}

// Eight rows of the table times a token. FINE: of two rows of activations.
template <bool FINE>
NATIVE_VNNI void dots_eight(const Table& m, const int* rows, int count, const Inputs& in, int token, float* y, size_t stride) {
    constexpr int R = 8, T = FINE ? 2 : 1;
    const int8_t *w[R], *x = in.q + static_cast<size_t>(token * in.rows_per_token()) * in.stride;
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) w[r] = m.q + static_cast<size_t>(rows[r]) * m.stride;
    __m512i sums[R * T];
#pragma GCC unroll 16
    for (int i = 0; i < R * T; i++) sums[i] = _mm512_setzero_si512();
    for (int c = 0; c < m.cols; c += 64) {
        __m512i xs[T];
#pragma GCC unroll 4
        for (int t = 0; t < T; t++) xs[t] = _mm512_loadu_si512(x + static_cast<size_t>(t) * in.stride + c);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const __m512i weights = _mm512_loadu_si512(w[r] + c);
#pragma GCC unroll 4
            for (int t = 0; t < T; t++) NATIVE_DOT(sums[r * T + t], xs[t], weights);
        }
    }
    const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows));
    const __m256i less = _mm256_slli_epi32(_mm256_i32gather_epi32(m.sums.data(), at, 4), 7);
    __m256i sum = sums_of(sums);
    if constexpr (FINE) {
        const __m256i rest = sums_of(sums + 8), even = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14);
        const __m256i high = _mm256_permutex2var_epi32(sum, even, rest);
        const __m256i low = _mm256_permutex2var_epi32(sum, _mm256_add_epi32(even, _mm256_set1_epi32(1)), rest);
        sum = _mm256_add_epi32(_mm256_slli_epi32(_mm256_sub_epi32(high, less), 7), _mm256_sub_epi32(low, less));
    } else {
        sum = _mm256_sub_epi32(sum, less);
    }
    const __m256 scale = m.scale.size() == 1 ? _mm256_set1_ps(m.scale[0]) : _mm256_i32gather_ps(m.scale.data(), at, 4);
    const __m256 bias = m.bias.empty() ? _mm256_setzero_ps() : _mm256_i32gather_ps(m.bias.data(), at, 4);
    const __m256 factor = _mm256_mul_ps(scale, _mm256_set1_ps(in.scale[token]));
    const __m256 v = _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), factor), bias);
    _mm256_mask_storeu_ps(y + static_cast<size_t>(token) * stride, static_cast<__mmask8>((1u << count) - 1), v);
}

// Rows `row` … of the table, 16 at most, times T rows of activations, of whose sums float values become.
template <int T>
NATIVE_VNNI_INLINE void panel_store(const Table& m, int row, int used, const __m512i* sums, const float* x_scale, int count, bool fine, float* y, size_t stride) {
    const __mmask16 mask = static_cast<__mmask16>((1u << used) - 1);
    const __m512 scale = m.scale.size() == 1 ? _mm512_set1_ps(m.scale[0]) : _mm512_maskz_loadu_ps(mask, m.scale.data() + row);
    const __m512 bias = m.bias.empty() ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, m.bias.data() + row);
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) {
        if (t >= count || (fine && t % 2)) continue;
        const int token = fine ? t / 2 : t;
        const __m512i sum = fine ? linear_pair(sums[t], sums[t + 1 < T ? t + 1 : t]) : sums[t];
        const __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(x_scale[token]));
        const __m512 v = _mm512_add_ps(_mm512_mul_ps(_mm512_maskz_cvtepi32_ps(0xffff, sum), factor), bias);
        _mm512_mask_storeu_ps(y + static_cast<size_t>(token) * stride, mask, v);
    }
}

template <int T>
NATIVE_VNNI void panel_tile(const Table& m, int row, int used, const int8_t* panel, int depth, const int32_t* x, const float* x_scale, int count, bool fine, float* y, size_t stride, const int8_t* ahead) {
    const int first = used < kGroup ? used : kGroup, second = used - first;
    const __mmask16 one = static_cast<__mmask16>((1u << first) - 1), two = static_cast<__mmask16>((1u << second) - 1);
    const __m512i zero = _mm512_setzero_si512();
    const __m512i first_begin = _mm512_maskz_slli_epi32(0xffff, _mm512_sub_epi32(zero, _mm512_maskz_loadu_epi32(one, m.sums.data() + row)), 7);
    const __m512i other_begin = _mm512_maskz_slli_epi32(0xffff, _mm512_sub_epi32(zero, second ? _mm512_maskz_loadu_epi32(two, m.sums.data() + row + kGroup) : zero), 7);
    __m512i a[T], b[T];
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) a[t] = first_begin, b[t] = other_begin;
    tile_sums<T>(panel, second ? panel + static_cast<size_t>(kGroup) * static_cast<size_t>(depth) : panel, depth, x, ahead, a, b);
    panel_store<T>(m, row, first, a, x_scale, count, fine, y, stride);
    if (second) panel_store<T>(m, row + kGroup, second, b, x_scale, count, fine, y + kGroup, stride);
}

// Rows of the table that lie behind each other, times many tokens: some are put in order as `product` has them, and
// read from there by all tokens.
inline void linear_panels(const Table& m, int first, int count, const Inputs& in, int tokens, float* y, size_t stride) {
    const int depth = padded(m.cols, kDepth), rows = tokens * in.rows_per_token();
    std::unique_ptr<int32_t[]> ordered(new int32_t[static_cast<size_t>(rows + 16) * static_cast<size_t>(depth / 4)]);
    std::unique_ptr<int32_t[]> panel(new int32_t[static_cast<size_t>(2 * kGroup) * static_cast<size_t>(depth / 4)]);
    linear_order(in, tokens, depth, ordered.get());
    for (int i = 0; i < count; i += 2 * kGroup) {
        const int row = first + i, used = count - i < 2 * kGroup ? count - i : 2 * kGroup;
        Inputs weights;
        weights.q = m.q + static_cast<size_t>(row) * m.stride, weights.stride = m.stride;
        order_tile<kGroup>(weights, 0, used < kGroup ? used : kGroup, depth, panel.get());
        if (used > kGroup) order_tile<kGroup>(weights, kGroup, used - kGroup, depth, panel.get() + static_cast<size_t>(kGroup) * static_cast<size_t>(depth / 4));
        const int8_t* next = row + 4 * kGroup <= m.rows ? weights.q + static_cast<size_t>(2 * kGroup) * m.stride : nullptr;
        const int32_t* x = ordered.get();
        linear_tiles(rows, [&](int from, int some, auto tile) {
            const int token = from / in.rows_per_token();
            panel_tile<decltype(tile)::value>(m, row, used, reinterpret_cast<const int8_t*>(panel.get()), depth, x, in.scale + token, some, in.fine,
                                              y + static_cast<size_t>(token) * stride + i, stride, from ? nullptr : next);
            x += depth / 4 * decltype(tile)::value;
        });
    }
}

inline void linear_dots(const Table& m, const int32_t* ids, int first, int count, const Inputs& in, int tokens, float* y, size_t stride) {
    constexpr int step = 8, kAhead = 2 * step;
    if (!ids && tokens >= kPanelTokens) return linear_panels(m, first, count, in, tokens, y, stride);
    for (int i = 0; i < count; i += step) {
        int rows[step];
        const int used = count - i < step ? count - i : step;
        for (int r = 0; r < step; r++) {
            const int at = i + (r < used ? r : 0);
            rows[r] = ids ? ids[at] : first + at;
        }
        if (ids && count - i >= kAhead + step)  // rows of a list lie anywhere
            for (int r = 0; r < step; r++)
                for (int c = 0; c < m.cols; c += 64) _mm_prefetch(reinterpret_cast<const char*>(m.q + static_cast<size_t>(ids[i + kAhead + r]) * m.stride + c), _MM_HINT_T0);
        if (in.fine) {
            for (int token = 0; token < tokens; token++) dots_eight<true>(m, rows, used, in, token, y + i, stride);
            continue;
        }
        const int together = tokens / 4 * 4;
        for (int r = 0; together && r < used; r += 4) dots_four(m, rows + r, used - r < 4 ? used - r : 4, in, together, y + i + r, stride);
        for (int token = together; token < tokens; token++) dots_eight<false>(m, rows, used, in, token, y + i, stride);
    }
}

inline const LinearKernels* linear_kernels() {
    if (!is_supported()) return nullptr;
    static const LinearKernels table = [] {
        LinearKernels set = *avx2::linear_kernels();
        set.name = "avx512-vnni", set.flipped = true, set.quantize = simd_rows::quantize<true>, set.quantize_fine = simd_rows::quantize_fine<true>;
        set.product = linear_product, set.dots = linear_dots, set.order = linear_order;
        return set;
    }();
    return &table;
}

}  // namespace vnni
}  // namespace native
#endif
