// What a back end of kernels provides, and the portable one. kernels_avx2.h has the other.
//
// Every function gives each token's result by itself: the order of its float operations depends on
// nothing but its own values, so results are the same whatever batch or thread a token travels with.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "attention.h"
#include "pack.h"

namespace native {

// Activations of some tokens, int8 with one float scale per 16 columns. x = scale · q
// With 32 columns to a scale the logits' divergence from float32 was twice as large.
struct Acts {
    int cols = 0;
    std::vector<int8_t> q;      // [tokens, cols]
    std::vector<float> scale;   // [tokens, cols / 16]
    std::vector<float> halves;  // [tokens, cols / 16]: scale · sum of q, what a minimum is multiplied by
    std::vector<float> sum;     // [tokens, cols / 32]: the sum of two halves

    void resize(int tokens, int columns) {
        cols = columns;
        size_t count = static_cast<size_t>(tokens) * static_cast<size_t>(columns);
        if (q.size() >= count) return;
        q.resize(count), scale.resize(count / 16), sum.resize(count / 32), halves.resize(count / 16);
    }
};

// A group of 8 rows with its integers as plain bytes in the order of the steps, for many tokens.
struct Panel {
    std::vector<uint8_t> q;      // [cols / 32, 8 steps, 8 rows, 4]; Q8: signed
    std::vector<float> scale;    // [cols / 32, 8], Q6: [cols / 32, 2, 8]
    std::vector<float> minimum;  // as scale; Q8: unused

    void resize(int cols) {
        size_t count = static_cast<size_t>(cols);
        if (q.size() >= count * 8) return;
        q.resize(count * 8), scale.resize(count / 2), minimum.resize(count / 2);
    }
};

struct Kernels {
    const char* name;
    int panel_tokens;  // from this many tokens on `rows` wants a panel
    // row `token` of x [tokens, acts->cols] into row `token` of acts
    void (*quantize)(const float* x, Acts* acts, int token);
    void (*unpack)(const Matrix& m, int group, Panel* panel);
    // y[t · stride + row] for the rows of a group; from the packed blocks (few tokens) or a panel (many)
    void (*rows)(const Matrix& m, int group, const Panel* panel, const Acts& acts, int token, int count,
                 float* y, size_t stride);
    void (*rms_norm)(const float* x, const float* weight, float eps, int count, float* out);
    void (*gate)(bool gelu, const float* gate, const float* up, int count, float* out);
    // parts: [tile.count, part_size], scratch: [attention_scratch]; attention.h
    void (*attend)(const Tile& tile, const Head& head, int span, float* scratch, float* parts);
    void (*halves)(const float* x, int count, uint16_t* out);
    float (*bytes)(const float* x, int count, int8_t* out);  // x = q · the returned scale
};

// Element `i` of step `s`, row `r` of a packed block, as an integer: signed for Q8, 0 … 2^bits - 1 else.
inline int element(Kind kind, const uint8_t* block, int s, int r, int i) {
    int at = 4 * r + i;
    if (kind == Q8) return static_cast<int8_t>(block[32 * s + at]);
    int low = block[32 * (s % 4) + at] >> (s / 4 * 4) & 15;
    if (kind == Q5 || kind == Q5M) return low | (block[128 + at] >> s & 1) << 4;
    if (kind == Q6) return low | (block[128 + 32 * (s / 4) + at] >> (2 * (s % 4)) & 3) << 4;
    return low;
}

// Scales and minima of a group as floats, in a panel's order.
inline void unpack_scales(const Matrix& m, int group, Panel* panel) {
    const uint8_t* block = m.group(group);
    int per_block = m.kind == Q6 ? 16 : 8;
    bool minima = m.kind == Q4M || m.kind == Q5M;
    for (int b = 0; b < m.blocks_per_row(); b++, block += kBlock[m.kind]) {
        const uint8_t* scales = block + kQuants[m.kind];
        for (int i = 0; i < per_block; i++) {
            float scale = from_half(load16(scales + 2 * i));
            panel->scale[b * per_block + i] = scale;
            panel->minimum[b * per_block + i] =
                minima ? from_half(load16(scales + 16 + 2 * i)) : -static_cast<float>(kOffset[m.kind]) * scale;
        }
    }
}

namespace portable {

inline void quantize(const float* x, Acts* acts, int token) {
    int cols = acts->cols;
    x += static_cast<size_t>(token) * cols;
    int8_t* q = acts->q.data() + static_cast<size_t>(token) * cols;
    size_t first = static_cast<size_t>(token) * (cols / 16);
    for (int h = 0; h < cols / 16; h++, x += 16, q += 16) {
        float largest = 0;
        for (int i = 0; i < 16; i++) largest = std::fmax(largest, std::fabs(x[i]));
        float scale = largest / 127.0f, inverse = largest > 0 ? 127.0f / largest : 0.0f;
        int sum = 0;
        for (int i = 0; i < 16; i++) {
            q[i] = static_cast<int8_t>(std::lrint(x[i] * inverse));
            sum += q[i];
        }
        acts->scale[first + h] = scale;
        acts->halves[first + h] = scale * static_cast<float>(sum);
        if (h % 2) acts->sum[(first + h) / 2] = acts->halves[first + h - 1] + acts->halves[first + h];
    }
}

inline void unpack(const Matrix& m, int group, Panel* panel) {
    const uint8_t* block = m.group(group);
    uint8_t* out = panel->q.data();
    for (int b = 0; b < m.blocks_per_row(); b++, block += kBlock[m.kind])
        for (int s = 0; s < 8; s++)
            for (int at = 0; at < 32; at++) *out++ = static_cast<uint8_t>(element(m.kind, block, s, at / 4, at % 4));
    unpack_scales(m, group, panel);
}

inline void rows(const Matrix& m, int group, const Panel* panel, const Acts& acts, int token, int count, float* y,
                 size_t stride) {
    int per_row = m.blocks_per_row(), scales = m.kind == Q6 ? 2 : 1;  // of a block
    int used = m.rows - group * kRows < kRows ? m.rows - group * kRows : kRows;
    for (int t = token; t < token + count; t++) {
        float products[kRows] = {}, minima[kRows] = {};
        size_t first = static_cast<size_t>(t) * per_row;
        const int8_t* x = acts.q.data() + first * kCols;
        const uint8_t* q = panel->q.data();
        for (int b = 0; b < per_row; b++) {
            for (int half = 0; half < 2; half++) {
                int32_t sums[kRows] = {};
                for (int s = 0; s < 4; s++, q += 32, x += 4)
                    for (int r = 0; r < kRows; r++)
                        for (int i = 0; i < 4; i++)
                            sums[r] += (m.kind == Q8 ? static_cast<int8_t>(q[4 * r + i]) : q[4 * r + i]) * x[i];
                const float* scale = &panel->scale[8 * (static_cast<size_t>(b) * scales + (scales == 2 ? half : 0))];
                float x_scale = acts.scale[2 * (first + b) + half];
                for (int r = 0; r < kRows; r++) products[r] += static_cast<float>(sums[r]) * (scale[r] * x_scale);
            }
            for (int part = 0; part < scales; part++) {
                float sum = scales == 2 ? acts.halves[2 * (first + b) + part] : acts.sum[first + b];
                const float* low = &panel->minimum[8 * (static_cast<size_t>(b) * scales + part)];
                for (int r = 0; r < kRows; r++) minima[r] += low[r] * sum;
            }
        }
        for (int r = 0; r < used; r++) y[t * stride + group * kRows + r] = products[r] + minima[r];
    }
}

inline void rms_norm(const float* x, const float* weight, float eps, int count, float* out) {
    double squares = 0;
    for (int i = 0; i < count; i++) squares += static_cast<double>(x[i]) * x[i];
    float factor = static_cast<float>(1.0 / std::sqrt(squares / count + eps));
    for (int i = 0; i < count; i++) out[i] = x[i] * factor * weight[i];
}

// gelu by tanh is gate · sigmoid(2 z), z = √(2/π) (gate + 0.044715 gate³)
inline void gate(bool gelu, const float* gate, const float* up, int count, float* out) {
    for (int i = 0; i < count; i++) {
        float g = gate[i], z = gelu ? 1.5957691216f * (g + 0.044715f * g * g * g) : g;
        out[i] = g / (1.0f + std::exp(-z)) * up[i];
    }
}

inline const Kernels& kernels() {
    static const Kernels table{"portable", 1, quantize, unpack, rows, rms_norm, gate, attend, halves, bytes};
    return table;
}

}  // namespace portable
}  // namespace native
