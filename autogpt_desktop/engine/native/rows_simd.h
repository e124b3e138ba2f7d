// What happens to single rows between the products, for processors with vectors.
#pragma once

#include <cmath>

#include "kernels.h"
#include "simd.h"

#ifdef NATIVE_HAS_SIMD

namespace native {
namespace simd {

NATIVE_SIMD inline void rms_norm(const float* x, const float* weight, float eps, int count, float* out) {
    Eight squares = all8(0);
    int i = 0;
    for (; i + 8 <= count; i += 8) {
        const Eight v = load8(x + i);
        squares = fma8(v, v, squares);
    }
    float total = sum8(squares);
    for (int j = i; j < count; j++) total += x[j] * x[j];
    const float factor = 1.0f / std::sqrt(total / static_cast<float>(count) + eps);
    const Eight factors = all8(factor);
    for (i = 0; i + 8 <= count; i += 8) store8(out + i, mul8(mul8(load8(x + i), factors), load8(weight + i)));
    for (; i < count; i++) out[i] = x[i] * factor * weight[i];
}

NATIVE_SIMD inline void gate(bool gelu, const float* gate, const float* up, int count, float* out) {
    int i = 0;
    for (; i + 8 <= count; i += 8) {
        const Eight g = load8(gate + i);
        Eight z = g;
        if (gelu) z = mul8(all8(1.5957691216f), fma8(mul8(mul8(g, g), g), all8(0.044715f), g));
        const Eight e = exp8(sub8(all8(0), z));
        store8(out + i, mul8(div8(g, add8(all8(1.0f), e)), load8(up + i)));
    }
    if (i < count) portable::gate(gelu, gate + i, up + i, count - i, out + i);
}

// As portable::project and portable::expand have it, in the same order.
NATIVE_SIMD inline void project(const LowRank& m, const float* x, float* low) {
    const uint16_t* a = m.a.data();
    for (int g = 0; g < m.ranks; g += 8, low += 8) {
        Eight s0 = all8(0), s1 = s0, s2 = s0, s3 = s0;
        for (int c = 0; c < m.cols; c += 4, a += 32) {
            s0 = fma8(half8(a), splat(x + c), s0);
            s1 = fma8(half8(a + 8), splat(x + c + 1), s1);
            s2 = fma8(half8(a + 16), splat(x + c + 2), s2);
            s3 = fma8(half8(a + 24), splat(x + c + 3), s3);
        }
        store8(low, mul8(add8(add8(s0, s1), add8(s2, s3)), all8(m.scale)));
    }
}

template <int T>
NATIVE_SIMD inline void expand_tokens(const LowRank& m, int group, const float* low, size_t low_stride, float* y,
                                      size_t stride) {
    const uint16_t* b = m.b.data() + static_cast<size_t>(group) * static_cast<size_t>(m.ranks) * 8;
    Eight even[T], odd[T];
    for (int t = 0; t < T; t++) even[t] = odd[t] = all8(0);
    for (int r = 0; r < m.ranks; r += 2, b += 16) {
        const Eight w0 = half8(b), w1 = half8(b + 8);
        for (int t = 0; t < T; t++) {
            const float* l = low + static_cast<size_t>(t) * low_stride + r;
            even[t] = fma8(w0, splat(l), even[t]);
            odd[t] = fma8(w1, splat(l + 1), odd[t]);
        }
    }
    int used = m.rows - 8 * group < 8 ? m.rows - 8 * group : 8;
    for (int t = 0; t < T; t++) {
        float *out = y + static_cast<size_t>(t) * stride + 8 * group, values[8];
        const Eight sum = add8(even[t], odd[t]);
        if (used == 8) {
            store8(out, add8(load8(out), sum));
            continue;
        }
        store8(values, sum);
        for (int i = 0; i < used; i++) out[i] += values[i];
    }
}

NATIVE_SIMD inline void expand(const LowRank& m, int from, int to, const float* low, size_t low_stride, int tokens,
                               float* y, size_t stride) {
    for (int g = from; g < to; g++) {
        int t = 0;
        for (; t + 4 <= tokens; t += 4)
            expand_tokens<4>(m, g, low + static_cast<size_t>(t) * low_stride, low_stride, y + static_cast<size_t>(t) * stride, stride);
        for (; t < tokens; t++)
            expand_tokens<1>(m, g, low + static_cast<size_t>(t) * low_stride, low_stride, y + static_cast<size_t>(t) * stride, stride);
    }
}

}  // namespace simd
}  // namespace native
#endif
