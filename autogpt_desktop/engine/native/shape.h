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
    // of layers that do not attend: tokens that a convolution sees, and of DeltaNet heads, their numbers, and whether
    // value head h goes with key head h % key_heads. attention_gate: has attention's result a gate?
    int32_t conv_kernel = 0, key_heads = 0, value_heads = 0, key_dim = 0, value_dim = 0, tiled_heads = 0, attention_gate = 0;
};

// `count` new tokens behind the `start` that are in the cache. Mirrors Sequence in __init__.py.
// cache: [layers that attend, keys and values, kv_heads, capacity · head_dim], capacity a multiple of 32; keys of a
// head [capacity / 16, head_dim, 16], values [capacity, head_dim]. Float16; or int8 with
// scales: [layers, keys and values, kv_heads, capacity].
struct Sequence {
    void* cache;
    float* scales;
    int64_t capacity;
    int32_t start, count;
    const float* before = nullptr;  // the memory of layers that do not attend: see recurrent.h
    float* after = nullptr;
};

}  // namespace native
