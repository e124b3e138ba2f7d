// Which sets of kernels this processor can run.
#pragma once

#include <vector>

#include "kernels.h"
#include "kernels_avx2.h"

namespace native {

// The fastest first; the portable set is always the last.
inline std::vector<const Kernels*> kernel_sets() {
    std::vector<const Kernels*> sets;
#ifdef NATIVE_HAS_AVX2
    if (const Kernels* set = avx2::kernels()) sets.push_back(set);
#endif
    sets.push_back(&portable::kernels());
    return sets;
}

}  // namespace native
