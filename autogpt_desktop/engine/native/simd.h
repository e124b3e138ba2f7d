// Vectors of eight floats (`simd::Eight`) on the processors that have kernels of their own.
#pragma once

#include "simd_avx2.h"
#include "simd_neon.h"

#if defined(NATIVE_HAS_AVX2) || defined(NATIVE_HAS_NEON)
#define NATIVE_HAS_SIMD 1
#endif
