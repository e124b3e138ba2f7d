// Which sets of kernels this processor can run.
#pragma once

#include <cstring>
#include <vector>

#include "kernels.h"
#include "kernels_avx2.h"
#include "kernels_neon.h"
#include "kernels_vnni.h"

namespace native {

// The fastest first; the portable set is always the last.
inline std::vector<const Kernels*> kernel_sets() {
    std::vector<const Kernels*> sets;
#ifdef NATIVE_HAS_AVX2
    if (const Kernels* set = vnni::kernels()) sets.push_back(set);
    if (const Kernels* set = avx2::kernels()) sets.push_back(set);
#endif
#ifdef NATIVE_HAS_NEON
    if (const Kernels* set = neon::kernels()) sets.push_back(set);
#endif
    sets.push_back(&portable::kernels());
    return sets;
}

// The set called `name`, the fastest for "", null for one that this processor cannot run.
inline const Kernels* kernel_set(const char* name) {
    for (const Kernels* set : kernel_sets())
        if (!*name || !std::strcmp(name, set->name)) return set;
    return nullptr;
}

}  // namespace native
