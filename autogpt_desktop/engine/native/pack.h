// Packed weights: 8 rows side by side in blocks of 32 columns, the file's own integers and scales.
//
// A matrix [rows, cols] is stored as [rows / 8][cols / 32] blocks, rows padded with zeros. In a block the
// 32 columns are 8 steps of 4; a step of 8 rows is one 32-byte vector, whose 32-bit lane r holds columns
// 4 s … 4 s + 3 of row r. One product with the step's 4 activations, repeated in every lane, does 8 rows:
//
//   step s:  | row 0: c c+1 c+2 c+3 | row 1: c c+1 c+2 c+3 | … | row 7: c c+1 c+2 c+3 |   c = 4 s
//
//   Q4   128 bytes: vector j holds step j in its low and step j + 4 in its high nibbles,  j = 0 … 3
//   Q5   as Q4, then 32 bytes: bit s of byte (r, i) is the fifth bit of row r, column 4 s + i
//   Q6   as Q4, then 64 bytes: bits 2 (s % 4) … of byte (r, i) of vector s / 4 are the fifth and sixth
//   Q8   256 bytes: the 8 steps, signed
//
// Behind the integers stand 8 scales as float16 (Q6: 8 for columns 0 … 15, 8 for 16 … 31), and 8 minima
// as float16 where the format has them:  w = scale · q + minimum.  Without them the minimum is
// -offset · scale (8, 16, 32 for 4, 5 and 6 bits; Q8 has none).
//
// What has no kind of its own goes into one that holds it: Q3_K into Q6, whose scales span 16 columns too; IQ4_NL,
// IQ4_XS and MXFP4, whose bits choose one of 16 numbers, into Q8. Q2_K (minima for 16 columns) is quantized to Q8.
// Q3_K … Q6_K and IQ4_XS have integer sub-scales; their products with the float16 of the 256-block are
// rounded to float16 (2^-11 of a scale, a fiftieth or less of the step between two weights).
// Formats read: ggml's block_q4_0 … block_q6_K (ggml-common.h, ggml-quants.c).
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>

#include "memory.h"

namespace native {

enum Kind { Q4, Q4M, Q5, Q5M, Q6, Q8 };                                 // M: with minima
// as the file has them; the floats are quantized (quantize.h)
enum Type { Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, MXFP4, Q2_K, Q3_K, kTypes, F32 = kTypes, F16, BF16 };

constexpr int kRows = 8, kCols = 32;
constexpr int kQuants[] = {128, 128, 160, 160, 192, 256};  // bytes of integers in a block
constexpr int kBlock[] = {144, 160, 176, 192, 224, 272};   // bytes of a block
constexpr int kOffset[] = {8, 0, 16, 0, 32, 0};
constexpr bool kHasMinima[] = {false, true, false, true, false, false};
constexpr Kind kKindOf[] = {Q4, Q4M, Q5, Q5M, Q8, Q4M, Q5M, Q6, Q8, Q8, Q8, Q8, Q6, Q8, Q8, Q8};
constexpr int kTypeValues[] = {32, 32, 32, 32, 32, 256, 256, 256, 32, 256, 32, 256, 256, 1, 1, 1};
constexpr int kTypeBytes[] = {18, 20, 22, 24, 34, 144, 176, 210, 18, 136, 17, 84, 110, 4, 2, 2};
// what the 4 bits of IQ4_NL and IQ4_XS choose from, and those of MXFP4 (times two)
constexpr int8_t kIQ4[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr int8_t kMXFP4[] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

inline float from_half(uint16_t half) {
    uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 1023;
    uint32_t bits;
    if (exponent == 31) {
        bits = sign | 0x7f800000 | mantissa << 13;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    } else {  // subnormal: mantissa · 2^-24
        float value = static_cast<float>(mantissa) * (1.0f / 16777216.0f);
        return sign ? -value : value;
    }
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

// To the nearest, ties to even; beyond the largest float16 to infinity.
inline uint16_t to_half(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) return sign | 0x7e00;
    if (bits >= 0x477ff000) return sign | 0x7c00;
    if (bits < 0x38800000) {  // subnormal: let the float adder round
        float magnitude;
        std::memcpy(&magnitude, &bits, 4);
        magnitude += 0.5f;
        std::memcpy(&bits, &magnitude, 4);
        return static_cast<uint16_t>(sign | (bits - 0x3f000000));
    }
    bits += 0xc8000fff + (bits >> 13 & 1);
    return static_cast<uint16_t>(sign | bits >> 13);
}

inline uint16_t load16(const uint8_t* at) {
    uint16_t value;
    std::memcpy(&value, at, 2);
    return value;
}

struct Matrix {
    Kind kind = Q8;
    int rows = 0, cols = 0;
    uint8_t* blocks = nullptr;  // a multiple of 64 bytes; in the model's memory, or `own`
    std::unique_ptr<Memory> own;

    int groups() const { return (rows + kRows - 1) / kRows; }
    int blocks_per_row() const { return cols / kCols; }
    const uint8_t* group(int index) const {
        return blocks + static_cast<size_t>(index) * blocks_per_row() * kBlock[kind];
    }
    size_t nbytes() const { return static_cast<size_t>(groups()) * blocks_per_row() * kBlock[kind]; }
    // what it takes of the model's memory
    size_t padded() const { return (nbytes() + 63) / 64 * 64; }

    void shape(Kind new_kind, int new_rows, int new_cols) { kind = new_kind, rows = new_rows, cols = new_cols; }
};

// 32 weights of one row, taken out of the file's block.
struct Part {
    uint8_t q[32];
    uint16_t scale[2];  // the second for columns 16 … 31, Q6 only
    uint16_t minimum;
};

// Scale and minimum `index` of the 8 six-bit pairs of Q4_K and Q5_K (get_scale_min_k4 in ggml-quants.c).
inline void sub_scales(const uint8_t* s, int index, int* scale, int* minimum) {
    if (index < 4) {
        *scale = s[index] & 63, *minimum = s[index + 4] & 63;
    } else {
        *scale = (s[index + 4] & 15) | (s[index - 4] >> 6 << 4);
        *minimum = (s[index + 4] >> 4) | (s[index] >> 6 << 4);
    }
}

inline void nibbles(const uint8_t* packed, uint8_t* q) {
    for (int i = 0; i < 16; i++) q[i] = packed[i] & 15, q[i + 16] = packed[i] >> 4;
}

inline void chosen(const int8_t* from, const uint8_t* packed, uint8_t* q) {
    nibbles(packed, q);
    for (int i = 0; i < 32; i++) q[i] = static_cast<uint8_t>(from[q[i]]);
}

// Scale `index` of the 16 of Q3_K, six bits each: the low nibbles of 8 and of 8, then two bits of each.
inline int scale_of_3(const uint8_t* s, int index) {
    int low = index < 8 ? s[index] & 15 : s[index - 8] >> 4;
    return (low | (s[8 + index % 4] >> (2 * (index / 4)) & 3) << 4) - 32;
}

// Weights of Q2_K as floats: no kind has minima for 16 columns.
inline void read_q2(const uint8_t* row, int block, float* w) {
    const uint8_t* b = row + static_cast<size_t>(block / 8) * 84;
    int sub = block % 8;
    float d = from_half(load16(b + 80)), low = from_half(load16(b + 82));
    for (int i = 0; i < 32; i++) {
        int scale = b[2 * sub + i / 16], q = b[16 + sub / 4 * 32 + i] >> (2 * (sub % 4)) & 3;
        w[i] = d * static_cast<float>(scale & 15) * static_cast<float>(q) - low * static_cast<float>(scale >> 4);
    }
}

inline void fifth_bits(const uint8_t* packed, uint8_t* q) {
    uint32_t high;
    std::memcpy(&high, packed, 4);
    for (int i = 0; i < 32; i++) q[i] |= (high >> i & 1) << 4;
}

// `block`: of 32 weights within the row that starts at `row`.
inline void read_part(Type type, const uint8_t* row, int block, Part* part) {
    const uint8_t* b = row + static_cast<size_t>(block) * kCols / kTypeValues[type] * kTypeBytes[type];
    int sub = block % 8, scale, minimum;
    switch (type) {
        case Q4_0:
            part->scale[0] = load16(b);
            nibbles(b + 2, part->q);
            return;
        case Q4_1:
            part->scale[0] = load16(b), part->minimum = load16(b + 2);
            nibbles(b + 4, part->q);
            return;
        case Q5_0:
            part->scale[0] = load16(b);
            nibbles(b + 6, part->q);
            fifth_bits(b + 2, part->q);
            return;
        case Q5_1:
            part->scale[0] = load16(b), part->minimum = load16(b + 2);
            nibbles(b + 8, part->q);
            fifth_bits(b + 4, part->q);
            return;
        case Q8_0:
            part->scale[0] = load16(b);
            std::memcpy(part->q, b + 2, 32);
            return;
        case Q4_K:
        case Q5_K: {
            const uint8_t* q = b + (type == Q4_K ? 16 : 48) + sub / 2 * 32;
            int shift = sub % 2 * 4;
            for (int i = 0; i < 32; i++) part->q[i] = q[i] >> shift & 15;
            if (type == Q5_K)
                for (int i = 0; i < 32; i++) part->q[i] |= (b[16 + i] >> sub & 1) << 4;
            sub_scales(b + 4, sub, &scale, &minimum);
            part->scale[0] = to_half(from_half(load16(b)) * static_cast<float>(scale));
            part->minimum = to_half(-(from_half(load16(b + 2)) * static_cast<float>(minimum)));
            return;
        }
        case IQ4_NL:
            part->scale[0] = load16(b);
            chosen(kIQ4, b + 2, part->q);
            return;
        case IQ4_XS: {
            scale = (b[4 + sub / 2] >> (4 * (sub % 2)) & 15) | (load16(b + 2) >> (2 * sub) & 3) << 4;
            part->scale[0] = to_half(from_half(load16(b)) * static_cast<float>(scale - 32));
            chosen(kIQ4, b + 8 + 16 * sub, part->q);
            return;
        }
        case MXFP4:
            part->scale[0] = to_half(std::ldexp(1.0f, b[0] - 128));
            chosen(kMXFP4, b + 1, part->q);
            return;
        case Q3_K: {
            const uint8_t* q = b + 32 + sub / 4 * 32;
            for (int i = 0; i < 32; i++)  // -4 … 3 above the kind's offset
                part->q[i] = static_cast<uint8_t>((q[i] >> (2 * (sub % 4)) & 3) + (b[i] >> sub & 1) * 4 - 4 + kOffset[Q6]);
            for (int i = 0; i < 2; i++)
                part->scale[i] = to_half(from_half(load16(b + 108)) * static_cast<float>(scale_of_3(b + 96, 2 * sub + i)));
            return;
        }
        default: {  // Q6_K
            const uint8_t* low = b + sub / 4 * 64 + sub % 2 * 32;
            const uint8_t* high = b + 128 + sub / 4 * 32;
            int low_shift = sub % 4 / 2 * 4, high_shift = sub % 4 * 2;
            for (int i = 0; i < 32; i++)
                part->q[i] = static_cast<uint8_t>((low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4);
            float d = from_half(load16(b + 208));
            for (int i = 0; i < 2; i++)
                part->scale[i] = to_half(d * static_cast<float>(static_cast<int8_t>(b[192 + 2 * sub + i])));
        }
    }
}

// Write a row's part into lane `lane` of a block that was zero before.
inline void write_part(Kind kind, const Part& part, uint8_t* block, int lane) {
    if (kind == Q8) {
        for (int s = 0; s < 8; s++) std::memcpy(block + 32 * s + 4 * lane, part.q + 4 * s, 4);
    } else {
        for (int j = 0; j < 4; j++)
            for (int i = 0; i < 4; i++)
                block[32 * j + 4 * lane + i] =
                    static_cast<uint8_t>((part.q[4 * j + i] & 15) | (part.q[16 + 4 * j + i] & 15) << 4);
        uint8_t* high = block + 128 + 4 * lane;
        if (kind == Q5 || kind == Q5M)
            for (int s = 0; s < 8; s++)
                for (int i = 0; i < 4; i++) high[i] |= static_cast<uint8_t>((part.q[4 * s + i] >> 4) << s);
        if (kind == Q6)
            for (int s = 0; s < 8; s++)
                for (int i = 0; i < 4; i++)
                    high[32 * (s / 4) + i] |= static_cast<uint8_t>((part.q[4 * s + i] >> 4) << (2 * (s % 4)));
    }
    uint8_t* scales = block + kQuants[kind];
    std::memcpy(scales + 2 * lane, &part.scale[0], 2);
    if (kind == Q6) std::memcpy(scales + 16 + 2 * lane, &part.scale[1], 2);
    if (kind == Q4M || kind == Q5M) std::memcpy(scales + 16 + 2 * lane, &part.minimum, 2);
}

}  // namespace native
