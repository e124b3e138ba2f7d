// What stands between the products while a model learns, forward and back: each reads its rows once or twice,
// where an operator for each step of the formula would go through memory five to ten times.
//
// Numbers are float32 or bfloat16 (`Brain`), sums float32. Work is cut into chunks of rows by the number of
// rows alone, and sums over chunks are added up in their order: the result does not depend on threads.
#pragma once

#include "simd.h"

#ifdef NATIVE_HAS_AVX2

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "threads.h"

namespace native {
namespace train {

using simd::add8;
using simd::all8;
using simd::div8;
using simd::Eight;
using simd::exp8;
using simd::fma8;
using simd::max8;
using simd::mul8;
using simd::sub8;
using simd::sum8;

struct Brain {
    uint16_t bits;
};

NATIVE_AVX2_INLINE Eight read8(const float* at) { return simd::load8(at); }
NATIVE_AVX2_INLINE Eight read8(const Brain* at) {
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
NATIVE_AVX2_INLINE void write8(float* at, Eight v) { simd::store8(at, v); }

// To the nearest, ties to even; what is no number stays none.
NATIVE_AVX2_INLINE void write8(Brain* at, Eight v) {
    __m256i bits = _mm256_castps_si256(v);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    __m256i none = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    rounded = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, _mm256_set1_epi32(0x7fc00000), none), 16);
    __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), packed);
}

// The first `count` of eight; the others are `rest`, or stay as they are.
template <class T>
NATIVE_AVX2 inline Eight read_some(const T* at, int64_t count, float rest) {
    T values[8];
    float wide[8];
    std::memset(values, 0, sizeof values);
    std::memcpy(values, at, static_cast<size_t>(count) * sizeof(T));
    write8(wide, read8(values));
    for (int64_t i = count; i < 8; i++) wide[i] = rest;
    return simd::load8(wide);
}
template <class T>
NATIVE_AVX2 inline void write_some(T* at, int64_t count, Eight v) {
    T values[8];
    write8(values, v);
    std::memcpy(at, values, static_cast<size_t>(count) * sizeof(T));
}
template <class T>
NATIVE_AVX2_INLINE Eight read_part(const T* at, int64_t left, float rest) {
    return left >= 8 ? read8(at) : read_some(at, left, rest);
}
template <class T>
NATIVE_AVX2_INLINE void write_part(T* at, int64_t left, Eight v) {
    if (left >= 8) write8(at, v);
    else write_some(at, left, v);
}

constexpr int64_t kChunk = 1 << 14;  // numbers that one chunk of rows has, about

inline int chunks_of(int64_t rows, int64_t cols) {
    int64_t wanted = std::min<int64_t>(rows, rows * cols / kChunk);
    return static_cast<int>(std::clamp<int64_t>(wanted, 1, 1 << 12));
}

template <class Rows>
inline void each(Pool& pool, int64_t rows, int64_t cols, const Rows& work) {
    const int chunks = chunks_of(rows, cols);
    pool.run(chunks, [&](int chunk, int) { work(rows * chunk / chunks, rows * (chunk + 1) / chunks, chunk); });
}

// out = x / rms(x) · w, where row r has the weights of row r % period. inverse [rows]: 1 / rms.
template <class In, class Out>
NATIVE_AVX2 inline void rms_norm_rows(const In* x, const float* w, float eps, int64_t from, int64_t to, int64_t cols,
                                      int64_t period, Out* out, float* inverse) {
    for (int64_t r = from; r < to; r++) {
        const In* row = x + r * cols;
        const float* weight = w + (r % period) * cols;
        Eight squares = all8(0);
        for (int64_t i = 0; i < cols; i += 8) {
            const Eight v = read_part(row + i, cols - i, 0);
            squares = fma8(v, v, squares);
        }
        const float factor = 1.0f / std::sqrt(sum8(squares) / static_cast<float>(cols) + eps);
        inverse[r] = factor;
        for (int64_t i = 0; i < cols; i += 8) {
            const Eight v = mul8(read_part(row + i, cols - i, 0), all8(factor));
            write_part(out + r * cols + i, cols - i, mul8(v, read_part(weight + i, cols - i, 0)));
        }
    }
}

// dx, and this chunk's part of dw [period, cols], which begins as zeros.
template <class In, class Grad>
NATIVE_AVX2 inline void rms_norm_back_rows(const Grad* grad, const In* x, const float* w, const float* inverse,
                                           int64_t from, int64_t to, int64_t cols, int64_t period, In* dx, float* dw) {
    for (int64_t r = from; r < to; r++) {
        const In* row = x + r * cols;
        const Grad* come = grad + r * cols;
        const float* weight = w + (r % period) * cols;
        float* part = dw + (r % period) * cols;
        const Eight factor = all8(inverse[r]);
        Eight along = all8(0);
        for (int64_t i = 0; i < cols; i += 8) {
            const int64_t left = cols - i;
            const Eight normed = mul8(read_part(row + i, left, 0), factor), g = read_part(come + i, left, 0);
            const Eight moved = mul8(g, normed);
            along = fma8(moved, read_part(weight + i, left, 0), along);
            write_part(part + i, left, add8(read_part(part + i, left, 0), moved));
        }
        const Eight mean = all8(sum8(along) / static_cast<float>(cols));
        for (int64_t i = 0; i < cols; i += 8) {
            const int64_t left = cols - i;
            const Eight normed = mul8(read_part(row + i, left, 0), factor);
            const Eight g = mul8(read_part(come + i, left, 0), read_part(weight + i, left, 0));
            write_part(dx + r * cols + i, left, mul8(sub8(g, mul8(normed, mean)), factor));
        }
    }
}

NATIVE_AVX2_INLINE Eight sigmoid8(Eight x) { return div8(all8(1), add8(all8(1), exp8(sub8(all8(0), x)))); }

// gate · sigmoid(gate) · up of rows [2, cols].
template <class T>
NATIVE_AVX2 inline void swiglu_rows(const T* gate_up, int64_t from, int64_t to, int64_t cols, T* out) {
    for (int64_t r = from; r < to; r++) {
        const T *gate = gate_up + r * 2 * cols, *up = gate + cols;
        for (int64_t i = 0; i < cols; i += 8) {
            const Eight g = read_part(gate + i, cols - i, 0);
            const Eight y = mul8(mul8(g, sigmoid8(g)), read_part(up + i, cols - i, 0));
            write_part(out + r * cols + i, cols - i, y);
        }
    }
}

template <class T>
NATIVE_AVX2 inline void swiglu_back_rows(const T* grad, const T* gate_up, int64_t from, int64_t to, int64_t cols,
                                         T* back) {
    for (int64_t r = from; r < to; r++) {
        const T *gate = gate_up + r * 2 * cols, *up = gate + cols;
        T *dgate = back + r * 2 * cols, *dup = dgate + cols;
        for (int64_t i = 0; i < cols; i += 8) {
            const int64_t left = cols - i;
            const Eight g = read_part(gate + i, left, 0), u = read_part(up + i, left, 0);
            const Eight come = read_part(grad + r * cols + i, left, 0), s = sigmoid8(g);
            const Eight act = mul8(g, s);
            write_part(dup + i, left, mul8(come, act));
            // σ(g) + g σ(g) (1 - σ(g))
            const Eight slope = fma8(act, sub8(all8(1), s), s);
            write_part(dgate + i, left, mul8(mul8(come, u), slope));
        }
    }
}

// Pairs (2i, 2i + 1) turned by table [length, cols] of (cos, sin), backwards where `back`. Row r holds `heads` heads,
// `stride` numbers apart from the next row, and stands at position r % length.
template <class T>
NATIVE_AVX2 inline void rotary_rows(const T* x, int64_t stride, const float* table, int64_t length, int64_t from,
                                    int64_t to, int64_t heads, int64_t cols, bool back, T* out) {
    const Eight sign = back ? _mm256_setr_ps(1, -1, 1, -1, 1, -1, 1, -1) : _mm256_setr_ps(-1, 1, -1, 1, -1, 1, -1, 1);
    for (int64_t r = from; r < to; r++) {
        const float* turn = table + (r % length) * cols;
        for (int64_t h = 0; h < heads; h++) {
            const T* row = x + r * stride + h * cols;
            T* target = out + (r * heads + h) * cols;
            for (int64_t i = 0; i < cols; i += 8) {
                const int64_t left = cols - i;
                const Eight v = read_part(row + i, left, 0), t = read_part(turn + i, left, 0);
                const Eight cosines = _mm256_moveldup_ps(t), sines = _mm256_movehdup_ps(t);
                const Eight swapped = _mm256_permute_ps(v, 0xb1);
                write_part(target + i, left, fma8(v, cosines, mul8(mul8(swapped, sines), sign)));
            }
        }
    }
}

// The first `count` of eight, zeros behind them.
NATIVE_AVX2 inline Eight first8(Eight v, int64_t count) {
    float values[8];
    simd::store8(values, v);
    for (int64_t i = std::max<int64_t>(count, 0); i < 8; i++) values[i] = 0;
    return simd::load8(values);
}

// In place: softmax of the first `seen` numbers of each row of scores [.., queries · groups, cols], zeros behind
// them. Row r belongs to query r / groups % queries, which sees `before` keys and those up to itself.
template <class T>
NATIVE_AVX2 inline void softmax_rows(T* scores, int64_t from, int64_t to, int64_t cols, int64_t queries, int64_t groups,
                                     int64_t before, float scale) {
    for (int64_t r = from; r < to; r++) {
        T* row = scores + r * cols;
        const int64_t seen = std::min(cols, before + r / groups % queries + 1);
        Eight top = all8(-std::numeric_limits<float>::infinity());
        for (int64_t i = 0; i < seen; i += 8) top = max8(read_part(row + i, seen - i, -3e38f), top);
        const float highest = simd::top8(top);
        const Eight shift = all8(highest * scale), factor = all8(scale);
        Eight total = all8(0);
        for (int64_t i = 0; i < seen; i += 8) {
            const Eight v = sub8(mul8(read_part(row + i, seen - i, -3e38f), factor), shift);
            total = add8(total, i + 8 <= seen ? exp8(v) : first8(exp8(v), seen - i));
        }
        const Eight share = all8(1.0f / sum8(total));
        for (int64_t i = 0; i < seen; i += 8) {
            const Eight v = sub8(mul8(read_part(row + i, seen - i, -3e38f), factor), shift);
            write_part(row + i, seen - i, mul8(exp8(v), share));
        }
        std::memset(row + seen, 0, static_cast<size_t>(cols - seen) * sizeof(T));
    }
}

// In place of dweights: the gradient of the scores, share · (dweight - Σ share · dweight) · scale.
template <class T>
NATIVE_AVX2 inline void softmax_back_rows(T* dweights, const T* shares, int64_t from, int64_t to, int64_t cols,
                                          int64_t queries, int64_t groups, int64_t before, float scale) {
    for (int64_t r = from; r < to; r++) {
        T* row = dweights + r * cols;
        const T* share = shares + r * cols;
        const int64_t seen = std::min(cols, before + r / groups % queries + 1);
        Eight along = all8(0);
        for (int64_t i = 0; i < seen; i += 8)
            along = fma8(read_part(row + i, seen - i, 0), read_part(share + i, seen - i, 0), along);
        const Eight total = all8(sum8(along)), factor = all8(scale);
        for (int64_t i = 0; i < seen; i += 8) {
            const Eight d = sub8(read_part(row + i, seen - i, 0), total);
            write_part(row + i, seen - i, mul8(mul8(d, read_part(share + i, seen - i, 0)), factor));
        }
        std::memset(row + seen, 0, static_cast<size_t>(cols - seen) * sizeof(T));
    }
}

// losses [rows]: -log softmax(logits)[target], 0 where the target is below 0. Where `scale` is not 0, the logits become
// the gradient of the losses' sum times `scale`.
template <class T>
NATIVE_AVX2 inline void cross_entropy_rows(T* logits, const int64_t* targets, int64_t from, int64_t to, int64_t cols,
                                           float scale, float* losses) {
    for (int64_t r = from; r < to; r++) {
        T* row = logits + r * cols;
        if (targets[r] < 0) {
            losses[r] = 0;
            if (scale != 0) std::memset(row, 0, static_cast<size_t>(cols) * sizeof(T));
            continue;
        }
        Eight top = all8(-std::numeric_limits<float>::infinity());
        for (int64_t i = 0; i < cols; i += 8) top = max8(read_part(row + i, cols - i, -3e38f), top);
        const float highest = simd::top8(top);
        const Eight shift = all8(highest);
        Eight total = all8(0);
        for (int64_t i = 0; i < cols; i += 8) {
            const Eight e = exp8(sub8(read_part(row + i, cols - i, -3e38f), shift));
            total = add8(total, i + 8 <= cols ? e : first8(e, cols - i));
        }
        const float sum = sum8(total);
        float wanted[8];
        simd::store8(wanted, read_some(row + targets[r], 1, 0));
        losses[r] = highest + std::log(sum) - wanted[0];
        if (scale == 0) continue;
        const Eight share = all8(scale / sum);
        for (int64_t i = 0; i < cols; i += 8)
            write_part(row + i, cols - i, mul8(exp8(sub8(read_part(row + i, cols - i, -3e38f), shift)), share));
        write_some(row + targets[r], 1, all8(std::exp(wanted[0] - highest) / sum * scale - scale));
    }
}

}  // namespace train
}  // namespace native
#endif
