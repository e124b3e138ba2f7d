// 32 weights to 8 or 4 bits, for checkpoints that come in float, and for Q2_K.
#pragma once

#include <cmath>

#include "pack.h"

namespace native {

constexpr float kNearest = 12582912.0f;  // 1.5 · 2^23: adding it and taking it off rounds to an integer

inline void fill_integers(const float* w, float inverse, float low, float top, float* q) {
    for (int i = 0; i < kCols; i++) {
        float x = (w[i] - low) * inverse;
        x = x < 0.0f ? 0.0f : x > top ? top : x;  // a NaN stays one, as in the file
        q[i] = (x + kNearest) - kNearest;
    }
}

// Q8: q = w / scale with the largest weight at 127.
inline void quantize_8(const float* w, Part* part) {
    float largest = 0;
    for (int i = 0; i < kCols; i++) largest = std::fmax(largest, std::fabs(w[i]));
    part->scale[0] = to_half(largest / 127.0f);
    float scale = from_half(part->scale[0]), inverse = scale > 0 ? 1.0f / scale : 0.0f;
    for (int i = 0; i < kCols; i++) {
        float q = w[i] * inverse;
        q = q > 127.0f ? 127.0f : q < -127.0f ? -127.0f : q;
        part->q[i] = static_cast<uint8_t>(static_cast<int8_t>((q + kNearest) - kNearest));
    }
}

// Q4 with minima: w ≈ scale · q + low, q in 0 … 15, with the least sum of squares that is found. From a
// few first ranges (smaller ones cut outliers off), by turns: integers for given scale and low, then the
// scale and low that are best for those integers, a line through 32 points. The idea is that of
// make_qkx2_quants in ggml-quants.c (github.com/ggml-org/llama.cpp).
inline void quantize_4(const float* w, Part* part) {
    float least = w[0], largest = w[0], sum = 0, squares = 0;
    for (int i = 0; i < kCols; i++) {
        least = std::fmin(least, w[i]), largest = std::fmax(largest, w[i]);
        sum += w[i], squares += w[i] * w[i];
    }
    float best_error = INFINITY, best_scale = 0, best_low = least, q[kCols];
    constexpr float kShrunk[] = {1.0f, 0.94f, 0.88f, 0.8f};
    constexpr int kTurns = 3;
    for (float shrunk : kShrunk) {
        float cut = 0.5f * (1.0f - shrunk) * (largest - least);
        float scale = (largest - least) * shrunk / 15.0f, low = least + cut;
        for (int turn = 0; turn <= kTurns && scale > 0; turn++) {
            // what is compared is what will be stored: the numbers as float16
            scale = from_half(to_half(scale)), low = from_half(to_half(low));
            if (!(scale > 0)) break;
            fill_integers(w, 1.0f / scale, low, 15.0f, q);
            float count = kCols, qs = 0, qq = 0, qw = 0;
            for (int i = 0; i < kCols; i++) qs += q[i], qq += q[i] * q[i], qw += q[i] * w[i];
            // Σ (scale q + low - w)²
            float error = scale * scale * qq + 2 * scale * low * qs - 2 * scale * qw + count * low * low -
                          2 * low * sum + squares;
            if (error < best_error) best_error = error, best_scale = scale, best_low = low;
            float determinant = count * qq - qs * qs;
            if (determinant <= 0) break;
            scale = (count * qw - qs * sum) / determinant, low = (sum - scale * qs) / count;
        }
    }
    part->scale[0] = to_half(best_scale), part->minimum = to_half(best_low);
    if (best_scale > 0)
        fill_integers(w, 1.0f / best_scale, from_half(part->minimum), 15.0f, q);
    else
        std::fill(q, q + kCols, 0.0f);
    for (int i = 0; i < kCols; i++) part->q[i] = static_cast<uint8_t>(q[i]);
}

// `block`: of 32 weights within the row that starts at `row`; little-endian, as both kinds of file are.
inline void read_floats(Type type, const uint8_t* row, int block, float* w) {
    size_t at = static_cast<size_t>(block) * kCols;
    if (type == F32) {
        std::memcpy(w, row + 4 * at, 4 * kCols);
        return;
    }
    for (int i = 0; i < kCols; i++) {
        uint16_t bits = load16(row + 2 * (at + static_cast<size_t>(i)));
        uint32_t wide = static_cast<uint32_t>(bits) << 16;
        if (type == F16)
            w[i] = from_half(bits);
        else
            std::memcpy(&w[i], &wide, 4);
    }
}

inline void read_part(Kind kind, Type type, const uint8_t* row, int block, Part* part) {
    if (type < F32 && type != Q2_K) {
        read_part(type, row, block, part);
        return;
    }
    float w[kCols];
    type == Q2_K ? read_q2(row, block, w) : read_floats(type, row, block, w);
    kind == Q8 ? quantize_8(w, part) : quantize_4(w, part);
}

// Pack group `group` of 8 rows. `order` [rows] or null: row i of the matrix is row order[i] of the file.
inline void pack_group(Matrix* matrix, int group, Type type, const uint8_t* file, const int64_t* order) {
    size_t row_bytes = static_cast<size_t>(matrix->cols) / kTypeValues[type] * kTypeBytes[type];
    int per_row = matrix->blocks_per_row(), size = kBlock[matrix->kind];
    uint8_t* target = matrix->blocks + static_cast<size_t>(group) * per_row * size;
    std::memset(target, 0, static_cast<size_t>(per_row) * size);
    Part part;
    for (int lane = 0; lane < kRows && group * kRows + lane < matrix->rows; lane++) {
        int64_t row = group * kRows + lane;
        const uint8_t* source = file + static_cast<size_t>(order ? order[row] : row) * row_bytes;
        for (int block = 0; block < per_row; block++) {
            read_part(matrix->kind, type, source, block, &part);
            write_part(matrix->kind, part, target + static_cast<size_t>(block) * size, lane);
        }
    }
}

}  // namespace native
