// Encoder–decoder models for translation: passes through the encoder, and one step of the decoder.
//
// Sentences of a pass lie behind each other without padding. What a pass computes for a sentence depends on that
// sentence alone, to the bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <memory>
#include <vector>

#include "seq2seq_weights.h"
#include "threads.h"

namespace native {

// A sentence behind the encoder: keys and values of every decoder layer, and what may come out.
struct EncodedSource {
    int length = 0, room = 0;              // room: length, padded
    std::vector<float> keys, values;       // [layers, heads, head_dim, room], [layers, length, hidden]
    std::vector<int32_t> shortlist;        // empty: the whole vocabulary
};

// A translation on the way.
struct Row {
    std::shared_ptr<const EncodedSource> source;
    int position = 0;
    std::vector<float> cells;                            // SSRU: [layers, hidden]
    std::vector<std::shared_ptr<std::vector<float>>> path;  // self-attention: [layers, keys and values, hidden] of each position
};

// Buffers of one thread that passes run in.
struct Lane {
    std::vector<float> x, normed, q, k, v, out, inner, scores, scales, logits, attention;
    std::vector<int8_t> bytes;
    std::vector<int32_t> ordered;
    std::vector<const float*> paths;
    std::vector<size_t> starts;  // of sentences within the pass
};

class Seq2Seq : public Seq2SeqWeights {
public:
    Seq2Seq(const Seq2SeqShape& shape, int threads, const LinearKernels& kernels)
        : Seq2SeqWeights(shape), kernels_(&kernels), pool_(threads), lanes_(static_cast<size_t>(threads)) {}

    const LinearKernels& kernels() const { return *kernels_; }
    Pool& pool() { return pool_; }
    Lane& lane(int index) { return lanes_[static_cast<size_t>(index)]; }

    struct Ids {
        const int32_t* ids;
        int count;
    };

    // Sentences (none empty) through the encoder. wide: with all threads of the pool.
    void encode(Lane& lane, const Ids* sentences, int count, bool wide, std::vector<std::shared_ptr<EncodedSource>>* out) {
        int hidden = shape_.hidden, tokens = 0, longest = 0;
        lane.starts.assign(1, 0);
        for (int i = 0; i < count; i++) {
            tokens += sentences[i].count, longest = std::max(longest, sentences[i].count);
            lane.starts.push_back(static_cast<size_t>(tokens));
        }
        size_t size = static_cast<size_t>(tokens) * static_cast<size_t>(hidden);
        prepare(lane, tokens, shape_.encoder_ffn);
        grow(&lane.scores, static_cast<size_t>(wide ? count : 1) * static_cast<size_t>(longest) * static_cast<size_t>(padded(longest, 16)));
        grow(&lane.attention, static_cast<size_t>(wide ? count : 1) * static_cast<size_t>(hidden) * static_cast<size_t>(padded(longest, 16)));
        for (int i = 0; i < count; i++)
            for (int t = 0; t < sentences[i].count; t++)
                kernels_->embed(tables_[kSourceTable], sentences[i].ids[t], shape_.embedding_scale, position(t),
                                &lane.x[(lane.starts[static_cast<size_t>(i)] + static_cast<size_t>(t)) * static_cast<size_t>(hidden)]);
        for (Layer& layer : encoder_) {
            const float* in = before(lane, layer.norms[kSelfNorm], tokens, wide);
            multiply(lane, in, tokens, wide, {{&layer.linears[kSelfQ], lane.q.data()}, {&layer.linears[kSelfK], lane.k.data()}, {&layer.linears[kSelfV], lane.v.data()}});
            scale_queries(lane.q.data(), size, shape_.encoder_heads);
            each(count, wide, [&](int i) {
                size_t first = lane.starts[static_cast<size_t>(i)] * static_cast<size_t>(hidden), place = wide ? static_cast<size_t>(i) : 0;
                int length = sentences[i].count, room = padded(length, 16);
                float* keys = &lane.attention[place * static_cast<size_t>(hidden) * static_cast<size_t>(padded(longest, 16))];
                transpose(&lane.k[first], length, room, keys);
                Attended a{keys, &lane.v[first], static_cast<size_t>(hidden), length, room, shape_.encoder_heads, hidden / shape_.encoder_heads};
                kernels_->attend(a, &lane.q[first], static_cast<size_t>(hidden), length, &lane.scores[place * static_cast<size_t>(longest) * static_cast<size_t>(padded(longest, 16))],
                                 &lane.out[first], static_cast<size_t>(hidden), nullptr, nullptr);
            });
            multiply(lane, lane.out.data(), tokens, wide, {{&layer.linears[kSelfO], lane.q.data()}});
            after(lane, layer.norms[kSelfNorm], lane.q.data(), tokens, wide);
            feed_forward(lane, layer, tokens, wide);
        }
        finish(lane, last_norms_[0], tokens);
        for (int i = 0; i < count; i++) {
            auto source = std::make_shared<EncodedSource>();
            source->length = sentences[i].count, source->room = padded(source->length, 16);
            source->keys.resize(decoder_.size() * static_cast<size_t>(source->room) * static_cast<size_t>(hidden));
            source->values.resize(decoder_.size() * static_cast<size_t>(source->length) * static_cast<size_t>(hidden));
            out->push_back(std::move(source));
        }
        for (size_t l = 0; l < decoder_.size(); l++) {
            multiply(lane, lane.x.data(), tokens, wide, {{&decoder_[l].linears[kCrossK], lane.k.data()}, {&decoder_[l].linears[kCrossV], lane.v.data()}});
            each(count, wide, [&](int i) {
                EncodedSource& source = *(*out)[out->size() - static_cast<size_t>(count - i)];
                size_t first = lane.starts[static_cast<size_t>(i)] * static_cast<size_t>(hidden), width = static_cast<size_t>(hidden);
                size_t length = static_cast<size_t>(source.length), room = static_cast<size_t>(source.room);
                transpose(&lane.k[first], source.length, source.room, &source.keys[l * room * width]);
                std::copy_n(&lane.v[first], length * width, &source.values[l * length * width]);
            });
        }
    }

    // The row of a translation's beginning.
    Row start(std::shared_ptr<const EncodedSource> source) const {
        Row row;
        row.source = std::move(source);
        if (shape_.ssru) row.cells.assign(decoder_.size() * static_cast<size_t>(shape_.hidden), 0.0f);
        return row;
    }

    // One step: ids[i] (-1: none) goes behind row i. Leaves what the output layer reads in lane.x, and in lane.attention
    // [rows, longest source] the alignment if `align`.
    void step(Lane& lane, Row* const* rows, const int32_t* ids, int count, bool wide, bool align, int longest) {
        int hidden = shape_.hidden, heads = shape_.decoder_heads, most = 0;
        size_t width = static_cast<size_t>(hidden), size = static_cast<size_t>(count) * width;
        prepare(lane, count, shape_.decoder_ffn);
        for (int i = 0; i < count; i++) most = std::max({most, rows[i]->source->room, padded(rows[i]->position + 1, 16)});
        grow(&lane.scores, static_cast<size_t>(count) * static_cast<size_t>(most));
        if (align) lane.attention.assign(static_cast<size_t>(count) * static_cast<size_t>(longest), 0.0f);
        for (int i = 0; i < count; i++) kernels_->embed(tables_[kTargetTable], ids[i], shape_.embedding_scale, position(rows[i]->position), &lane.x[static_cast<size_t>(i) * width]);
        if (!shape_.ssru)
            for (int i = 0; i < count; i++) rows[i]->path.push_back(std::make_shared<std::vector<float>>(2 * decoder_.size() * width));
        size_t pathed = 0;
        for (int i = 0; i < count; i++) pathed += rows[i]->path.size();
        if (!shape_.ssru) {
            lane.paths.clear(), lane.starts.clear();
            lane.paths.reserve(pathed);
            for (int i = 0; i < count; i++) {
                lane.starts.push_back(lane.paths.size());
                for (const auto& block : rows[i]->path) lane.paths.push_back(block->data());
            }
        }
        for (size_t l = 0; l < decoder_.size(); l++) {
            Layer& layer = decoder_[l];
            const float* in = before(lane, layer.norms[kSelfNorm], count, wide);
            if (shape_.ssru) {
                multiply(lane, in, count, wide, {{&layer.linears[kSelfQ], lane.q.data()}, {&layer.linears[kSelfK], lane.k.data()}});
                for (int i = 0; i < count; i++) {
                    size_t at = static_cast<size_t>(i) * width;
                    kernels_->ssru(&lane.q[at], &lane.k[at], &rows[i]->cells[l * width], hidden, &lane.out[at]);
                }
                after(lane, layer.norms[kSelfNorm], lane.out.data(), count, wide);
            } else {
                multiply(lane, in, count, wide, {{&layer.linears[kSelfQ], lane.q.data()}, {&layer.linears[kSelfK], lane.k.data()}, {&layer.linears[kSelfV], lane.v.data()}});
                scale_queries(lane.q.data(), size, heads);
                each(count, wide, [&](int i) {
                    size_t at = static_cast<size_t>(i) * width, keys = 2 * l * width, values = keys + width;
                    float* block = rows[i]->path.back()->data();
                    std::copy_n(&lane.k[at], width, block + keys), std::copy_n(&lane.v[at], width, block + values);
                    kernels_->attend_path(&lane.paths[lane.starts[static_cast<size_t>(i)]], static_cast<int>(rows[i]->path.size()), keys, values, heads, hidden / heads,
                                          &lane.q[at], &lane.scores[static_cast<size_t>(i) * static_cast<size_t>(most)], &lane.out[at]);
                });
                multiply(lane, lane.out.data(), count, wide, {{&layer.linears[kSelfO], lane.q.data()}});
                after(lane, layer.norms[kSelfNorm], lane.q.data(), count, wide);
            }
            in = before(lane, layer.norms[kCrossNorm], count, wide);
            multiply(lane, in, count, wide, {{&layer.linears[kCrossQ], lane.q.data()}});
            scale_queries(lane.q.data(), size, heads);
            each(count, wide, [&](int i) {
                const EncodedSource& source = *rows[i]->source;
                size_t length = static_cast<size_t>(source.length), room = static_cast<size_t>(source.room), at = static_cast<size_t>(i) * width;
                Attended a{&source.keys[l * room * width], &source.values[l * length * width], width, source.length, source.room, heads, hidden / heads};
                Seen seen{this, static_cast<int>(l), source.length, align ? &lane.attention[static_cast<size_t>(i) * static_cast<size_t>(longest)] : nullptr};
                kernels_->attend(a, &lane.q[at], width, 1, &lane.scores[static_cast<size_t>(i) * static_cast<size_t>(most)], &lane.out[at], width, align ? Seen::add : nullptr, &seen);
            });
            multiply(lane, lane.out.data(), count, wide, {{&layer.linears[kCrossO], lane.q.data()}});
            after(lane, layer.norms[kCrossNorm], lane.q.data(), count, wide);
            feed_forward(lane, layer, count, wide);
        }
        finish(lane, last_norms_[1], count);
        for (int i = 0; i < count; i++) rows[i]->position++;
    }

    // Logits of row i into lane.logits[offsets[i] …], over its source's shortlist or the vocabulary; behind `step`.
    void logits(Lane& lane, Row* const* rows, int count, bool wide, std::vector<size_t>* offsets) {
        const Table& m = tables_[kOutputTable];
        size_t total = 0, width = static_cast<size_t>(shape_.hidden);
        offsets->clear();
        for (int i = 0; i < count; i++) offsets->push_back(total), total += static_cast<size_t>(choices(*rows[i]->source));
        grow(&lane.logits, total);
        Inputs in = round(lane, lane.x.data(), count, m.cols, padded(m.cols, kDepth), m.alpha, m.w != nullptr, wide);
        for (int i = 0; i < count;) {
            int same = 1;
            while (i + same < count && rows[i + same]->source == rows[i]->source) same++;
            const std::vector<int32_t>& ids = rows[i]->source->shortlist;
            if (ids.empty())  // all rows that want everything, which lies behind each other
                while (i + same < count && rows[i + same]->source->shortlist.empty()) same++;
            int choices = this->choices(*rows[i]->source), parts = wide ? (choices + kPart - 1) / kPart : 1;
            int part = wide ? kPart : choices;
            Inputs some = in;
            some.x = in.x ? lane.x.data() + static_cast<size_t>(i) * width : nullptr;
            if (in.q) some.q = in.q + static_cast<size_t>(i * in.rows_per_token()) * in.stride;
            some.scale = in.scale + i;
            float* out = &lane.logits[(*offsets)[static_cast<size_t>(i)]];
            auto dots = m.w ? scalar::dots_floats : kernels_->dots;
            each(parts, wide, [&](int p) {
                int from = p * part, size = std::min(part, choices - from);
                dots(m, ids.empty() ? nullptr : ids.data() + from, from, size, some, same, out + from, static_cast<size_t>(choices));
            });
            i += same;
        }
    }

    int choices(const EncodedSource& source) const {
        return source.shortlist.empty() ? shape_.target_vocab : static_cast<int>(source.shortlist.size());
    }

private:
    static constexpr int kPart = 512;  // rows of the output layer that a thread takes at a time

    struct Product {
        const Linear* m;
        float* y;
        bool relu = false;
    };

    // Sums the weights of the heads that align words.
    struct Seen {
        const Seq2Seq* model;
        int layer, length;
        float* out;
        static void add(void* context, int head, const float* scores) {
            const Seen& seen = *static_cast<Seen*>(context);
            float share = seen.model->alignment_share(seen.layer, head);
            for (int j = 0; share > 0 && j < seen.length; j++) seen.out[j] += share * scores[j];
        }
    };

    static void grow(std::vector<float>* buffer, size_t count) {
        if (buffer->size() < count) buffer->resize(count);
    }

    const float* position(int index) const { return positions_ + static_cast<size_t>(index) * static_cast<size_t>(shape_.hidden); }

    template <class Task>
    void each(int count, bool wide, const Task& task) {
        if (wide) {
            pool_.run(count, [&](int i, int) { task(i); });
        } else {
            for (int i = 0; i < count; i++) task(i);
        }
    }

    void prepare(Lane& lane, int tokens, int ffn) {
        size_t size = static_cast<size_t>(tokens) * static_cast<size_t>(shape_.hidden);
        for (std::vector<float>* buffer : {&lane.x, &lane.normed, &lane.q, &lane.k, &lane.v, &lane.out}) grow(buffer, size);
        grow(&lane.inner, static_cast<size_t>(tokens) * static_cast<size_t>(ffn));
        grow(&lane.scales, static_cast<size_t>(tokens));
        size_t bytes = 2 * static_cast<size_t>(tokens) * static_cast<size_t>(padded(std::max(ffn, shape_.hidden), kDepth));
        if (lane.bytes.size() < bytes) lane.bytes.resize(bytes);
    }

    Inputs round(Lane& lane, const float* x, int tokens, int cols, int depth, float alpha, bool floats, bool wide) {
        if (floats) return {nullptr, x, lane.scales.data(), static_cast<size_t>(cols), false};
        const bool fine = alpha == kFine;
        each(tokens, wide && tokens > 8, [&](int t) {
            const float* row = x + static_cast<size_t>(t) * static_cast<size_t>(cols);
            int8_t* q = lane.bytes.data() + static_cast<size_t>(fine ? 2 * t : t) * static_cast<size_t>(depth);
            lane.scales[static_cast<size_t>(t)] = fine ? kernels_->quantize_fine(row, cols, depth, q) : kernels_->quantize(row, cols, depth, alpha, q);
        });
        return {lane.bytes.data(), nullptr, lane.scales.data(), static_cast<size_t>(depth), fine};
    }

    int chunk_groups(const Linear& m) const { return std::max(2, m.groups() / (8 * pool_.size()) / 2 * 2); }
    int chunks(const Linear& m) const { return (m.groups() + chunk_groups(m) - 1) / chunk_groups(m); }

    // Several products with the same x [tokens, cols]; those that round it alike are one step of the pool.
    void multiply(Lane& lane, const float* x, int tokens, bool wide, std::initializer_list<Product> products) {
        for (const Product* first = products.begin(); first != products.end();) {
            const Linear& one = *first->m;
            Inputs in = round(lane, x, tokens, one.cols, one.depth, one.alpha, one.w != nullptr, wide);
            if (wide && kernels_->order && !one.w) {  // for all chunks, each of which would do it
                const size_t size = static_cast<size_t>(tokens * in.rows_per_token() + 16) * static_cast<size_t>(one.depth / 4);
                if (lane.ordered.size() < size) lane.ordered.resize(size);
                kernels_->order(in, tokens, one.depth, lane.ordered.data());
                in.ordered = lane.ordered.data();
            }
            const Product* end = first + 1;
            while (end != products.end() && end->m->alpha == one.alpha && !end->m->w == !one.w) end++;
            auto part = [&](const Product& p, int from, int to) {
                auto product = one.w ? scalar::product_floats : kernels_->product;
                product(*p.m, from, to, in, tokens, p.relu, p.y, static_cast<size_t>(p.m->rows));
            };
            int total = 0;
            for (const Product* p = first; p != end; p++) total += chunks(*p->m);
            if (!wide) {
                for (const Product* p = first; p != end; p++) part(*p, 0, p->m->groups());
            } else {
                pool_.run(total, [&](int chunk, int) {
                    const Product* p = first;
                    for (; chunk >= chunks(*p->m); p++) chunk -= chunks(*p->m);
                    const int step = chunk_groups(*p->m);
                    part(*p, chunk * step, std::min(p->m->groups(), (chunk + 1) * step));
                });
            }
            first = end;
        }
    }

    // What a sublayer reads: x, normed where norms come first.
    const float* before(Lane& lane, const Norm& norm, int tokens, bool wide) {
        if (!shape_.pre_norm) return lane.x.data();
        each(tokens, wide && tokens > 8, [&](int t) { normalize(norm, &lane.x[at(t)], &lane.normed[at(t)]); });
        return lane.normed.data();
    }

    // x += y, normed where norms come last.
    void after(Lane& lane, const Norm& norm, const float* y, int tokens, bool wide) {
        each(tokens, wide && tokens > 8, [&](int t) {
            kernels_->add(&lane.x[at(t)], y + at(t), shape_.hidden);
            if (!shape_.pre_norm) normalize(norm, &lane.x[at(t)], &lane.x[at(t)]);
        });
    }

    void finish(Lane& lane, const Norm& norm, int tokens) {
        if (norm.scale.empty()) return;
        for (int t = 0; t < tokens; t++) normalize(norm, &lane.x[at(t)], &lane.x[at(t)]);
    }

    size_t at(int token) const { return static_cast<size_t>(token) * static_cast<size_t>(shape_.hidden); }

    void normalize(const Norm& norm, const float* x, float* out) const {
        kernels_->norm(x, norm.scale.data(), norm.bias.data(), shape_.eps, shape_.hidden, out);
    }

    void feed_forward(Lane& lane, Layer& layer, int tokens, bool wide) {
        const Linear &first = layer.linears[kFfn1], &second = layer.linears[kFfn2];
        const float* in = before(lane, layer.norms[kFfnNorm], tokens, wide);
        multiply(lane, in, tokens, wide, {{&first, lane.inner.data(), shape_.activation == kRelu}});
        if (shape_.activation != kRelu)
            each(tokens, wide && tokens > 8, [&](int t) {
                float* x = &lane.inner[static_cast<size_t>(t) * static_cast<size_t>(first.rows)];
                if (shape_.activation == kSilu)
                    kernels_->silu(x, first.rows);
                else
                    for (int i = 0; i < first.rows; i++) x[i] = 0.5f * x[i] * (1.0f + std::erf(x[i] * 0.70710678f));
            });
        multiply(lane, lane.inner.data(), tokens, wide, {{&second, lane.q.data()}});
        after(lane, layer.norms[kFfnNorm], lane.q.data(), tokens, wide);
    }

    void scale_queries(float* q, size_t count, int heads) const {
        float factor = 1.0f / std::sqrt(static_cast<float>(shape_.hidden / heads));
        for (size_t i = 0; i < count; i++) q[i] *= factor;
    }

    // k [length, hidden] → [hidden, room], zeros behind.
    void transpose(const float* k, int length, int room, float* out) const {
        size_t width = static_cast<size_t>(shape_.hidden);
        for (size_t d = 0; d < width; d++) {
            float* row = out + d * static_cast<size_t>(room);
            for (int j = 0; j < length; j++) row[j] = k[static_cast<size_t>(j) * width + d];
            for (int j = length; j < room; j++) row[j] = 0.0f;
        }
    }

    const LinearKernels* kernels_;
    Pool pool_;
    std::vector<Lane> lanes_;
};

}  // namespace native
