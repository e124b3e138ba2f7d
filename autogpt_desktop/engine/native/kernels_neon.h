// The kernels for Arm with NEON and the dot product of four bytes (SDOT), which are called only where the
// processor has it. Integers of 4 to 6 bits are small enough to be multiplied as signed bytes.
//
// Checked under emulation (qemu); products have the same bits as with AVX2. Its speed has not been measured.
#pragma once

#include "attention_simd.h"
#include "kernels.h"
#include "rows_simd.h"
#include "simd.h"

#ifdef NATIVE_HAS_NEON

namespace native {
namespace neon {

using namespace simd;

constexpr int kLanes = 4;

// whole: of 16 columns the sum of all, negative.
inline void quantize(const float* x, Acts* acts, int token, float* rest) {
    const int blocks = acts->cols / kCols, lanes = acts->lanes;
    size_t at = acts->at(token, 0);
    for (int b = 0; b < blocks; b++, at += static_cast<size_t>(lanes)) {
        float parts[2];
        for (int half = 0; half < 2; half++, x += 16) {
            const Eight v[2] = {load8(x), load8(x + 8)};
            const float top = top8(max8(abs8(v[0]), abs8(v[1])));
            const float scale = top / 127.0f, inverse = top > 0 ? 127.0f / top : 0.0f;
            const Eight32 whole[2] = {round8(mul8(v[0], all8(inverse))), round8(mul8(v[1], all8(inverse)))};
            const int8x16_t q = vcombine_s8(vqmovn_s16(narrow8(whole[0])), vqmovn_s16(narrow8(whole[1])));
            vst1q_s8(acts->q.data() + 32 * at + 16 * half, q);
            if (rest)
                for (int i = 0; i < 2; i++, rest += 8) store8(rest, fma8(float8(whole[i]), -scale, v[i]));
            const int sum = vaddlvq_s8(q);
            acts->scale.data()[2 * at + half] = scale;
            acts->whole.data()[2 * at + half] = -sum;
            parts[half] = scale * static_cast<float>(sum);
        }
        acts->sum.data()[at] = parts[0] + parts[1];
    }
}

// Step S of rows 4 · PART … 4 · PART + 3 of a packed block as 16 bytes: 4 rows × 4 columns.
template <Kind K, int S, int PART>
NATIVE_NEON_INLINE uint8x16_t step_of(const uint8_t* block) {
    block += 16 * PART;
    if constexpr (K == Q8) {
        return vld1q_u8(block + 32 * S);
    } else {
        uint8x16_t w = vld1q_u8(block + 32 * (S % 4));
        if constexpr (S < 4)
            w = vandq_u8(w, vdupq_n_u8(15));
        else
            w = vshrq_n_u8(w, 4);
        constexpr int bits = K == Q6 ? 2 : K == Q5 || K == Q5M ? 1 : 0;
        if constexpr (bits) {  // bits `at` … go to bit 4 …
            constexpr int at = K == Q6 ? 2 * (S % 4) : S, mask = K == Q6 ? 48 : 16;
            uint8x16_t high = vld1q_u8(block + 128 + (K == Q6 ? 32 * (S / 4) : 0));
            if constexpr (at < 4) high = vshlq_n_u8(high, 4 - at);
            if constexpr (at > 4) high = vshrq_n_u8(high, at - 4);
            w = vorrq_u8(w, vandq_u8(high, vdupq_n_u8(mask)));
        }
        return w;
    }
}

template <Kind K, int S = 0>
NATIVE_NEON_INLINE void unpack_steps(const uint8_t* block, uint8_t* out) {
    if constexpr (S < 8) {
        const uint8x16_t low = step_of<K, S, 0>(block), high = step_of<K, S, 1>(block);
        vst1q_u8(out + 32 * S, low), vst1q_u8(out + 32 * S + 16, high);
        unpack_steps<K, S + 1>(block, out);
    }
}

template <Kind K>
void unpack_kind(const Matrix& m, int group, Panel* panel) {
    const uint8_t* block = m.group(group);
    for (int b = 0; b < m.blocks_per_row(); b++, block += kBlock[K]) {
        unpack_steps<K>(block, panel->q.data() + 256 * static_cast<size_t>(b));
        const uint8_t* floats = block + kQuants[K];
        for (int part = 0; part < (K == Q6 ? 2 : 1); part++)
            store8(panel->scale.data() + 8 * (b * (K == Q6 ? 2 : 1) + part), half8(floats + 16 * part));
        if (kHasMinima[K]) store8(panel->minimum.data() + 8 * b, half8(floats + 16));
    }
}

inline void unpack(const Matrix& m, int group, Panel* panel) {
    using Function = void (*)(const Matrix&, int, Panel*);
    static const Function functions[] = {unpack_kind<Q4>,  unpack_kind<Q4M>, unpack_kind<Q5>,
                                         unpack_kind<Q5M>, unpack_kind<Q6>,  unpack_kind<Q8>};
    functions[m.kind](m, group, panel);
}

// Step S (0 … 3) of a half of a block, for T tokens whose 16 columns are in x.
template <Kind K, bool PANEL, int HALF, int T, int S = 0>
NATIVE_SDOT NATIVE_NEON_INLINE void dot_steps(const uint8_t* q, const int8x16_t* x, Eight32* sum) {
    if constexpr (S < 4) {
        constexpr int s = 4 * HALF + S;
        int8x16_t low, high;
        if constexpr (PANEL) {
            low = vreinterpretq_s8_u8(vld1q_u8(q + 32 * s)), high = vreinterpretq_s8_u8(vld1q_u8(q + 32 * s + 16));
        } else {
            low = vreinterpretq_s8_u8(step_of<K, s, 0>(q)), high = vreinterpretq_s8_u8(step_of<K, s, 1>(q));
        }
#pragma GCC unroll 4
        for (int t = 0; t < T; t++) {
            sum[t].low = vdotq_laneq_s32(sum[t].low, low, x[t], S);
            sum[t].high = vdotq_laneq_s32(sum[t].high, high, x[t], S);
        }
        dot_steps<K, PANEL, HALF, T, S + 1>(q, x, sum);
    }
}

// The exact products of 16 columns with w - kOffset, as floats.
template <Kind K, bool PANEL, int HALF, int T>
NATIVE_SDOT NATIVE_NEON_INLINE void dots(const uint8_t* q, const int8_t* x, const int32_t* whole, size_t apart, Eight* out) {
    int8x16_t columns[T];
    Eight32 sum[T];
#pragma GCC unroll 4
    for (int t = 0; t < T; t++) {
        columns[t] = vld1q_s8(x + 32 * t * apart + 16 * HALF);
        const int32x4_t offset = vdupq_n_s32(kOffset[K] ? whole[2 * t * apart + HALF] * kOffset[K] : 0);
        sum[t] = {offset, offset};
    }
    dot_steps<K, PANEL, HALF, T>(q, columns, sum);
#pragma GCC unroll 4
    for (int t = 0; t < T; t++) out[t] = float8(sum[t]);
}

// 8 rows × T tokens.
template <Kind K, bool PANEL, int T>
NATIVE_SDOT void tile(const uint8_t* q, const Panel* panel, const Acts& acts, int token, Eight* y) {
    constexpr int lanes = PANEL ? kLanes : 1, floats_of = K == Q6 ? 16 : 8;
    const int per_row = acts.cols / kCols;
    const size_t apart = PANEL ? 1 : static_cast<size_t>(per_row);  // blocks between two tokens
    const float* scales = PANEL ? panel->scale.data() : nullptr;
    const float* lows = PANEL ? panel->minimum.data() : nullptr;
    const size_t first = acts.at(token, 0);
    const int8_t* x = acts.q.data() + 32 * first;
    const float *x_scale = acts.scale.data() + 2 * first, *x_sum = acts.sum.data() + first;
    const int32_t* whole = acts.whole.data() + 2 * first;
    Eight total[T];
    for (int t = 0; t < T; t++) total[t] = all8(0);
    for (int b = 0; b < per_row; b++) {
        const uint8_t* floats = q + kQuants[K];
        Eight value[T], part[T];
        dots<K, PANEL, 0, T>(q, x, whole, apart, value);
        const Eight scale = PANEL ? load8(scales) : half8(floats);
#pragma GCC unroll 4
        for (int t = 0; t < T; t++) {
            part[t] = mul8(value[t], all8(x_scale[2 * t * apart]));
            if (K == Q6) total[t] = fma8(part[t], scale, total[t]);
        }
        dots<K, PANEL, 1, T>(q, x, whole, apart, value);
        const Eight second = K != Q6 ? scale : PANEL ? load8(scales + 8) : half8(floats + 16);
#pragma GCC unroll 4
        for (int t = 0; t < T; t++) {
            const float factor = x_scale[2 * t * apart + 1];
            part[t] = K == Q6 ? mul8(value[t], all8(factor)) : fma8(value[t], factor, part[t]);
            total[t] = fma8(part[t], second, total[t]);
        }
        if (kHasMinima[K]) {
            const Eight low = PANEL ? load8(lows) : half8(floats + 16);
#pragma GCC unroll 4
            for (int t = 0; t < T; t++) total[t] = fma8(low, x_sum[t * apart], total[t]);
        }
        q += PANEL ? 256 : kBlock[K];
        if (PANEL) scales += floats_of, lows += 8;
        x += 32 * lanes, x_scale += 2 * lanes, whole += 2 * lanes, x_sum += lanes;
    }
    for (int t = 0; t < T; t++) y[t] = total[t];
}

template <Kind K, bool PANEL>
NATIVE_SDOT void rows_kind(const Matrix& m, int group, const Panel* panel, const Acts& acts, int token, int count,
                           float* y, size_t stride) {
    const uint8_t* q = PANEL ? panel->q.data() : m.group(group);
    int used = m.rows - group * kRows < kRows ? m.rows - group * kRows : kRows;
    for (int done = 0; done < count;) {
        int step = count - done < 4 ? count - done : 4;
        Eight out[4];
        switch (step) {
            case 1: tile<K, PANEL, 1>(q, panel, acts, token + done, out); break;
            case 2: tile<K, PANEL, 2>(q, panel, acts, token + done, out); break;
            case 3: tile<K, PANEL, 3>(q, panel, acts, token + done, out); break;
            default: tile<K, PANEL, 4>(q, panel, acts, token + done, out);
        }
        for (int t = 0; t < step; t++, done++) {
            float* target = y + static_cast<size_t>(token + done) * stride + group * kRows;
            if (used == kRows) {
                store8(target, out[t]);
            } else {
                float values[8];
                store8(values, out[t]);
                std::memcpy(target, values, sizeof(float) * static_cast<size_t>(used));
            }
        }
    }
}

inline void rows(const Matrix& m, int group, const Panel* panel, const Acts& acts, int token, int count, float* y,
                 size_t stride) {
    using Function = void (*)(const Matrix&, int, const Panel*, const Acts&, int, int, float*, size_t);
    static const Function functions[][2] = {
        {rows_kind<Q4, false>, rows_kind<Q4, true>},   {rows_kind<Q4M, false>, rows_kind<Q4M, true>},
        {rows_kind<Q5, false>, rows_kind<Q5, true>},   {rows_kind<Q5M, false>, rows_kind<Q5M, true>},
        {rows_kind<Q6, false>, rows_kind<Q6, true>},   {rows_kind<Q8, false>, rows_kind<Q8, true>}};
    functions[m.kind][panel != nullptr](m, group, panel, acts, token, count, y, stride);
}

inline const Kernels* kernels() {
    if (!has_dot_product()) return nullptr;
    static const Kernels table{"neon", 6, 1, 0, kLanes, quantize, unpack, rows, simd::rms_norm, simd::gate, simd::attend, simd::halves, simd::bytes,
                               simd::project, simd::expand, simd::delta};
    return &table;
}

}  // namespace neon
}  // namespace native
#endif
