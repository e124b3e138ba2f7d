// Linear layers of encoder–decoder models: int8 weights with a scale per row, and exact integer sums.
//
// y = float(Σ q · w) · (scale[row] · x_scale) + bias[row], with q = x / x_scale rounded to the nearest. The float
// operations of a result depend on nothing but its own row and token, and no multiply-add is fused, so every set of
// kernels gives the same bits, whatever batch a token travels with.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "memory.h"

namespace native {

constexpr int kGroup = 16;   // rows side by side in packed weights
constexpr int kDepth = 64;   // columns are padded with zeros to a multiple of this
constexpr int kMaxDepth = 65536;  // more columns, and a sum of 32 bits may overflow
// Activations of 14 bits, each token's largest at 8191: 128 · high + low, two rows of bytes and two products. Of
// translations that are not close calls as many come out as with floats.
constexpr float kFine = -1;
constexpr int kFineLargest = 8191, kMaxFineDepth = 2048;

inline int padded(int count, int step) { return (count + step - 1) / step * step; }

// Activations as the products take them: bytes, or floats for float weights. [tokens, stride]
struct Inputs {
    const int8_t* q = nullptr;
    const float* x = nullptr;
    const float* scale = nullptr;  // of each token
    size_t stride = 0;
    bool fine = false;  // rows of q come in pairs, high and low
    const int32_t* ordered = nullptr;  // what LinearKernels::order made of them

    int rows_per_token() const { return fine ? 2 : 1; }
};

// A weight matrix [rows, cols]. Packed: [rows / 16, cols / 4, 16, 4] bytes, or [rows / 16, cols, 16] floats.
struct Linear {
    int rows = 0, cols = 0, depth = 0;  // depth: cols, padded
    float alpha = 0;                    // activations times this are rounded; 0: each token has its own; kFine
    const int8_t* q = nullptr;
    const float* w = nullptr;
    std::vector<float> scale, bias;  // padded to whole groups
    std::vector<int32_t> sums;       // of a row's integers

    int groups() const { return (rows + kGroup - 1) / kGroup; }
};

// A matrix whose rows are looked up, or multiplied by one at a time: embeddings and the output layer. [rows, stride]
struct Table {
    int rows = 0, cols = 0;
    size_t stride = 0;
    float alpha = 0;
    const int8_t* q = nullptr;
    const float* w = nullptr;
    std::vector<float> scale, bias;  // one for each row, or scale: one for all
    std::vector<int32_t> sums;

    float row_scale(int row) const { return scale.size() == 1 ? scale[0] : scale[static_cast<size_t>(row)]; }
    float row_bias(int row) const { return bias.empty() ? 0.0f : bias[static_cast<size_t>(row)]; }
};

// Some queries with the keys and values of one sequence.
struct Attended {
    const float* keys;    // [heads, head_dim, room]: of `count` positions, room a multiple of 16
    const float* values;  // [count, value_stride]
    size_t value_stride;
    int count, room, heads, head_dim;
};

struct LinearKernels {
    const char* name;
    bool flipped;  // are activations kept as q + 128?
    // `count` floats times `alpha` (0: what brings the largest to 127) to q [depth]; the scale is returned
    float (*quantize)(const float* x, int count, int depth, float alpha, int8_t* q);
    // the same in 14 bits to q [2, depth]
    float (*quantize_fine)(const float* x, int count, int depth, int8_t* q);
    // groups from … to - 1 for some tokens; y [tokens, stride]
    void (*product)(const Linear& m, int from, int to, const Inputs& in, int tokens, bool relu, float* y, size_t stride);
    // y[t, i] = row ids[i] (ids null: row first + i) times token t
    void (*dots)(const Table& m, const int32_t* ids, int first, int count, const Inputs& in, int tokens, float* y, size_t stride);
    void (*embed)(const Table& m, int row, float factor, const float* position, float* out);
    void (*add)(float* x, const float* y, int count);
    void (*norm)(const float* x, const float* scale, const float* bias, float eps, int count, float* out);
    void (*silu)(float* x, int count);
    // c = σ(f) c + (1 - σ(f)) x, out = max(c, 0)
    void (*ssru)(const float* x, const float* f, float* c, int count, float* out);
    // q [queries, q_stride], scaled already; scores: room for queries · room floats; out [queries, out_stride].
    // weights of head `head` go to scores [queries, room], after which `seen(head)` is called
    void (*attend)(const Attended& a, const float* q, size_t q_stride, int queries, float* scores, float* out, size_t out_stride,
                   void (*seen)(void* context, int head, const float* scores), void* context);
    // one query with a path of positions: keys of position p at path[p] + key_at, values at path[p] + value_at
    void (*attend_path)(const float* const* path, int count, size_t key_at, size_t value_at, int heads, int head_dim,
                        const float* q, float* scores, float* out);
    // ln Σ e^x and the index of the largest
    float (*logsumexp)(const float* x, int count, int* largest);
    // activations as `product` reads them, once for all its calls: `out` has room for 16 rows of `depth` bytes more
    // than there are. null: it reads them as they are
    void (*order)(const Inputs& in, int tokens, int depth, int32_t* out) = nullptr;
};

// Packs rows [rows, cols] with `stride` bytes between two; padding is zero.
inline void pack_rows(const int8_t* rows, size_t stride, Linear* m, int8_t* out) {
    m->q = out;
    m->sums.assign(static_cast<size_t>(m->groups()) * kGroup, 0);
    for (int g = 0; g < m->groups(); g++) {
        int8_t* group = out + static_cast<size_t>(g) * kGroup * static_cast<size_t>(m->depth);
        std::memset(group, 0, static_cast<size_t>(kGroup) * static_cast<size_t>(m->depth));
        for (int r = 0; r < kGroup && g * kGroup + r < m->rows; r++) {
            const int8_t* row = rows + static_cast<size_t>(g * kGroup + r) * stride;
            int32_t sum = 0;
            int c = 0;
            for (; c + 4 <= m->cols; c += 4) {
                std::memcpy(group + 16 * c + 4 * r, row + c, 4);
                sum += row[c] + row[c + 1] + row[c + 2] + row[c + 3];
            }
            for (; c < m->cols; c++) group[16 * (c / 4 * 4) + 4 * r + c % 4] = row[c], sum += row[c];
            m->sums[static_cast<size_t>(g * kGroup + r)] = sum;
        }
    }
}

inline void pack_rows(const float* rows, size_t stride, Linear* m, float* out) {
    m->w = out;
    for (int g = 0; g < m->groups(); g++)
        for (int c = 0; c < m->depth; c++)
            for (int r = 0; r < kGroup; r++) {
                int row = g * kGroup + r;
                *out++ = row < m->rows && c < m->cols ? rows[static_cast<size_t>(row) * stride + static_cast<size_t>(c)] : 0.0f;
            }
}

namespace scalar {

inline void product(const Linear& m, int from, int to, const Inputs& in, int tokens, bool relu, float* y, size_t stride) {
    for (int g = from; g < to; g++) {
        int used = m.rows - g * kGroup < kGroup ? m.rows - g * kGroup : kGroup;
        for (int t = 0; t < tokens; t++) {
            int32_t sums[kGroup] = {};
            for (int part = 0; part < in.rows_per_token(); part++) {
                const int8_t *x = in.q + static_cast<size_t>(t * in.rows_per_token() + part) * in.stride, *w = m.q + static_cast<size_t>(g) * kGroup * static_cast<size_t>(m.depth);
                for (int32_t& sum : sums) sum *= 128;
                for (int c = 0; c < m.depth; c += 4, w += 4 * kGroup)
                    for (int r = 0; r < kGroup; r++)
                        for (int i = 0; i < 4; i++) sums[r] += w[4 * r + i] * x[c + i];
            }
            float* out = y + static_cast<size_t>(t) * stride + static_cast<size_t>(g) * kGroup;
            for (int r = 0; r < used; r++) {
                size_t row = static_cast<size_t>(g * kGroup + r);
                float value = static_cast<float>(sums[r]) * (m.scale[row] * in.scale[t]) + m.bias[row];
                out[r] = relu && !(value > 0) ? 0.0f : value;
            }
        }
    }
}

// Float weights are for comparisons, and have this one product for all processors.
inline void product_floats(const Linear& m, int from, int to, const Inputs& in, int tokens, bool relu, float* y, size_t stride) {
    for (int g = from; g < to; g++) {
        int used = m.rows - g * kGroup < kGroup ? m.rows - g * kGroup : kGroup;
        for (int t = 0; t < tokens; t++) {
            const float *x = in.x + static_cast<size_t>(t) * in.stride, *w = m.w + static_cast<size_t>(g) * kGroup * static_cast<size_t>(m.depth);
            float sums[kGroup] = {};
            for (int c = 0; c < m.cols; c++, w += kGroup)
                for (int r = 0; r < kGroup; r++) sums[r] += w[r] * x[c];
            float* out = y + static_cast<size_t>(t) * stride + static_cast<size_t>(g) * kGroup;
            for (int r = 0; r < used; r++) {
                float value = sums[r] + m.bias[static_cast<size_t>(g * kGroup + r)];
                out[r] = relu && !(value > 0) ? 0.0f : value;
            }
        }
    }
}

inline void dots(const Table& m, const int32_t* ids, int first, int count, const Inputs& in, int tokens, float* y, size_t stride) {
    for (int i = 0; i < count; i++) {
        int row = ids ? ids[i] : first + i;
        for (int t = 0; t < tokens; t++) {
            int32_t sum = 0;
            for (int part = 0; part < in.rows_per_token(); part++) {
                const int8_t *x = in.q + static_cast<size_t>(t * in.rows_per_token() + part) * in.stride, *w = m.q + static_cast<size_t>(row) * m.stride;
                sum *= 128;
                for (int c = 0; c < m.cols; c++) sum += w[c] * x[c];
            }
            y[static_cast<size_t>(t) * stride + static_cast<size_t>(i)] =
                static_cast<float>(sum) * (m.row_scale(row) * in.scale[t]) + m.row_bias(row);
        }
    }
}

inline void dots_floats(const Table& m, const int32_t* ids, int first, int count, const Inputs& in, int tokens, float* y, size_t stride) {
    for (int i = 0; i < count; i++) {
        int row = ids ? ids[i] : first + i;
        for (int t = 0; t < tokens; t++) {
            const float *x = in.x + static_cast<size_t>(t) * in.stride, *w = m.w + static_cast<size_t>(row) * m.stride;
            float sums[8] = {};
            for (int c = 0; c < m.cols; c++) sums[c % 8] += w[c] * x[c];
            float sum = ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
            y[static_cast<size_t>(t) * stride + static_cast<size_t>(i)] = sum + m.row_bias(row);
        }
    }
}

}  // namespace scalar
}  // namespace native
