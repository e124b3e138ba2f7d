// What the checks of the compiled back end share: numbers from a seed, failures, GGUF's blocks in float64.
//
// Blocks are decoded here one weight at a time, straight from the format's definition (ggml-common.h), so
// that nothing is shared with pack.h, which is under test.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "kernels.h"
#include "quantize.h"

namespace check {

// splitmix64 (Steele, Lea and Flood): the same numbers with every standard library.
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t bits() {
        uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }
    int below(int limit) { return static_cast<int>(bits() % static_cast<uint64_t>(limit)); }
    int between(int low, int high) { return low + below(high - low + 1); }
    double uniform(double low, double high) { return low + (high - low) * static_cast<double>(bits() >> 11) / 9007199254740992.0; }
    float normal() {  // by twelve uniform ones: near enough
        double sum = -6;
        for (int i = 0; i < 12; i++) sum += uniform(0, 1);
        return static_cast<float>(sum);
    }
    std::vector<float> normals(size_t count) {
        std::vector<float> values(count);
        for (float& value : values) value = normal();
        return values;
    }

private:
    uint64_t state_;
};

inline int failures = 0;

template <class... Values>
void fail(const char* format, Values... values) {
    if (++failures > 20) return;
    std::printf(format, values...);
    std::printf("\n");
}

inline bool near(double got, double wanted, double tolerance) { return std::fabs(got - wanted) <= tolerance; }

inline int finish(const char* what) {
    if (failures) std::printf("%d failures\n", failures);
    std::printf("%s: %s\n", what, failures ? "FAILED" : "passed");
    return failures != 0;
}

// Exactly `count` values at an alignment and with nothing behind them, for the address sanitizer to guard.
template <class T>
class Exact {
public:
    explicit Exact(size_t count)
        : count_(count), data_(static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t(64)))) {
        std::memset(static_cast<void*>(data_), 0xff, count * sizeof(T));  // float: NaN
    }
    Exact(const std::vector<T>& values) : Exact(values.size()) { std::memcpy(data_, values.data(), count_ * sizeof(T)); }
    Exact(const Exact&) = delete;
    Exact& operator=(const Exact&) = delete;
    ~Exact() { ::operator delete(data_, std::align_val_t(64)); }
    T* data() { return data_; }
    size_t size() const { return count_; }
    T& operator[](size_t index) { return data_[index]; }

private:
    size_t count_;
    T* data_;
};

inline double half(uint16_t bits) {
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    double value = exponent == 31 ? (mantissa ? NAN : INFINITY)
                   : exponent     ? std::ldexp(1024 + mantissa, exponent - 25)
                                  : std::ldexp(mantissa, -24);
    return bits & 0x8000 ? -value : value;
}

// To the nearest float16, ties to even, by a rounding of the value in units of its last place.
inline uint16_t to_half(double value) {
    uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    value = std::fabs(value);
    if (std::isnan(value)) return 0x7e00;
    if (value > 1e6) return sign | 0x7c00;
    int exponent = value < std::ldexp(1, -14) ? -14 : std::ilogb(value);
    double units = std::nearbyint(std::ldexp(value, 10 - exponent));  // 1024 … 2048, below 1024: subnormal
    if (units >= 2048) units /= 2, exponent++;
    if (exponent > 15) return sign | 0x7c00;
    int whole = static_cast<int>(units);
    return static_cast<uint16_t>(sign | (whole < 1024 ? whole : (exponent + 15) << 10 | (whole - 1024)));
}

inline double half_at(const uint8_t* at) { return half(static_cast<uint16_t>(at[0] | at[1] << 8)); }

// Weight `i` of a block as scale · q + low.
struct Weight {
    double scale, q, low;
    double value() const { return scale * q + low; }
};

inline Weight weight(native::Type type, const uint8_t* b, int i) {
    int low = i < 16 ? 0 : 4, at = i % 16;  // of the formats with 32 weights
    auto fifth = [&](const uint8_t* high) { return (high[i / 8] >> i % 8 & 1) << 4; };
    switch (type) {
        case native::Q4_0: return {half_at(b), (b[2 + at] >> low & 15) - 8.0, 0};
        case native::Q4_1: return {half_at(b), static_cast<double>(b[4 + at] >> low & 15), half_at(b + 2)};
        case native::Q5_0: return {half_at(b), ((b[6 + at] >> low & 15) | fifth(b + 2)) - 16.0, 0};
        case native::Q5_1: return {half_at(b), static_cast<double>((b[8 + at] >> low & 15) | fifth(b + 4)), half_at(b + 2)};
        case native::Q8_0: return {half_at(b), static_cast<double>(static_cast<int8_t>(b[2 + i])), 0};
        case native::Q4_K:
        case native::Q5_K: {
            int j = i / 32, scale, minimum;
            const uint8_t* s = b + 4;
            if (j < 4)
                scale = s[j] & 63, minimum = s[j + 4] & 63;
            else
                scale = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4, minimum = s[j + 4] >> 4 | (s[j] >> 6) << 4;
            const uint8_t* quants = b + (type == native::Q4_K ? 16 : 48);
            int q = quants[i / 64 * 32 + i % 32] >> (j % 2 * 4) & 15;
            if (type == native::Q5_K) q |= (b[16 + i % 32] >> j & 1) << 4;
            return {half_at(b) * scale, static_cast<double>(q), -half_at(b + 2) * minimum};
        }
        case native::IQ4_NL: return {half_at(b), static_cast<double>(native::kIQ4[b[2 + at] >> low & 15]), 0};
        case native::IQ4_XS: {
            int j = i / 32, sub = i % 32, high = (b[2] | b[3] << 8) >> 2 * j & 3;
            int scale = (b[4 + j / 2] >> 4 * (j % 2) & 15) + 16 * high - 32;
            return {half_at(b) * scale, static_cast<double>(native::kIQ4[b[8 + 16 * j + sub % 16] >> (sub < 16 ? 0 : 4) & 15]), 0};
        }
        case native::MXFP4: return {std::ldexp(1.0, b[0] - 128), static_cast<double>(native::kMXFP4[b[1 + at] >> low & 15]), 0};
        case native::Q2_K: {  // halves of 128 weights, 4 shifts of 32 in each; 16 share scale and minimum
            int q = b[16 + 32 * (i / 128) + i % 32] >> 2 * (i % 128 / 32) & 3, s = b[i / 16];
            return {half_at(b + 80) * (s & 15), static_cast<double>(q), -half_at(b + 82) * (s >> 4)};
        }
        case native::Q3_K: {
            int q = (b[32 + 32 * (i / 128) + i % 32] >> 2 * (i % 128 / 32) & 3) + 4 * (b[i % 32] >> i / 32 & 1) - 4;
            int j = i / 16, nibble = b[96 + j % 8] >> 4 * (j / 8) & 15, pair = b[104 + j % 4] >> 2 * (j / 4) & 3;
            return {half_at(b + 108) * (nibble + 16 * pair - 32), static_cast<double>(q), 0};
        }
        default: {  // Q6_K: halves of 128 weights, 4 quarters of 32 in each
            int part = i / 128, quarter = i % 128 / 32, l = i % 32;
            int nibble = b[64 * part + quarter % 2 * 32 + l] >> (quarter / 2 * 4) & 15;
            int pair = b[128 + 32 * part + l] >> (2 * quarter) & 3;
            return {half_at(b + 208) * static_cast<int8_t>(b[192 + i / 16]), (nibble | pair << 4) - 32.0, 0};
        }
    }
}

// A matrix as a GGUF file has it, and in float64.
struct File {
    native::Type type;
    int rows, cols;
    std::vector<uint8_t> blocks;

    size_t row_bytes() const { return static_cast<size_t>(cols / native::kTypeValues[type] * native::kTypeBytes[type]); }
    Weight at(int row, int col) const {
        int values = native::kTypeValues[type];
        const uint8_t* b = &blocks[static_cast<size_t>(row) * row_bytes()];
        return weight(type, b + col / values * native::kTypeBytes[type], col % values);
    }
    std::vector<double> expanded() const {
        std::vector<double> values;
        for (int row = 0; row < rows; row++)
            for (int col = 0; col < cols; col++) values.push_back(at(row, col).value());
        return values;
    }
};

// Random bits, or `fill` in every byte, with float16 scales of an ordinary size.
inline File random_file(Random& random, native::Type type, int rows, int cols, double size, int fill = -1) {
    File file{type, rows, cols, {}};
    file.blocks.resize(static_cast<size_t>(rows) * file.row_bytes());
    for (uint8_t& byte : file.blocks) byte = static_cast<uint8_t>(fill < 0 ? random.below(256) : fill);
    for (size_t b = 0; b < file.blocks.size(); b += static_cast<size_t>(native::kTypeBytes[type])) {
        auto put = [&](size_t at) {
            uint16_t scale = to_half(random.uniform(size / 4, size) * (fill < 0 && random.below(8) == 0 ? -1 : 1));
            file.blocks[b + at] = static_cast<uint8_t>(scale), file.blocks[b + at + 1] = static_cast<uint8_t>(scale >> 8);
        };
        if (type == native::MXFP4) {  // an exponent
            file.blocks[b] = static_cast<uint8_t>(124 + random.below(4) + static_cast<int>(std::floor(std::log2(size))));
            continue;
        }
        put(type == native::Q6_K ? 208 : type == native::Q2_K ? 80 : type == native::Q3_K ? 108 : 0);
        if (type == native::Q2_K) put(82);
        if (type == native::Q4_1 || type == native::Q5_1 || type == native::Q4_K || type == native::Q5_K) put(2);
    }
    return file;
}

}  // namespace check
