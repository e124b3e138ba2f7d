// A whole tiny model, its float64 twin, and passes over it in one piece, in parts and in a batch.
#include <algorithm>
#include <functional>
#include <map>

#include "check.h"
#include "model.h"

namespace check {

void check_model(const native::Kernels& set);

using native::Kernels;
using native::Model;
using native::Sequence;
using native::Shape;

namespace {

struct Variant {
    const char* name;
    native::Type type, head;
    Shape shape;
    bool bias, norms, out_norms, sliding;  // sliding: every second layer
    int rank = 0;                          // of an adapter; 0: none
    bool in_norms = true;                  // before attention and MLP
    bool unrotated = false;                // every second layer has no positions
};

Shape changed(Shape shape, const std::function<void(Shape&)>& change) {
    change(shape);
    return shape;
}

constexpr int kVocab = 77, kContext = 96;

const std::vector<Variant>& variants() {
    //  vocab, hidden, intermediate, layers, heads, kv_heads, head_dim, window, gelu; eps, embedding, query, softcaps
    static const std::vector<Variant> all{
        {"llama", native::Q4_1, native::Q4_1, {kVocab, 64, 96, 3, 4, 2, 16, 0, 0, 1e-5f, 1, 0.25f, 0, 0}, false, false, false, false},
        {"gemma3", native::Q5_0, native::Q8_0, {kVocab, 96, 160, 4, 4, 1, 24, 7, 1, 1e-6f, 9.8f, 0.2f, 0, 30}, false, true, true, true},
        {"qwen2", native::Q8_0, native::Q5_1, {kVocab, 64, 96, 2, 8, 8, 12, 0, 0, 1e-6f, 1, 0.29f, 20, 0}, true, false, false, false},
        {"K", native::Q4_K, native::Q6_K, {kVocab, 256, 256, 2, 8, 2, 32, 0, 0, 1e-5f, 1, 0.18f, 0, 0}, false, true, false, false},
        {"adapted", native::Q4_1, native::Q8_0, {kVocab, 64, 96, 3, 4, 2, 16, 0, 0, 1e-5f, 1, 0.25f, 0, 0}, true, false, false, false, 3},
        {"granite", native::Q5_1, native::Q8_0,
         changed({kVocab, 64, 96, 3, 4, 2, 16, 0, 0, 1e-5f, 3, 0.25f, 0, 0}, [](Shape& s) { s.residual_scale = 0.6f, s.logit_scale = 0.7f; }),
         false, false, false, false, 0, true, true},
        {"olmo2", native::Q4_1, native::Q8_0,
         changed({kVocab, 64, 96, 3, 4, 2, 16, 0, 0, 1e-5f, 1, 0.25f, 0, 0}, [](Shape& s) { s.qk_norm = native::kAllHeads; }),
         false, true, true, false, 0, false},
        {"mistral3", native::Q5_0, native::Q8_0,
         changed({kVocab, 64, 96, 2, 4, 2, 16, 0, 0, 1e-5f, 1, 0.25f, 0, 0}, [](Shape& s) { s.temperature = 0.4f, s.temperature_length = 16; }),
         false, false, false, false},
        {"hunyuan", native::Q8_0, native::Q8_0,
         changed({kVocab, 64, 96, 2, 4, 2, 16, 0, 0, 1e-5f, 1, 0.25f, 0, 0}, [](Shape& s) { s.qk_norm = native::kEachHeadRotated; }),
         false, true, false, false}};
    return all;
}

// Weights as the files have them; both models are made of these.
struct Weights {
    struct Factors {
        std::vector<float> a, b;
    };
    struct Layer {
        std::vector<File> matrices;                // by MatrixSlot
        std::vector<std::vector<float>> vectors;   // by VectorSlot
        bool sliding;
        std::vector<Factors> added;  // by MatrixSlot, or none
    };
    const Variant& variant;
    std::vector<Layer> layers;
    std::vector<File> head;
    std::vector<float> norm, rope, local_rope;  // rope: [positions, head_dim / 2] cosine and sine

    explicit Weights(const Variant& v) : variant(v) {
        Random random(7);
        const Shape& s = v.shape;
        int q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
        auto around = [&](int count, double middle, double spread) {
            std::vector<float> values(static_cast<size_t>(count));
            for (float& value : values) value = static_cast<float>(middle + spread * random.normal());
            return values;
        };
        for (int i = 0; i < s.layers; i++) {
            Layer layer{{}, {}, v.sliding && i % 2 == 0, {}};
            int sizes[][2] = {{q, s.hidden}, {kv, s.hidden}, {kv, s.hidden}, {s.hidden, q},
                              {s.intermediate, s.hidden}, {s.intermediate, s.hidden}, {s.hidden, s.intermediate}};
            for (auto& size : sizes) layer.matrices.push_back(matrix(random, v.type, size[0], size[1]));
            layer.vectors.resize(native::kVectorSlots);
            if (v.in_norms)
                for (auto slot : {native::kInputNorm, native::kMlpNorm}) layer.vectors[slot] = around(s.hidden, 1, 0.2);
            if (v.out_norms)
                for (auto slot : {native::kAttentionOutNorm, native::kMlpOutNorm}) layer.vectors[slot] = around(s.hidden, 1, 0.2);
            if (v.bias) layer.vectors[native::kBias] = around(q + 2 * kv, 0, 0.3);
            if (v.norms) layer.vectors[native::kQKNorm] = around(q + kv, 1, 0.2);
            for (auto& size : sizes)
                if (v.rank && layer.added.size() != native::kUp)  // one matrix stays as it is
                    layer.added.push_back({around(v.rank * size[1], 0, 0.1), around(size[0] * v.rank, 0, 0.3)});
                else if (v.rank)
                    layer.added.push_back({});
            layers.push_back(layer);
        }
        head.push_back(matrix(random, v.head, s.vocab, s.hidden));
        norm = around(s.hidden, 1, 0.2);
        for (auto* table : {&rope, &local_rope})
            for (int position = 0; position < kContext; position++)
                for (int i = 0; i < s.head_dim; i += 2) {
                    double angle = position * std::pow(table == &rope ? 10000.0 : 100.0, -static_cast<double>(i) / s.head_dim);
                    table->push_back(static_cast<float>(std::cos(angle)));
                    table->push_back(static_cast<float>(std::sin(angle)));
                }
    }

    // With weights of about 1/√cols around zero: their minimum is set to the middle of the integers.
    static File matrix(Random& random, native::Type type, int rows, int cols) {
        constexpr double kSpread[] = {4.6, 4.6, 9.2, 9.2, 74, 140, 290, 900};  // of the integers times their sub-scale
        File file = random_file(random, type, rows, cols, 1.7 / kSpread[type] / std::sqrt(cols));
        for (size_t b = 0; b < file.blocks.size(); b += static_cast<size_t>(native::kTypeBytes[type])) {
            uint8_t* block = &file.blocks[b];
            if (type < native::Q4_K && type != native::Q4_1 && type != native::Q5_1) continue;
            if (type == native::Q6_K) continue;  // signed sub-scales, -32 … 31
            double middle = type == native::Q4_1 ? -7.5 : type == native::Q5_1 ? -15.5 : type == native::Q4_K ? 7.5 : 15.5;
            uint16_t minimum = to_half(half_at(block) * middle);
            block[2] = static_cast<uint8_t>(minimum), block[3] = static_cast<uint8_t>(minimum >> 8);
        }
        return file;
    }
};

// The same steps in float64 and without a cache, one position after the other; logits of every position.
class Twin {
public:
    explicit Twin(const Weights& weights) : w_(weights), s_(weights.variant.shape), head_(weights.head[0].expanded()) {
        for (const Weights::Layer& layer : w_.layers) {
            matrices_.emplace_back();
            for (const File& file : layer.matrices) matrices_.back().push_back(file.expanded());
            for (size_t slot = 0; slot < layer.added.size(); slot++) merge(layer.added[slot], &matrices_.back()[slot]);
        }
    }

    std::vector<std::vector<double>> logits(const std::vector<int32_t>& ids) const {
        std::vector<std::vector<double>> x, out;
        size_t hidden = static_cast<size_t>(s_.hidden);
        for (int32_t id : ids) {
            auto row = head_.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(id) * hidden);
            x.emplace_back(row, row + static_cast<std::ptrdiff_t>(hidden));
            for (double& value : x.back()) value *= s_.embedding_scale;
        }
        for (size_t l = 0; l < w_.layers.size(); l++) layer(l, &x);
        for (const auto& row : x) {
            out.push_back(times(head_, normed(row, w_.norm.data())));
            for (double& y : out.back()) y *= s_.logit_scale;
            if (s_.final_softcap > 0)
                for (double& y : out.back()) y = std::tanh(y / s_.final_softcap) * s_.final_softcap;
        }
        return out;
    }

private:
    using Row = std::vector<double>;

    static Row times(const Row& matrix, const Row& x) {
        Row y(matrix.size() / x.size());
        for (size_t r = 0; r < y.size(); r++)
            for (size_t c = 0; c < x.size(); c++) y[r] += matrix[r * x.size() + c] * x[c];
        return y;
    }

    // W + 2 B A
    void merge(const Weights::Factors& added, Row* matrix) const {
        size_t rank = static_cast<size_t>(w_.variant.rank), cols = added.a.size() / rank;
        for (size_t at = 0; at < matrix->size() && cols; at++)
            for (size_t r = 0; r < rank; r++)
                (*matrix)[at] += 2.0 * added.b[at / cols * rank + r] * added.a[r * cols + at % cols];
    }

    Row normed(const Row& x, const float* weight) const {
        double squares = 0;
        for (double value : x) squares += value * value;
        Row out = x;
        for (size_t i = 0; i < x.size(); i++) out[i] *= weight[i] / std::sqrt(squares / static_cast<double>(x.size()) + s_.eps);
        return out;
    }

    Row normed_by(const std::vector<float>& weight, const Row& x) const { return weight.empty() ? x : normed(x, weight.data()); }

    void add(Row* x, const Row& more) const {
        for (size_t i = 0; i < x->size(); i++) (*x)[i] += more[i] * s_.residual_scale;
    }

    // Norm and rotation of the heads in `x`; `norms` and `turns` may be null.
    void turn(Row* x, const float* norms, const float* turns) const {
        size_t dim = static_cast<size_t>(s_.head_dim);
        if (norms && s_.qk_norm == native::kAllHeads) *x = normed(*x, norms), norms = nullptr;
        for (size_t at = 0; at < x->size(); at += dim) {
            auto begin = x->begin() + static_cast<std::ptrdiff_t>(at);
            Row part(begin, begin + static_cast<std::ptrdiff_t>(dim));
            if (norms && s_.qk_norm == native::kEachHead) part = normed(part, norms + at);
            if (turns) {
                Row before = part;
                for (size_t i = 0; i < dim; i += 2) {
                    part[i] = before[i] * turns[i] - before[i + 1] * turns[i + 1];
                    part[i + 1] = before[i] * turns[i + 1] + before[i + 1] * turns[i];
                }
            }
            if (norms && s_.qk_norm == native::kEachHeadRotated) part = normed(part, norms + at);
            std::copy(part.begin(), part.end(), begin);
        }
    }

    void layer(size_t index, std::vector<Row>* x) const {
        const Weights::Layer& layer = w_.layers[index];
        const std::vector<Row>& m = matrices_[index];
        const auto& vectors = layer.vectors;
        const float* rope = (layer.sliding ? w_.local_rope : w_.rope).data();
        size_t dim = static_cast<size_t>(s_.head_dim), width = static_cast<size_t>(s_.heads) * dim;
        std::vector<Row> queries, keys, values;
        for (size_t t = 0; t < x->size(); t++) {
            Row in = normed_by(vectors[native::kInputNorm], (*x)[t]);
            Row q = times(m[native::kQ], in), k = times(m[native::kK], in), v = times(m[native::kV], in);
            size_t at = 0;
            if (!vectors[native::kBias].empty())
                for (Row* row : {&q, &k, &v})
                    for (double& value : *row) value += vectors[native::kBias][at++];
            const float* norms = vectors[native::kQKNorm].empty() ? nullptr : vectors[native::kQKNorm].data();
            const float* turns = w_.variant.unrotated && index % 2 ? nullptr : rope + t * dim;
            turn(&q, norms, turns), turn(&k, norms ? norms + width : nullptr, turns);
            if (s_.temperature > 0)
                for (double& value : q) value *= 1 + s_.temperature * std::log(1 + std::floor(static_cast<double>(t) / s_.temperature_length));
            queries.push_back(q), keys.push_back(k), values.push_back(v);
        }
        for (size_t t = 0; t < x->size(); t++) {
            Row mixed = attend(queries[t], keys, values, t, layer.sliding);
            Row out = times(m[native::kO], mixed);
            if (!vectors[native::kAttentionOutNorm].empty()) out = normed(out, vectors[native::kAttentionOutNorm].data());
            add(&(*x)[t], out);
            Row in = normed_by(vectors[native::kMlpNorm], (*x)[t]), gate = times(m[native::kGate], in), up = times(m[native::kUp], in);
            for (size_t i = 0; i < gate.size(); i++) {
                double g = gate[i], inner = std::sqrt(2 / std::acos(-1)) * (g + 0.044715 * g * g * g);
                gate[i] = (s_.gelu ? 0.5 * g * (1 + std::tanh(inner)) : g / (1 + std::exp(-g))) * up[i];
            }
            out = times(m[native::kDown], gate);
            if (!vectors[native::kMlpOutNorm].empty()) out = normed(out, vectors[native::kMlpOutNorm].data());
            add(&(*x)[t], out);
        }
    }

    Row attend(const Row& query, const std::vector<Row>& keys, const std::vector<Row>& values, size_t t, bool sliding) const {
        size_t dim = static_cast<size_t>(s_.head_dim), window = static_cast<size_t>(s_.sliding_window);
        Row out(query.size());
        for (size_t h = 0; h < static_cast<size_t>(s_.heads); h++) {
            size_t shared = h / static_cast<size_t>(s_.heads / s_.kv_heads) * dim, first = sliding && t + 1 > window ? t + 1 - window : 0;
            Row p;
            double total = 0;
            for (size_t key = first; key <= t; key++) {
                double score = 0;
                for (size_t d = 0; d < dim; d++) score += query[h * dim + d] * keys[key][shared + d];
                score *= s_.query_scale;
                if (s_.attn_softcap > 0) score = std::tanh(score / s_.attn_softcap) * s_.attn_softcap;
                p.push_back(std::exp(score)), total += p.back();
            }
            for (size_t key = first; key <= t; key++)
                for (size_t d = 0; d < dim; d++) out[h * dim + d] += p[key - first] / total * values[key][shared + d];
        }
        return out;
    }

    const Weights& w_;
    const Shape& s_;
    Row head_;
    std::vector<std::vector<Row>> matrices_;
};

// The model under test with caches of its own.
class Subject {
public:
    Subject(const Weights& weights, const Kernels& set, int threads)
        : weights_(weights), shape_(weights.variant.shape), model_(shape_, threads, set) {
        for (size_t i = 0; i < weights.layers.size(); i++) {
            const Weights::Layer& from = weights.layers[i];
            native::Layer& layer = model_.layer(static_cast<int>(i));
            for (size_t slot = 0; slot < from.matrices.size(); slot++) pack(&layer.matrices[slot], from.matrices[slot]);
            for (size_t slot = 0; slot < from.vectors.size(); slot++) layer.vectors[slot] = from.vectors[slot];
            layer.sliding = from.sliding, layer.rotated = !(weights.variant.unrotated && i % 2);
            for (size_t slot = 0; slot < from.added.size(); slot++)
                if (const Weights::Factors& one = from.added[slot]; !one.a.empty())
                    layer.added[slot].set(weights.variant.rank, layer.matrices[slot].rows, layer.matrices[slot].cols, one.a.data(), one.b.data(), 2.0f);
        }
        pack(&model_.head, weights.head[0]);
        model_.norm = weights.norm;
    }

    struct Part {
        int sequence;
        std::vector<int32_t> ids;
    };

    // Logits of all tokens of all parts in one pass.
    std::vector<float> pass(const std::vector<Part>& parts) {
        std::vector<Sequence> sequences;
        std::vector<int32_t> ids, pick;
        for (const Part& part : parts) {
            Cache& cache = caches_[part.sequence];
            if (!cache.memory) cache.memory.reset(new Exact<uint16_t>(cells())), std::fill_n(cache.memory->data(), cells(), uint16_t{0});
            int count = static_cast<int>(part.ids.size());
            sequences.push_back({cache.memory->data(), nullptr, kContext, cache.used, count});
            cache.used += count;
            for (int32_t id : part.ids) pick.push_back(static_cast<int32_t>(ids.size())), ids.push_back(id);
        }
        Exact<float> logits(ids.size() * static_cast<size_t>(kVocab));
        model_.begin(ids.data(), nullptr, sequences.data(), static_cast<int>(sequences.size()));
        model_.layers(0, 1, weights_.rope.data(), weights_.local_rope.data());
        model_.layers(1, shape_.layers, weights_.rope.data(), weights_.local_rope.data());
        model_.logits(pick.data(), static_cast<int>(pick.size()), logits.data());
        return {logits.data(), logits.data() + logits.size()};
    }

private:
    struct Cache {
        std::unique_ptr<Exact<uint16_t>> memory;
        int used = 0;
    };

    size_t cells() const { return static_cast<size_t>(shape_.layers * 2 * shape_.kv_heads * kContext * shape_.head_dim); }

    void pack(native::Matrix* m, const File& file) {
        model_.pack(m, native::kKindOf[file.type], file.type, file.rows, file.cols, file.blocks.data(), nullptr, 0,
                    file.rows);
    }

    const Weights& weights_;
    const Shape& shape_;
    Model model_;
    std::map<int, Cache> caches_;
};

}  // namespace

void check_model(const Kernels& set) {
    for (const Variant& variant : variants()) {
        Weights weights(variant);
        Random random(11);
        std::vector<int32_t> ids;
        for (int i = 0; i < 41; i++) ids.push_back(random.below(kVocab));
        auto slice = [&](int from, int to) { return std::vector<int32_t>(ids.begin() + from, ids.begin() + to); };
        Subject one(weights, set, 1), three(weights, set, 3);
        std::vector<float> got = one.pass({{0, ids}});
        std::vector<std::vector<double>> wanted = Twin(weights).logits(ids);
        for (size_t t = 0; t < wanted.size(); t++) {
            double wrong = 0, size = 0;
            for (size_t i = 0; i < wanted[t].size(); i++) {
                double y = got[t * wanted[t].size() + i];
                wrong += (y - wanted[t][i]) * (y - wanted[t][i]), size += wanted[t][i] * wanted[t][i];
            }
            // what activations of 8 bits cost
            if (!(std::sqrt(wrong / size) < 0.04)) fail("%s model %s: token %zu is off by %g", set.name, variant.name, t, std::sqrt(wrong / size));
        }
        std::vector<float> parts;
        int cuts[] = {0, 9, 10, 12, 29, 41};
        for (int i = 0; i < 5; i++) {
            std::vector<float> part = three.pass({{0, slice(cuts[i], cuts[i + 1])}});
            parts.insert(parts.end(), part.begin(), part.end());
        }
        if (parts.size() != got.size() || std::memcmp(parts.data(), got.data(), got.size() * sizeof(float)))
            fail("%s model %s: other bits in parts and with other threads", set.name, variant.name);
        three.pass({{1, slice(0, 20)}});
        std::vector<float> batch = three.pass({{2, slice(3, 8)}, {1, slice(20, 41)}, {3, slice(0, 1)}});
        if (std::memcmp(&batch[5 * static_cast<size_t>(kVocab)], &got[20 * static_cast<size_t>(kVocab)], 21 * kVocab * sizeof(float)))
            fail("%s model %s: other bits in a batch", set.name, variant.name);
    }
}

}  // namespace check
