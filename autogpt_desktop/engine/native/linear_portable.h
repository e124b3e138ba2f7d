// The portable set of kernels for linear layers, and elementwise.h for it and for the sets with vectors.
#pragma once

#include <cmath>
#include <cstring>

#include "linear.h"
#include "simd.h"
#include "simd_portable.h"

namespace native {

#ifdef NATIVE_HAS_SIMD
namespace simd_rows {
using namespace simd;
#define NATIVE_ROWS NATIVE_SIMD
#include "elementwise.h"
#undef NATIVE_ROWS
}  // namespace simd_rows
#endif

namespace scalar_rows {
using namespace scalar;
#define NATIVE_ROWS
#include "elementwise.h"
#undef NATIVE_ROWS

inline const LinearKernels& linear_kernels() {
    static const LinearKernels table{"portable", false, quantize<false>, quantize_fine<false>, product, dots, embed, add, norm,
                                     silu, ssru, attend, attend_path, logsumexp};
    return table;
}

}  // namespace scalar_rows

}  // namespace native
