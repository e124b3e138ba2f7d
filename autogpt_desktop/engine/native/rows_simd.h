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

}  // namespace simd
}  // namespace native
#endif
