// What simd_avx2.h and simd_neon.h have, for any processor: eight floats as an array. Compilers make vectors of
// the loops where there are some.
#pragma once

#include <cstdint>
#include <cstring>

namespace native {
namespace scalar {

struct Eight {
    float v[8];
};

template <class Operation>
inline Eight each8(const Operation& operation) {
    Eight out;
    for (int i = 0; i < 8; i++) out.v[i] = operation(i);
    return out;
}

inline Eight all8(float x) { return each8([&](int) { return x; }); }
inline Eight load8(const float* at) { return each8([&](int i) { return at[i]; }); }
inline void store8(float* at, const Eight& v) { std::memcpy(at, v.v, sizeof v.v); }
inline Eight add8(const Eight& a, const Eight& b) { return each8([&](int i) { return a.v[i] + b.v[i]; }); }
inline Eight sub8(const Eight& a, const Eight& b) { return each8([&](int i) { return a.v[i] - b.v[i]; }); }
inline Eight mul8(const Eight& a, const Eight& b) { return each8([&](int i) { return a.v[i] * b.v[i]; }); }
inline Eight div8(const Eight& a, const Eight& b) { return each8([&](int i) { return a.v[i] / b.v[i]; }); }
inline Eight max8(const Eight& a, const Eight& b) { return each8([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; }); }
inline Eight floats8(const int8_t* at) { return each8([&](int i) { return static_cast<float>(at[i]); }); }
inline Eight floats8(const float* at) { return load8(at); }

// In the order of the others.
inline float sum8(const Eight& v) {
    const float* x = v.v;
    return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

inline float top8(const Eight& v) {
    float top = v.v[0];
    for (int i = 1; i < 8; i++) top = v.v[i] > top ? v.v[i] : top;
    return top;
}

// x · 2^n, n being the low bits of `whole`.
inline Eight scale8(const Eight& x, const Eight& whole) {
    return each8([&](int i) {
        uint32_t bits, power;
        std::memcpy(&bits, &x.v[i], 4), std::memcpy(&power, &whole.v[i], 4);
        bits += power << 23;
        float value;
        std::memcpy(&value, &bits, 4);
        return value;
    });
}

// To the nearest integers, ties to even; |v| at most 127.
inline void store_bytes8(int8_t* at, const Eight& v) {
    for (int i = 0; i < 8; i++) at[i] = static_cast<int8_t>((v.v[i] + 12582912.0f) - 12582912.0f);
}

}  // namespace scalar
}  // namespace native
