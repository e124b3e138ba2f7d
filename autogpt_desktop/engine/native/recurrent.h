// What layers without keys and values do between their two products: a convolution over a few tokens, and of
// Gated DeltaNet the memory. A layer's memory is [window of the convolution, heads · keys · values] floats; a pass
// reads one and writes another.
#pragma once

#include <cmath>
#include <cstring>
#include <vector>

#include "kernels.h"
#include "shape.h"

namespace native {

class Recurrent {
public:
    explicit Recurrent(const Shape& shape) : shape_(shape) {
        size_t dim = static_cast<size_t>(shape.key_dim);
        ones_.assign(static_cast<size_t>(channels()), 1.0f);
        // a norm of 1 is √dim times a root mean square of 1
        float unit = shape.key_dim ? 1.0f / std::sqrt(static_cast<float>(shape.key_dim)) : 0.0f;
        query_unit_.assign(dim, unit * unit), key_unit_.assign(dim, unit);
    }

    int key_size() const { return shape_.key_heads * shape_.key_dim; }
    int value_size() const { return shape_.value_heads * shape_.value_dim; }
    // Numbers of a token that go through the convolution.
    int channels() const { return shape_.key_heads ? 2 * key_size() + value_size() : shape_.hidden; }
    // Numbers of a token that the first product gives: of DeltaNet queries, keys, values, z, b, a; else B, C, x.
    int inputs() const { return shape_.key_heads ? channels() + value_size() + 2 * shape_.value_heads : 3 * shape_.hidden; }
    int outputs() const { return shape_.key_heads ? value_size() : shape_.hidden; }
    size_t window_size() const { return static_cast<size_t>(shape_.conv_kernel - 1) * static_cast<size_t>(channels()); }
    size_t size() const { return window_size() + static_cast<size_t>(value_size()) * static_cast<size_t>(shape_.key_dim); }

    // Token `at` of a sequence's `count` in rows [count, stride]: to out [channels] what the convolution with
    // weights [kernel, channels] makes of it and those before. The last one leaves the next window.
    void convolve(const Sequence& s, int slot, int at, const float* rows, size_t stride, const float* weights, float* out) const {
        int wide = channels(), before = shape_.conv_kernel - 1;
        const float* window = s.before + static_cast<size_t>(slot) * size();
        auto row = [&](int i) { return i < 0 ? window + (before + i) * wide : rows + static_cast<size_t>(i) * stride; };
        for (int k = 0; k <= before; k++) {
            const float *x = row(at - before + k), *w = weights + k * wide;
            if (k == 0)
                for (int c = 0; c < wide; c++) out[c] = x[c] * w[c];
            else
                for (int c = 0; c < wide; c++) out[c] += x[c] * w[c];
        }
        if (at + 1 < s.count) return;
        float* next = s.after + static_cast<size_t>(slot) * size();
        for (int i = 0; i < before; i++) std::memcpy(next + i * wide, row(at + 1 - before + i), sizeof(float) * static_cast<size_t>(wide));
    }

    // Behind DeltaNet's convolution: SiLU, then queries and keys to length 1, queries by 1/√keys too.
    void shape_keys(const Kernels& kernels, float* row) const {
        kernels.gate(false, row, ones_.data(), channels(), row);
        int dim = shape_.key_dim;
        float eps = 1e-6f / static_cast<float>(dim);
        for (int h = 0; h < 2 * shape_.key_heads; h++, row += dim)
            kernels.rms_norm(row, h < shape_.key_heads ? query_unit_.data() : key_unit_.data(), eps, dim, row);
    }

    // All tokens of a sequence through the memory of one value head. mixed [count, channels] as above, inputs
    // [count, stride] of the first product, out [count, outputs].
    void remember(const Kernels& kernels, const Sequence& s, int slot, int head, const float* mixed, const float* inputs,
                  size_t stride, const float* decay, const float* bias, const float* norm, float* out) const {
        int heads = shape_.value_heads, wide = shape_.value_dim;
        int key_head = shape_.tiled_heads ? head % shape_.key_heads : head / (heads / shape_.key_heads);
        size_t memory = static_cast<size_t>(slot) * size() + window_size() +
                        static_cast<size_t>(head) * static_cast<size_t>(shape_.key_dim * wide);
        const float* from = s.before + memory;
        float* to = s.after + memory;
        for (int t = 0; t < s.count; t++, mixed += channels(), inputs += stride, out += outputs()) {
            const float *z = inputs + channels() + head * wide, *numbers = inputs + channels() + value_size();
            float rate = numbers[head], wait = numbers[heads + head] + bias[head];
            wait = wait > 20.0f ? wait : std::log1p(std::exp(wait));  // softplus
            DeltaToken token{mixed + key_head * shape_.key_dim,
                             mixed + key_size() + key_head * shape_.key_dim,
                             mixed + 2 * key_size() + head * wide,
                             std::exp(decay[head] * wait),
                             1.0f / (1.0f + std::exp(-rate)),
                             shape_.key_dim,
                             wide};
            float* read = out + head * wide;
            kernels.delta(token, t ? to : from, to, read);
            kernels.rms_norm(read, norm, shape_.eps, wide, read);
            kernels.gate(false, z, read, wide, read);
        }
    }

private:
    const Shape shape_;
    std::vector<float> ones_, query_unit_, key_unit_;
};

}  // namespace native
