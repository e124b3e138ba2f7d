// A decoder's layers over packed weights: the same steps as engine/transformer.py, for a batch of tokens.
//
// A pass is begin (embedding rows), layers (some or all) and head. Between two parallel steps the calling
// thread works alone only for a single token; for more, everything is spread over the tokens.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "attend.h"
#include "loading.h"
#include "products.h"
#include "recurrent.h"

namespace native {

// A layer that does not attend has its inputs' matrices at kQ (of DeltaNet: queries, keys and values; kK: a, kV: b,
// kOutputGate: z) and its result's at kO. kOutputGate: of attention too, where it has a gate.
enum MatrixSlot { kQ, kK, kV, kO, kGate, kUp, kDown, kOutputGate, kMatrixSlots };
// of layers with a convolution: its weights [kernel, channels]; of DeltaNet also decay and bias [heads], norm [value_dim]
enum VectorSlot {
    kInputNorm, kMlpNorm, kAttentionOutNorm, kMlpOutNorm, kBias, kQKNorm, kConv, kDecay, kDecayBias, kMemoryNorm, kVectorSlots
};
enum LayerKind { kAttends, kDeltaNet, kShortConv };

// What the norm of queries and keys takes as a row, and when.
enum QKNorm { kEachHead, kAllHeads, kEachHeadRotated };

struct Layer {
    LayerKind kind = kAttends;
    int slot = 0;  // its number among those that attend, or among those that do not
    Matrix matrices[kMatrixSlots];
    LowRank added[kMatrixSlots];
    std::vector<float> vectors[kVectorSlots];
    bool sliding = false, rotated = true;
};

class Model : private Products {
public:
    Model(const Shape& shape, int threads, const Kernels& kernels)
        : Products(threads, kernels),
          shape_(shape),
          layers_(static_cast<size_t>(shape.layers)),
          attention_(shape, threads, kernels),
          recurrent_(shape) {
        set_kind(0, kAttends);
    }

    const Kernels& kernels() const { return *kernels_; }

    Layer& layer(int index) { return layers_[static_cast<size_t>(index)]; }

    void set_kind(size_t index, LayerKind kind) {
        if (index < layers_.size()) layers_[index].kind = kind;
        int slots[2] = {};
        for (Layer& layer : layers_) layer.slot = slots[layer.kind == kAttends]++;
    }

    Matrix head;
    std::vector<float> norm;

    // Room for matrices of `bytes` in all (the sum of their `padded`), which are then packed into it in turn.
    void reserve(size_t bytes) {
        weights_.allocate(bytes);
        used_ = 0;
    }

    // Rows from … to - 1 of a matrix (`from` a multiple of 8; 0 begins the matrix) out of the file's.
    void pack(Matrix* m, Kind kind, Type type, int rows, int cols, const uint8_t* file, const int64_t* order,
              int from, int to) {
        if (from == 0) begin_matrix(m, kind, rows, cols);
        int step = std::max(1, 65536 / (cols * kRows)), first = from / kRows;
        int groups = (to + kRows - 1) / kRows - first;
        pool_.run((groups + step - 1) / step, [&](int chunk, int) {
            for (int g = chunk * step; g < std::min(groups, (chunk + 1) * step); g++)
                pack_group(m, first + g, type, file, order);
        });
    }

    // A matrix that lies packed in somebody else's memory, which must outlive the model.
    void place(Matrix* m, Kind kind, int rows, int cols, uint8_t* blocks) {
        m->shape(kind, rows, cols);
        m->own.reset();
        m->blocks = blocks;
        prepare(cols);
    }

    // The matrices of another model of the same shape, which must outlive this one, and copies of its vectors.
    void share(const Model& other) {
        auto take = [this](Matrix* to, const Matrix& from) { place(to, from.kind, from.rows, from.cols, from.blocks); };
        for (size_t i = 0; i < layers_.size(); i++) {
            const Layer& from = other.layers_[i];
            for (int slot = 0; slot < kMatrixSlots; slot++) take(&layers_[i].matrices[slot], from.matrices[slot]);
            for (int slot = 0; slot < kVectorSlots; slot++) layers_[i].vectors[slot] = from.vectors[slot];
            layers_[i].sliding = from.sliding, layers_[i].rotated = from.rotated;
            layers_[i].kind = from.kind, layers_[i].slot = from.slot;
        }
        take(&head, other.head);
        norm = other.norm;
    }

    const Memory& weights() const { return weights_; }

    // The same whatever the number of threads: parts of 4 MB, then their sums.
    uint64_t checksum(const uint8_t* data, size_t size) {
        std::vector<uint64_t> sums((size + kPart - 1) / kPart);
        pool_.run(static_cast<int>(sums.size()), [&](int part, int) {
            size_t at = static_cast<size_t>(part) * kPart;
            sums[static_cast<size_t>(part)] = native::checksum(data + at, std::min(kPart, size - at));
        });
        return native::checksum(reinterpret_cast<const uint8_t*>(sums.data()), sums.size() * 8);
    }

    size_t nbytes() const {
        size_t total = head.nbytes();
        for (const Layer& layer : layers_)
            for (int slot = 0; slot < kMatrixSlots; slot++) total += layer.matrices[slot].nbytes() + layer.added[slot].nbytes();
        return total;
    }

    // y [tokens, rows] = x [tokens, cols] Wᵀ, for tests and measurements.
    void product(const Matrix& m, const float* x, int tokens, float* y) {
        count_ = tokens;
        multiply({{&m, y}}, m.cols, static_cast<size_t>(m.rows), [&](int t, Acts* acts, float*, Workspace*) {
            kernels_->quantize(x + static_cast<size_t>(t) * static_cast<size_t>(m.cols), acts, t, nullptr);
        });
    }

    // `ids` [tokens] looked up in the head's rows (tied), or their `embeddings` [tokens, hidden].
    void begin(const int32_t* ids, const float* embeddings, const Sequence* sequences, int count) {
        sequences_.assign(sequences, sequences + count);
        tokens_.clear();
        for (int s = 0; s < count; s++)
            for (int i = 0; i < sequences[s].count; i++) tokens_.push_back({s, sequences[s].start + i});
        count_ = static_cast<int>(tokens_.size());
        attention_.plan(sequences_);
        size_t n = tokens_.size(), hidden = static_cast<size_t>(shape_.hidden), dim = static_cast<size_t>(shape_.head_dim);
        size_t width = qkv_width(), result = static_cast<size_t>(shape_.heads) * dim;
        if (shape_.conv_kernel) {
            width = std::max(width, static_cast<size_t>(recurrent_.inputs()));
            result = std::max(result, static_cast<size_t>(recurrent_.outputs()));
            grow(&mixed_, n * static_cast<size_t>(recurrent_.channels()));
        }
        grow(&x_, n * hidden), grow(&next_x_, hidden), grow(&out_, 2 * n * hidden);
        grow(&qkv_, 2 * n * width), grow(&attended_, n * result);
        grow(&gate_, n * static_cast<size_t>(shape_.intermediate)), grow(&up_, n * static_cast<size_t>(shape_.intermediate));
        over_tokens([&](int t, int) {
            float* x = &x_[static_cast<size_t>(t) * hidden];
            if (embeddings)
                std::copy(embeddings + static_cast<size_t>(t) * hidden, embeddings + static_cast<size_t>(t + 1) * hidden, x);
            else
                embed(ids[t], x);
            for (size_t i = 0; i < hidden; i++) x[i] *= shape_.embedding_scale;
        });
    }

    // Layers from … to - 1. rope, local_rope: [positions, head_dim / 2] pairs of cosine and sine.
    void layers(int from, int to, const float* rope, const float* local_rope) {
        for (int index = from; index < to; index++) {
            Layer& layer = layers_[static_cast<size_t>(index)];
            if (layer.kind == kAttends)
                attention(layer, layer.slot, layer.sliding ? local_rope : rope);
            else
                remember(layer);
            mlp(layer);
        }
    }

    // Logits [picked, vocab] of the tokens `pick`.
    void logits(const int32_t* pick, int picked, float* logits) {
        size_t hidden = static_cast<size_t>(shape_.hidden);
        count_ = picked;
        grow(&out_, static_cast<size_t>(picked) * hidden);
        size_t vocab = static_cast<size_t>(shape_.vocab);
        multiply({{&head, logits}}, shape_.hidden, vocab, [&](int t, Acts* acts, float* rows, Workspace*) {
            float* row = rows + static_cast<size_t>(t) * hidden;
            kernels_->rms_norm(&x_[static_cast<size_t>(pick[t]) * hidden], norm.data(), shape_.eps, shape_.hidden, row);
            kernels_->quantize(row, acts, t, nullptr);
        });
        if (shape_.logit_scale != 1.0f)
            over_tokens([&](int t, int) {
                for (size_t i = 0; i < vocab; i++) logits[static_cast<size_t>(t) * vocab + i] *= shape_.logit_scale;
            });
        if (shape_.final_softcap > 0)
            over_tokens([&](int t, int) {
                for (size_t i = 0; i < vocab; i++) {
                    float& y = logits[static_cast<size_t>(t) * vocab + i];
                    y = std::tanh(y / shape_.final_softcap) * shape_.final_softcap;
                }
            });
    }

    // What the head reads of the tokens `pick`: [picked, hidden] behind the last norm, scaled as the logits are.
    void hidden(const int32_t* pick, int picked, float* rows) {
        size_t hidden = static_cast<size_t>(shape_.hidden);
        for (int t = 0; t < picked; t++)
            kernels_->rms_norm(&x_[static_cast<size_t>(pick[t]) * hidden], norm.data(), shape_.eps, shape_.hidden,
                               rows + static_cast<size_t>(t) * hidden);
        if (shape_.logit_scale != 1.0f)
            for (size_t i = 0; i < static_cast<size_t>(picked) * hidden; i++) rows[i] *= shape_.logit_scale;
    }

private:
    static constexpr size_t kPart = size_t{4} << 20;

    void begin_matrix(Matrix* m, Kind kind, int rows, int cols) {
        m->shape(kind, rows, cols);
        prepare(cols);
        size_t size = m->padded();
        if (size <= weights_.size() - used_) {
            m->own.reset();
            m->blocks = weights_.data() + used_;
            used_ += size;
        } else {
            m->own.reset(new Memory);
            m->own->allocate(size);
            m->blocks = m->own->data();
        }
    }

    struct Token {
        int sequence, position;
    };
    size_t qkv_width() const {
        int heads = shape_.attention_gate ? 2 * shape_.heads : shape_.heads;
        return static_cast<size_t>(heads + 2 * shape_.kv_heads) * static_cast<size_t>(shape_.head_dim);
    }

    void embed(int id, float* x) const {
        const uint8_t* block = head.group(id / kRows);
        int lane = id % kRows, kind = head.kind;
        bool minima = kind == Q4M || kind == Q5M;
        for (int b = 0; b < head.blocks_per_row(); b++, block += kBlock[kind])
            for (int c = 0; c < kCols; c++) {
                const uint8_t* scales = block + kQuants[kind] + 2 * lane;
                float scale = from_half(load16(scales + (kind == Q6 ? c / 16 * 16 : 0)));
                float low = minima ? from_half(load16(scales + 16)) : -static_cast<float>(kOffset[kind]) * scale;
                *x++ = scale * static_cast<float>(element(head.kind, block, c / 4, lane, c % 4)) + low;
            }
    }

    // What a layer's first products start from.
    auto normed(const Layer& layer) {
        return [this, &layer](int t, Acts* acts, float* rows, Workspace* space) {
            size_t at = static_cast<size_t>(t) * static_cast<size_t>(shape_.hidden);
            norm_row(layer.vectors[kInputNorm], &x_[at], rows + at);
            project(rows + at, t, space);
            quantize_twice(rows, acts, t);
        };
    }

    void attention(Layer& layer, int index, const float* rope) {
        int heads = shape_.heads, shared = shape_.kv_heads, dim = shape_.head_dim, hidden = shape_.hidden;
        const Matrix* m = layer.matrices;
        const LowRank* added = layer.added;
        size_t width = qkv_width();
        float *q = qkv_.data(), *k = q + heads * dim, *v = k + shared * dim, *gates = v + shared * dim;
        if (shape_.attention_gate)
            multiply({{&m[kQ], q, &added[kQ]}, {&m[kK], k, &added[kK]}, {&m[kV], v, &added[kV]}, {&m[kOutputGate], gates}},
                     hidden, width, normed(layer), true);
        else
            multiply({{&m[kQ], q, &added[kQ]}, {&m[kK], k, &added[kK]}, {&m[kV], v, &added[kV]}}, hidden, width,
                     normed(layer), true);
        over_tokens([&](int t, int thread) { place(layer, index, rope, t, thread); });
        pool_.run(attention_.jobs(layer.sliding), [&](int job, int thread) {
            attention_.run(index, layer.sliding, job, qkv_.data(), width, attended_.data(), thread);
        });
        if (shape_.attention_gate)
            over_tokens([&](int t, int) {
                float* out = &attended_[static_cast<size_t>(t) * static_cast<size_t>(heads * dim)];
                const float* gate = gates + static_cast<size_t>(t) * width;
                for (int i = 0; i < heads * dim; i++) out[i] /= 1.0f + std::exp(-gate[i]);
            });
        multiply({{&m[kO], out_.data(), &added[kO]}}, heads * dim, static_cast<size_t>(hidden), rounding(attended_.data()));
    }

    // In place of attention: DeltaNet or a short convolution.
    void remember(Layer& layer) {
        const Matrix* m = layer.matrices;
        int hidden = shape_.hidden, channels = recurrent_.channels();
        size_t width = static_cast<size_t>(recurrent_.inputs()), wide = static_cast<size_t>(channels);
        bool delta = layer.kind == kDeltaNet;
        float* rows = qkv_.data();
        if (delta) {
            float *z = rows + channels, *b = z + recurrent_.value_size(), *a = b + shape_.value_heads;
            multiply({{&m[kQ], rows}, {&m[kOutputGate], z}, {&m[kV], b}, {&m[kK], a}}, hidden, width, normed(layer), true);
        } else {
            multiply({{&m[kQ], rows}}, hidden, width, normed(layer), true);
        }
        over_tokens([&](int t, int) {
            float *row = rows + static_cast<size_t>(t) * width, *mixed = &mixed_[static_cast<size_t>(t) * wide];
            const float* rest = row + static_cast<size_t>(count_) * width;
            for (size_t i = 0; i < width; i++) row[i] += rest[i];
            if (!delta)
                for (int i = 0; i < hidden; i++) mixed[i] = row[i] * row[2 * hidden + i];
        });
        // DeltaNet's convolution goes from its inputs to mixed_, the other's from mixed_ to its result
        const float *from = delta ? rows : mixed_.data(), *weights = layer.vectors[kConv].data();
        size_t stride = delta ? width : wide;
        over_tokens([&](int t, int) {
            const Token& token = tokens_[static_cast<size_t>(t)];
            const Sequence& s = sequences_[static_cast<size_t>(token.sequence)];
            int at = token.position - s.start;
            float* out = (delta ? mixed_.data() : attended_.data()) + static_cast<size_t>(t) * wide;
            recurrent_.convolve(s, layer.slot, at, from + static_cast<size_t>(t - at) * stride, stride, weights, out);
            if (delta) {
                recurrent_.shape_keys(*kernels_, out);
                return;
            }
            const float* gate = rows + static_cast<size_t>(t) * width + hidden;
            for (int i = 0; i < hidden; i++) out[i] *= gate[i];
        });
        if (delta) run_memory(layer, width);
        int outputs = recurrent_.outputs();
        multiply({{&m[kO], out_.data()}}, outputs, static_cast<size_t>(hidden), rounding(attended_.data()));
    }

    void run_memory(const Layer& layer, size_t width) {
        int heads = shape_.value_heads;
        std::vector<size_t> first{0};
        for (const Sequence& s : sequences_) first.push_back(first.back() + static_cast<size_t>(s.count));
        pool_.run(static_cast<int>(sequences_.size()) * heads, [&](int job, int) {
            size_t s = static_cast<size_t>(job / heads), t = first[s];
            recurrent_.remember(*kernels_, sequences_[s], layer.slot, job % heads,
                                &mixed_[t * static_cast<size_t>(recurrent_.channels())], &qkv_[t * width], width,
                                layer.vectors[kDecay].data(), layer.vectors[kDecayBias].data(),
                                layer.vectors[kMemoryNorm].data(),
                                &attended_[t * static_cast<size_t>(recurrent_.outputs())]);
        });
    }

    // Row t into row t of acts, and what its rounding leaves into row count_ + t: the sum of both
    // products is as good as with 15 bits. Half of all that int8 activations cost in accuracy they cost
    // here, where some channels are far larger than their neighbors, and q, k and v are small matrices.
    void quantize_twice(float* rows, Acts* acts, int t) {
        size_t cols = static_cast<size_t>(acts->cols);
        float *row = rows + static_cast<size_t>(t) * cols, *rest = row + static_cast<size_t>(count_) * cols;
        kernels_->quantize(row, acts, t, rest);
        kernels_->quantize(rest, acts, count_ + t, nullptr);
    }

    // Bias, norm and rotation of token t's queries and keys; keys and values go into the cache.
    void place(const Layer& layer, int index, const float* rope, int t, int thread) {
        int heads = shape_.heads, shared = shape_.kv_heads, dim = shape_.head_dim;
        const Token& token = tokens_[static_cast<size_t>(t)];
        float* row = &qkv_[static_cast<size_t>(t) * qkv_width()];
        const float* rest = row + static_cast<size_t>(count_) * qkv_width();
        for (size_t i = 0; i < qkv_width(); i++) row[i] += rest[i];
        const std::vector<float>&bias = layer.vectors[kBias], &norms = layer.vectors[kQKNorm];
        for (size_t i = 0; i < bias.size(); i++) row[i] += bias[i];
        const float* turns = rope + static_cast<size_t>(token.position) * static_cast<size_t>(dim);
        if (!norms.empty() && shape_.qk_norm == kAllHeads) {
            kernels_->rms_norm(row, norms.data(), shape_.eps, heads * dim, row);
            kernels_->rms_norm(row + heads * dim, &norms[static_cast<size_t>(heads * dim)], shape_.eps, shared * dim,
                               row + heads * dim);
        }
        float query_scale = shape_.query_scale * temperature(token.position);
        for (int h = 0; h < heads + shared; h++) {
            float *x = row + h * dim, scale = h < heads ? query_scale : 1.0f;
            const float* weights = norms.data() + h * dim;
            if (!norms.empty() && shape_.qk_norm == kEachHead) kernels_->rms_norm(x, weights, shape_.eps, dim, x);
            if (!norms.empty() && shape_.qk_norm == kEachHeadRotated) {
                if (layer.rotated) turn(turns, 1.0f, x);
                kernels_->rms_norm(x, weights, shape_.eps, dim, x);
                for (int i = 0; i < dim; i++) x[i] *= scale;
            } else if (layer.rotated) {
                turn(turns, scale, x);
            } else {
                for (int i = 0; i < dim; i++) x[i] *= scale;
            }
        }
        for (int h = 0; h < shared; h++)
            attention_.store(index, token.sequence, token.position, h, row + (heads + h) * dim,
                             row + (heads + shared + h) * dim, thread);
    }

    // Pairs of a head by their angles, times scale.
    void turn(const float* turns, float scale, float* x) const {
        for (int i = 0; i < shape_.head_dim; i += 2) {
            float a = x[i], b = x[i + 1];
            x[i] = (a * turns[i] - b * turns[i + 1]) * scale;
            x[i + 1] = (a * turns[i + 1] + b * turns[i]) * scale;
        }
    }

    float temperature(int position) const {
        if (shape_.temperature == 0) return 1.0f;
        return 1.0f + shape_.temperature * std::log(1.0f + static_cast<float>(position / shape_.temperature_length));
    }

    // Row x [hidden] as the family hands it to a product: normed, where there is a norm.
    void norm_row(const std::vector<float>& weights, const float* x, float* to) {
        if (weights.empty())
            std::copy_n(x, shape_.hidden, to);
        else
            kernels_->rms_norm(x, weights.data(), shape_.eps, shape_.hidden, to);
    }

    // to = x + out of token t, out normed where the family does so. row [hidden]: room, may be out's own
    void add_residual(const std::vector<float>& out_norm, int t, float* row, float* to) {
        int hidden = shape_.hidden;
        size_t at = static_cast<size_t>(t) * static_cast<size_t>(hidden);
        const float *x = &x_[at], *out = &out_[at];
        if (!out_norm.empty()) {
            kernels_->rms_norm(out, out_norm.data(), shape_.eps, hidden, row);
            out = row;
        }
        float scale = shape_.residual_scale;
        if (scale == 1.0f)
            for (int i = 0; i < hidden; i++) to[i] = x[i] + out[i];
        else
            for (int i = 0; i < hidden; i++) to[i] = x[i] + out[i] * scale;
    }

    void mlp(Layer& layer) {
        const Matrix &gate = layer.matrices[kGate], &up = layer.matrices[kUp], &down = layer.matrices[kDown];
        int inner = shape_.intermediate, hidden = shape_.hidden, groups = gate.groups();
        int step = groups_per_chunk(gate, groups, count_), chunks = (groups + step - 1) / step;
        size_t stride = static_cast<size_t>(inner);
        for (Workspace& space : workspaces_) grow(&space.x, static_cast<size_t>(hidden));
        auto prepare = [&](int t, Acts* acts, float* rows, Workspace* space) {
            size_t at = static_cast<size_t>(t) * static_cast<size_t>(hidden);
            float* x = &x_[at];
            if (space) x = space->x.data();  // others read the old x at the same time
            add_residual(layer.vectors[kAttentionOutNorm], t, rows + at, x);
            norm_row(layer.vectors[kMlpNorm], x, rows + at);
            project(rows + at, t, space);
            kernels_->quantize(rows + at, acts, t, nullptr);
        };
        before(count_, hidden, prepare, {&layer.added[kGate], &layer.added[kUp]});
        pool_.run(chunks, [&](int chunk, int thread) {
            Workspace& space = workspaces_[static_cast<size_t>(thread)];
            const Acts& acts = prepared(prepare, space);
            if (count_ == 1 && chunk == 0) std::copy_n(space.x.data(), hidden, next_x_.data());
            int from = chunk * step, to = std::min(groups, from + step);
            group_rows(gate, from, to, acts, gate_.data(), stride, space);
            group_rows(up, from, to, acts, up_.data(), stride, space);
            expand(&layer.added[kGate], from, to, gate_.data(), stride, space);
            expand(&layer.added[kUp], from, to, up_.data(), stride, space);
            int first = from * kRows, count = std::min(inner, to * kRows) - first;
            for (int t = 0; t < count_; t++) {
                size_t at = static_cast<size_t>(t) * stride + static_cast<size_t>(first);
                kernels_->gate(shape_.gelu != 0, &gate_[at], &up_[at], count, &gate_[at]);
            }
        });
        if (count_ == 1) std::swap(x_, next_x_);
        multiply({{&down, out_.data(), &layer.added[kDown]}}, inner, static_cast<size_t>(hidden), rounding(gate_.data()));
        over_tokens([&](int t, int) {
            size_t at = static_cast<size_t>(t) * static_cast<size_t>(hidden);
            add_residual(layer.vectors[kMlpOutNorm], t, &out_[at], &x_[at]);
        });
    }

    Shape shape_;
    Memory weights_;
    size_t used_ = 0;  // of weights_
    std::vector<Layer> layers_;
    std::vector<Sequence> sequences_;
    std::vector<Token> tokens_;
    Attention attention_;
    Recurrent recurrent_;
    std::vector<float> x_, next_x_, qkv_, mixed_, attended_, gate_, up_;
};

}  // namespace native
