// A head of Gated DeltaNet takes a token in: engine/torch_backend/delta_net.py has the formulas.
//
// The memory S is [keys, values]. A column of it depends on no other, so that some columns of all rows go through
// both steps while they are in the first cache: what S says of the key, then S with what it should have said.
#pragma once

#include "simd.h"

namespace native {

struct DeltaToken {
    const float *q, *k, *v;  // [keys], [keys], [values]
    float decay, beta;
    int keys, values;  // values: a multiple of 8
};

namespace portable {

// from, to: S before and behind the token, which may be the same; out [values]: what is read
inline void delta(const DeltaToken& t, const float* from, float* to, float* out) {
    for (int c = 0; c < t.values; c++) {
        float told = 0, read = 0;
        for (int r = 0; r < t.keys; r++) told += t.k[r] * from[r * t.values + c];
        float change = t.beta * (t.v[c] - t.decay * told);
        for (int r = 0; r < t.keys; r++) {
            float s = t.decay * from[r * t.values + c] + t.k[r] * change;
            to[r * t.values + c] = s;
            read += t.q[r] * s;
        }
        out[c] = read;
    }
}

}  // namespace portable

#ifdef NATIVE_HAS_SIMD
namespace simd {

template <int N>
NATIVE_SIMD_INLINE void delta_columns(const DeltaToken& t, const float* from, float* to, float* out, int column) {
    Eight told[N], change[N], read[N];
    const Eight decay = all8(t.decay), beta = all8(t.beta);
    for (int n = 0; n < N; n++) told[n] = read[n] = all8(0);
    const float* s = from + column;
    for (int r = 0; r < t.keys; r++, s += t.values) {
        const Splat k = splat(t.k + r);
        for (int n = 0; n < N; n++) told[n] = fma8(load8(s + 8 * n), k, told[n]);
    }
    for (int n = 0; n < N; n++)
        change[n] = mul8(beta, sub8(load8(t.v + column + 8 * n), mul8(decay, told[n])));
    s = from + column;
    float* d = to + column;
    for (int r = 0; r < t.keys; r++, s += t.values, d += t.values) {
        const Splat k = splat(t.k + r), q = splat(t.q + r);
        for (int n = 0; n < N; n++) {
            const Eight next = fma8(change[n], k, mul8(load8(s + 8 * n), decay));
            store8(d + 8 * n, next);
            read[n] = fma8(next, q, read[n]);
        }
    }
    for (int n = 0; n < N; n++) store8(out + column + 8 * n, read[n]);
}

NATIVE_SIMD inline void delta(const DeltaToken& t, const float* from, float* to, float* out) {
    int column = 0;
    for (; column + 32 <= t.values; column += 32) delta_columns<4>(t, from, to, out, column);
    for (; column < t.values; column += 8) delta_columns<1>(t, from, to, out, column);
}

}  // namespace simd
#endif
}  // namespace native
