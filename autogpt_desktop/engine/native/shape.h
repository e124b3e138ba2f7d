// A decoder's measures and the sequences of a pass, as Python hands them over.
#pragma once

#include <cstdint>

namespace native {

// Mirrors Shape in __init__.py.
struct Shape {
    int32_t vocab, hidden, intermediate, layers, heads, kv_heads, head_dim, sliding_window, gelu;
    float eps, embedding_scale, query_scale, attn_softcap, final_softcap;
    float residual_scale = 1, logit_scale = 1;
    float temperature = 0;  // a query at position p is scaled by 1 + temperature · ln(1 + ⌊p / length⌋); 0: not
    int32_t temperature_length = 0, qk_norm = 0;  // qk_norm: of QKNorm in model.h
};

// `count` new tokens behind the `start` that are in the cache. Mirrors Sequence in __init__.py.
// cache: [layers, keys and values, kv_heads, capacity · head_dim], capacity a multiple of 32; keys of a
// head [capacity / 16, head_dim, 16], values [capacity, head_dim]. Float16; or int8 with
// scales: [layers, keys and values, kv_heads, capacity].
struct Sequence {
    void* cache;
    float* scales;
    int64_t capacity;
    int32_t start, count;
};

}  // namespace native
