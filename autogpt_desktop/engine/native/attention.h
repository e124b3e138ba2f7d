// Attention over the KV cache: what a query sees, and the portable kernel. attention_avx2.h has the other.
#pragma once

#include <cmath>
#include <cstdint>

#include "pack.h"

namespace native {

// One key/value head of one sequence: keys [capacity / 8, D, 8], values [capacity, D], float16.
struct Head {
    uint16_t *keys, *values;
};

// A tile of up to 4 queries that share a key/value head; query i sees keys first[i] … last[i].
struct Tile {
    int count, dim;
    const float* query[4];  // scaled by 1/√d
    float* out[4];
    int first[4], last[4];
    float softcap;
};

namespace portable {

// softmax(q Kᵀ) V of one query at a time. scratch: [last + 1]
inline void attend(const Tile& tile, const Head& head, float* scratch) {
    int dim = tile.dim;
    for (int i = 0; i < tile.count; i++) {
        float largest = -INFINITY, total = 0;
        for (int key = tile.first[i]; key <= tile.last[i]; key++) {
            const uint16_t* k = head.keys + static_cast<size_t>(key / 8) * 8 * dim + key % 8;
            float score = 0;
            for (int d = 0; d < dim; d++) score += tile.query[i][d] * from_half(k[8 * d]);
            if (tile.softcap > 0) score = std::tanh(score / tile.softcap) * tile.softcap;
            scratch[key] = score;
            largest = std::fmax(largest, score);
        }
        float* out = tile.out[i];
        for (int d = 0; d < dim; d++) out[d] = 0;
        for (int key = tile.first[i]; key <= tile.last[i]; key++) {
            float p = std::exp(scratch[key] - largest);
            total += p;
            const uint16_t* v = head.values + static_cast<size_t>(key) * dim;
            for (int d = 0; d < dim; d++) out[d] += p * from_half(v[d]);
        }
        for (int d = 0; d < dim; d++) out[d] /= total;
    }
}

inline void halves(const float* x, int count, uint16_t* out) {
    for (int i = 0; i < count; i++) out[i] = to_half(x[i]);
}

}  // namespace portable
}  // namespace native
