// Linear layers for Arm with the dot product.
#pragma once

#include "kernels_neon.h"
#include "linear_portable.h"

#ifdef NATIVE_HAS_NEON

namespace native {
namespace neon {

template <int T>
NATIVE_SDOT void linear_tile(const Linear& m, int group, const int8_t* x, size_t apart, int32x4_t* out) {
    const int8_t* w = m.q + static_cast<size_t>(group) * kGroup * static_cast<size_t>(m.depth);
    int32x4_t sums[4 * T];
    for (int i = 0; i < 4 * T; i++) sums[i] = vdupq_n_s32(0);
    for (int c = 0; c < m.depth; c += 4, w += 64) {
        const int8x16_t rows[4] = {vld1q_s8(w), vld1q_s8(w + 16), vld1q_s8(w + 32), vld1q_s8(w + 48)};
#pragma GCC unroll 4
        for (int t = 0; t < T; t++) {
            int32_t four;
            std::memcpy(&four, x + static_cast<size_t>(t) * apart + c, 4);
            const int8x16_t xs = vreinterpretq_s8_s32(vdupq_n_s32(four));
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) sums[4 * t + i] = vdotq_s32(sums[4 * t + i], rows[i], xs);
        }
    }
    for (int i = 0; i < 4 * T; i++) out[i] = sums[i];
}

NATIVE_SDOT inline void linear_product(const Linear& m, int from, int to, const Inputs& in, int tokens, bool relu, float* y, size_t stride) {
    const int rows = tokens * in.rows_per_token(), pair = in.rows_per_token();
    for (int g = from; g < to; g++) {
        const int used = m.rows - g * kGroup < kGroup ? m.rows - g * kGroup : kGroup;
        const float *scale = m.scale.data() + g * kGroup, *bias = m.bias.data() + g * kGroup;
        for (int done = 0; done < rows;) {
            const int step = rows - done < 4 ? rows - done : 4;
            const int8_t* x = in.q + static_cast<size_t>(done) * in.stride;
            int32x4_t sums[16];
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
                for (int i = 0; i < 4; i++) {
                    const float32x4_t factor = vmulq_n_f32(vld1q_f32(scale + 4 * i), in.scale[token]);
                    int32x4_t sum = sums[4 * t + i];
                    if (in.fine) sum = vaddq_s32(vshlq_n_s32(sum, 7), sums[4 * t + 4 + i]);
                    float32x4_t v = vaddq_f32(vmulq_f32(vcvtq_f32_s32(sum), factor), vld1q_f32(bias + 4 * i));
                    if (relu) v = vmaxq_f32(v, vdupq_n_f32(0));
                    vst1q_f32(target + 4 * i, v);
                }
                if (used != kGroup) std::memcpy(out, values, sizeof(float) * static_cast<size_t>(used));
            }
        }
    }
}

NATIVE_SDOT inline void linear_dots(const Table& m, const int32_t* ids, int first, int count, const Inputs& in, int tokens, float* y, size_t stride) {
    const int depth = padded(m.cols, 16);
    for (int i = 0; i < count; i++) {
        const int row = ids ? ids[i] : first + i;
        const int8_t* w = m.q + static_cast<size_t>(row) * m.stride;
        for (int t = 0; t < tokens; t++) {
            int32x4_t sums = vdupq_n_s32(0);
            for (int part = 0; part < in.rows_per_token(); part++) {
                const int8_t* x = in.q + static_cast<size_t>(t * in.rows_per_token() + part) * in.stride;
                sums = vshlq_n_s32(sums, 7);
                for (int c = 0; c < depth; c += 16) sums = vdotq_s32(sums, vld1q_s8(w + c), vld1q_s8(x + c));
            }
            y[static_cast<size_t>(t) * stride + static_cast<size_t>(i)] =
                static_cast<float>(vaddvq_s32(sums)) * (m.row_scale(row) * in.scale[t]) + m.row_bias(row);
        }
    }
}

inline const LinearKernels* linear_kernels() {
    if (!simd::has_dot_product()) return nullptr;
    static const LinearKernels table{"neon", false, simd_rows::quantize<false>, simd_rows::quantize_fine<false>, linear_product, linear_dots, simd_rows::embed,
                                     simd_rows::add, simd_rows::norm, simd_rows::silu, simd_rows::ssru,
                                     simd_rows::attend, simd_rows::attend_path, simd_rows::logsumexp};
    return &table;
}

}  // namespace neon
}  // namespace native
#endif
