// What a back end of kernels provides, and the portable one. kernels_avx2.h and kernels_vnni.h have the others.
//
// Every function gives each token's result by itself: the order of its float operations depends on
// nothing but its own values, so results are the same whatever batch or thread a token travels with.
#pragma once

#include <cmath>
#include <cstdint>

#include "attention.h"
#include "delta.h"
#include "lowrank.h"
#include "pack.h"

namespace native {

// An array that begins at a multiple of 64 bytes. `resize` only grows it, and then it is all zeros.
template <class T>
class Array {
public:
    void resize(size_t count) {
        if (count * sizeof(T) <= memory_.size()) return;
        memory_.allocate(count * sizeof(T));
        std::memset(memory_.data(), 0, memory_.size());
    }
    T* data() { return reinterpret_cast<T*>(memory_.data()); }
    const T* data() const { return reinterpret_cast<const T*>(memory_.data()); }

private:
    Memory memory_;
};

struct Kernels;

// Activations of some tokens, int8 with one float scale per 16 columns. x = scale · q
// With 32 columns to a scale the logits' divergence from float32 was twice as large.
// `lanes` tokens lie side by side, block of 32 columns by block; the last ones may stand for no token.
struct Acts {
    int tokens = 0, cols = 0, lanes = 1;
    bool panels = false;   // enough tokens for `rows` to want panels
    Array<int8_t> q;       // [tokens / lanes, cols / 32, lanes, 32]
    Array<float> scale;    // [tokens / lanes, cols / 32, lanes, 2]
    Array<float> sum;      // [tokens / lanes, cols / 32, lanes]: of the block's x, for the minima
    Array<int32_t> whole;  // as scale: sums of q, in the back end's own way

    inline void resize(const Kernels& kernels, int new_tokens, int new_cols);
    size_t at(int token, int block) const {
        return (static_cast<size_t>(token / lanes) * (cols / kCols) + block) * lanes + token % lanes;
    }
};

// Rows side by side with their integers as bytes in the order of the steps, for many tokens.
struct Panel {
    Array<uint8_t> q;      // [cols / 32, 8 steps, rows, 4]: signed or not, in the back end's own way
    Array<float> scale;    // [cols / 32, rows], Q6: [cols / 32, 2, rows]
    Array<float> minimum;  // [cols / 32, rows], formats with minima only

    void resize(int cols, int rows) {
        size_t count = static_cast<size_t>(cols) * static_cast<size_t>(rows);
        q.resize(count), scale.resize(count / 16), minimum.resize(count / 32);
    }
};

// A product of a row and a token is, over the blocks b of 32 columns, in this order and in float32,
//     p = t0 · x_scale[0] + t1 · x_scale[1],   y += p · scale[b],   and with minima   y += minimum[b] · x_sum
// (Q6: y += t0 · x_scale[0] · scale[0], y += t1 · x_scale[1] · scale[1]) where t0 and t1 are the exact
// integer products of 16 columns each with w - kOffset. Every + that adds a product is one fused
// multiply-add, except in the portable kernels: all others give the same bits.
struct Kernels {
    const char* name;
    int panel_tokens;  // from this many tokens on `rows` wants a panel
    int panel_groups;  // groups of 8 rows in a panel
    int direct_tokens; // up to so many tokens `rows` reads the packed blocks where it would take a panel
    int lanes;         // of activations that go with panels; without they have one
    // x [acts->cols] into token `token` of acts; what the rounding leaves into rest [acts->cols] or nowhere
    void (*quantize)(const float* x, Acts* acts, int token, float* rest);
    // groups `group` … group + panel_groups - 1 (those there are) into a panel
    void (*unpack)(const Matrix& m, int group, Panel* panel);
    // y[t · stride + row] of `count` tokens from `token` on (a multiple of lanes), for the rows of a panel
    // that begins with `group`; with panel null, from the packed blocks, for those of `group` alone unless there
    // are as many tokens as a panel wants
    void (*rows)(const Matrix& m, int group, const Panel* panel, const Acts& acts, int token, int count,
                 float* y, size_t stride);
    void (*rms_norm)(const float* x, const float* weight, float eps, int count, float* out);
    void (*gate)(bool gelu, const float* gate, const float* up, int count, float* out);
    // parts: [tile.count, part_size], scratch: [attention_scratch]; attention.h
    void (*attend)(const Tile& tile, const Head& head, int span, float* scratch, float* parts);
    void (*halves)(const float* x, int count, uint16_t* out);
    float (*bytes)(const float* x, int count, int8_t* out);  // x = q · the returned scale
    // an adapter's: low [ranks] of x [cols], and what that adds to y; lowrank.h
    void (*project)(const LowRank& m, const float* x, float* low);
    void (*expand)(const LowRank& m, int from, int to, const float* low, size_t low_stride, int tokens, float* y,
                   size_t stride);
    void (*delta)(const DeltaToken& token, const float* from, float* to, float* out);  // delta.h
};

inline void Acts::resize(const Kernels& kernels, int new_tokens, int new_cols) {
    tokens = new_tokens, cols = new_cols;
    panels = tokens >= kernels.panel_tokens;
    lanes = panels ? kernels.lanes : 1;
    size_t rows = static_cast<size_t>((tokens + lanes - 1) / lanes) * lanes, count = rows * cols;
    q.resize(count), scale.resize(count / 16), sum.resize(count / 32), whole.resize(count / 16);
}

// Element `i` of step `s`, row `r` of a packed block, as an integer: signed for Q8, 0 … 2^bits - 1 else.
inline int element(Kind kind, const uint8_t* block, int s, int r, int i) {
    int at = 4 * r + i;
    if (kind == Q8) return static_cast<int8_t>(block[32 * s + at]);
    int low = block[32 * (s % 4) + at] >> (s / 4 * 4) & 15;
    if (kind == Q5 || kind == Q5M) return low | (block[128 + at] >> s & 1) << 4;
    if (kind == Q6) return low | (block[128 + 32 * (s / 4) + at] >> (2 * (s % 4)) & 3) << 4;
    return low;
}

namespace portable {

inline void quantize(const float* x, Acts* acts, int token, float* rest) {
    for (int b = 0; b < acts->cols / kCols; b++) {
        size_t at = acts->at(token, b);
        float total = 0;
        for (int half = 0; half < 2; half++, x += 16) {
            int8_t* q = acts->q.data() + 32 * at + 16 * half;
            float largest = 0;
            for (int i = 0; i < 16; i++) largest = std::fmax(largest, std::fabs(x[i]));
            float scale = largest / 127.0f, inverse = largest > 0 ? 127.0f / largest : 0.0f;
            int sum = 0;
            for (int i = 0; i < 16; i++) {
                q[i] = static_cast<int8_t>(std::lrint(x[i] * inverse));
                sum += q[i];
                if (rest) *rest++ = x[i] - scale * q[i];
            }
            acts->scale.data()[2 * at + half] = scale;
            total += scale * static_cast<float>(sum);
        }
        acts->sum.data()[at] = total;
    }
}

// Signed, the offset taken off.
inline void unpack(const Matrix& m, int group, Panel* panel) {
    const uint8_t* block = m.group(group);
    uint8_t* out = panel->q.data();
    int scales = m.kind == Q6 ? 16 : 8;
    for (int b = 0; b < m.blocks_per_row(); b++, block += kBlock[m.kind]) {
        for (int s = 0; s < 8; s++)
            for (int at = 0; at < 32; at++)
                *out++ = static_cast<uint8_t>(element(m.kind, block, s, at / 4, at % 4) - kOffset[m.kind]);
        const uint8_t* floats = block + kQuants[m.kind];
        for (int i = 0; i < scales; i++) panel->scale.data()[b * scales + i] = from_half(load16(floats + 2 * i));
        if (kHasMinima[m.kind])
            for (int i = 0; i < 8; i++) panel->minimum.data()[8 * b + i] = from_half(load16(floats + 16 + 2 * i));
    }
}

inline void rows(const Matrix& m, int group, const Panel* panel, const Acts& acts, int token, int count, float* y,
                 size_t stride) {
    int used = m.rows - group * kRows < kRows ? m.rows - group * kRows : kRows;
    for (int t = token; t < token + count; t++) {
        float total[kRows] = {};
        const int8_t* q = reinterpret_cast<const int8_t*>(panel->q.data());
        for (int b = 0; b < m.blocks_per_row(); b++) {
            size_t at = acts.at(t, b);
            const int8_t* x = acts.q.data() + 32 * at;
            const float *x_scale = acts.scale.data() + 2 * at, *scale = panel->scale.data() + (m.kind == Q6 ? 16 : 8) * b;
            float parts[2][kRows];
            for (int half = 0; half < 2; half++) {
                int32_t sums[kRows] = {};
                for (int s = 0; s < 4; s++, q += 32, x += 4)
                    for (int r = 0; r < kRows; r++)
                        for (int i = 0; i < 4; i++) sums[r] += q[4 * r + i] * x[i];
                for (int r = 0; r < kRows; r++) parts[half][r] = static_cast<float>(sums[r]) * x_scale[half];
            }
            for (int r = 0; r < kRows; r++)
                total[r] += m.kind == Q6 ? parts[0][r] * scale[r] + parts[1][r] * scale[8 + r]
                                         : (parts[0][r] + parts[1][r]) * scale[r];
            if (kHasMinima[m.kind])
                for (int r = 0; r < kRows; r++) total[r] += panel->minimum.data()[8 * b + r] * acts.sum.data()[at];
        }
        for (int r = 0; r < used; r++) y[t * stride + group * kRows + r] = total[r];
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
    static const Kernels table{"portable", 1, 1, 0, 1, quantize, unpack, rows, rms_norm, gate, attend, halves, bytes,
                               project, expand, delta};
    return table;
}

}  // namespace portable
}  // namespace native
