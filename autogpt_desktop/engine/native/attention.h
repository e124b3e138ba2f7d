// Attention over the KV cache: what a query sees, and the portable kernel. attention_simd.h has the other.
//
// The keys of a sequence are cut into spans at fixed positions. A kernel weighs the values of one span for
// a tile of queries, as flash attention does (Dao et al., 2022): the largest score, the sum of the weights
// and the weighted values. Spans are then merged in their order, so a query's result has the same bits
// whichever queries share its tile and whichever threads take its spans.
#pragma once

#include <cmath>
#include <cstdint>

#include "pack.h"

namespace native {

constexpr int kSpan = 256;      // keys
constexpr int kKeyBlock = 16;   // keys whose numbers lie between each other
constexpr int kTile = 48;       // queries of a tile at most
constexpr int kTileGroup = 6;   // queries whose numbers lie between each other

// One key/value head of one sequence: keys [capacity / 16, D, 16], values [capacity, D]. Float16, or int8
// with one scale per token where there are scales.
struct Head {
    const void *keys, *values;
    const float *key_scale, *value_scale;
};

// Queries that share a key/value head; query i sees keys first[i] … last[i].
struct Tile {
    int count, dim;
    const float* queries;  // [count / 6, D, 6], in units of log 2 where there is no softcap
    int first[kTile], last[kTile];
    float softcap;
};

constexpr float kLog2E = 1.44269504f;

// What a span gives for a query: its weighted values [D, up to a multiple of 16], the largest score in
// units of log 2 (-inf: the query sees none of its keys), the sum of the weights.
inline int part_largest(int dim) { return (dim + 15) / 16 * 16; }
inline int part_size(int dim) { return part_largest(dim) + 2; }

// What a kernel needs besides: keys or values of a block as floats, and the scores.
constexpr int kScoreRow = kSpan + 16;
inline int panel_size(int dim) { return 16 * (dim > kSpan ? dim : kSpan); }
inline int attention_scratch(int dim) { return panel_size(dim) + kTile * kScoreRow; }

// The next span behind those in `total`.
inline void merge_part(int dim, const float* part, float* total) {
    int at = part_largest(dim);
    if (part[at] == -INFINITY) return;
    float largest = std::fmax(total[at], part[at]);
    float old = std::exp2(total[at] - largest), added = std::exp2(part[at] - largest);
    for (int d = 0; d < dim; d++) total[d] = total[d] * old + part[d] * added;
    total[at] = largest;
    total[at + 1] = total[at + 1] * old + part[at + 1] * added;
}

namespace portable {

inline void attend(const Tile& tile, const Head& head, int span, float* scratch, float* parts) {
    int dim = tile.dim, at = part_largest(dim);
    size_t wide = static_cast<size_t>(dim);
    bool bytes = head.key_scale != nullptr;
    auto number = [&](const void* from, size_t i) {
        return bytes ? static_cast<float>(static_cast<const int8_t*>(from)[i])
                     : from_half(static_cast<const uint16_t*>(from)[i]);
    };
    float* scores = scratch;
    for (int i = 0; i < tile.count; i++) {
        const float* query = tile.queries + i / kTileGroup * kTileGroup * dim + i % kTileGroup;
        float* out = parts + i * part_size(dim);
        int from = tile.first[i] > span * kSpan ? tile.first[i] : span * kSpan;
        int to = tile.last[i] + 1 < (span + 1) * kSpan ? tile.last[i] + 1 : (span + 1) * kSpan;
        float largest = -INFINITY, total = 0;
        for (int key = from; key < to; key++) {
            size_t k = static_cast<size_t>(key / kKeyBlock) * kKeyBlock * wide + static_cast<size_t>(key % kKeyBlock);
            float score = 0;
            for (int d = 0; d < dim; d++, k += kKeyBlock) score += query[kTileGroup * d] * number(head.keys, k);
            if (bytes) score *= head.key_scale[key];
            if (tile.softcap > 0) score = std::tanh(score / tile.softcap) * tile.softcap * kLog2E;
            scores[key - from] = score;
            largest = std::fmax(largest, score);
        }
        for (int d = 0; d < dim; d++) out[d] = 0;
        for (int key = from; key < to; key++) {
            float p = std::exp2(scores[key - from] - largest);
            total += p;
            if (bytes) p *= head.value_scale[key];
            size_t v = static_cast<size_t>(key) * wide;
            for (int d = 0; d < dim; d++) out[d] += p * number(head.values, v + static_cast<size_t>(d));
        }
        out[at] = largest, out[at + 1] = total;
    }
}

inline void halves(const float* x, int count, uint16_t* out) {
    for (int i = 0; i < count; i++) out[i] = to_half(x[i]);
}

// out · the returned scale is x
inline float bytes(const float* x, int count, int8_t* out) {
    float largest = 0;
    for (int i = 0; i < count; i++) largest = std::fmax(largest, std::fabs(x[i]));
    float inverse = largest > 1e-30f ? 127.0f / largest : 0.0f;
    for (int i = 0; i < count; i++) out[i] = static_cast<int8_t>(std::lrint(x[i] * inverse));
    return largest / 127.0f;
}

}  // namespace portable
}  // namespace native
