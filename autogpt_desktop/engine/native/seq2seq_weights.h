// The weights of encoder–decoder models for translation, and whether they are complete.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "linear.h"
#include "memory.h"

namespace native {

// Mirrors Shape in seq2seq.py.
struct Seq2SeqShape {
    int32_t source_vocab, target_vocab, hidden, encoder_layers, decoder_layers, encoder_heads, decoder_heads;
    int32_t encoder_ffn, decoder_ffn, ssru, pre_norm, activation, start, end;
    float embedding_scale, eps;
};

// Slots of a layer's matrices and norms. An SSRU has its W in kSelfQ and its W_f in kSelfK.
enum { kSelfQ, kSelfK, kSelfV, kSelfO, kCrossQ, kCrossK, kCrossV, kCrossO, kFfn1, kFfn2, kLinears };
enum { kSelfNorm, kCrossNorm, kFfnNorm, kNorms };
enum { kSourceTable, kTargetTable, kOutputTable, kTables };
enum { kRelu, kSilu, kGelu };

struct Norm {
    std::vector<float> scale, bias;
};

struct Layer {
    Linear linears[kLinears];
    Norm norms[kNorms];
};

class Seq2SeqWeights {
public:
    explicit Seq2SeqWeights(const Seq2SeqShape& shape)
        : shape_(shape), encoder_(static_cast<size_t>(shape.encoder_layers)), decoder_(static_cast<size_t>(shape.decoder_layers)) {}

    const Seq2SeqShape& shape() const { return shape_; }
    size_t packed_bytes() const { return arena_.size(); }

    // Memory for all matrices that follow.
    void reserve(size_t bytes) { arena_.allocate(bytes), used_ = 0; }

    static size_t packed_size(int rows, int cols, bool floats) {
        return static_cast<size_t>(padded(rows, kGroup)) * static_cast<size_t>(padded(cols, kDepth)) * (floats ? 4 : 1);
    }

    // q or w: [rows, cols]; scale [rows] for q, bias [rows] or null. False: no such slot, or no room reserved.
    bool set_linear(bool decoder, int layer, int slot, int rows, int cols, const int8_t* q, const float* w, const float* scale,
                    float alpha, const float* bias) {
        std::vector<Layer>& layers = decoder ? decoder_ : encoder_;
        if (layer < 0 || layer >= static_cast<int>(layers.size()) || slot < 0 || slot >= kLinears || !sized(rows, cols, alpha))
            return false;
        size_t size = packed_size(rows, cols, w != nullptr);
        if (size > arena_.size() - used_) return false;
        Linear& m = layers[static_cast<size_t>(layer)].linears[slot];
        m.rows = rows, m.cols = cols, m.depth = padded(cols, kDepth), m.alpha = alpha;
        m.scale.assign(static_cast<size_t>(padded(rows, kGroup)), 0.0f), m.bias = m.scale;
        if (bias) std::copy_n(bias, rows, m.bias.data());
        uint8_t* out = arena_.data() + used_;
        used_ += size;
        if (w) {
            pack_rows(w, static_cast<size_t>(cols), &m, reinterpret_cast<float*>(out));
        } else {
            std::copy_n(scale, rows, m.scale.data());
            pack_rows(q, static_cast<size_t>(cols), &m, reinterpret_cast<int8_t*>(out));
        }
        return true;
    }

    // q or w [rows, stride] is not copied, and zero from `cols` to the next multiple of 64. scale [scales]: one, or one for each row.
    bool set_table(int which, int rows, int cols, int64_t stride, const int8_t* q, const float* w, const float* scale, int scales,
                   float alpha, const float* bias) {
        if (which < 0 || which >= kTables || !sized(rows, cols, alpha) || stride < padded(cols, q ? kDepth : 1)) return false;
        if (q && scales != 1 && scales != rows) return false;
        Table& m = tables_[which];
        m.rows = rows, m.cols = cols, m.stride = static_cast<size_t>(stride), m.alpha = alpha, m.q = q, m.w = w;
        if (q) m.scale.assign(scale, scale + scales);
        if (bias) m.bias.assign(bias, bias + rows);
        if (q && which == kOutputTable) {
            m.sums.resize(static_cast<size_t>(rows));
            for (int r = 0; r < rows; r++) {
                int32_t sum = 0;
                const int8_t* row = q + static_cast<size_t>(r) * m.stride;
                for (int c = 0; c < cols; c++) sum += row[c];
                m.sums[static_cast<size_t>(r)] = sum;
            }
        }
        return true;
    }

    // layer -1: behind all layers.
    bool set_norm(bool decoder, int layer, int slot, const float* scale, const float* bias) {
        std::vector<Layer>& layers = decoder ? decoder_ : encoder_;
        if (layer < -1 || layer >= static_cast<int>(layers.size()) || slot < 0 || slot >= kNorms) return false;
        Norm& norm = layer < 0 ? last_norms_[decoder] : layers[static_cast<size_t>(layer)].norms[slot];
        size_t count = static_cast<size_t>(shape_.hidden);
        norm.scale.assign(scale, scale + count), norm.bias.assign(bias, bias + count);
        return true;
    }

    // [count, hidden], not copied.
    void set_positions(const float* table, int count) { positions_ = table, position_count_ = count; }
    int positions() const { return position_count_; }

    // (layer, head) of the cross attention whose mean aligns words; none: all heads of the last layer.
    void set_alignment(const int32_t* pairs, int count) {
        alignment_.clear();
        for (int i = 0; i < count; i++) alignment_.emplace_back(pairs[2 * i], pairs[2 * i + 1]);
    }

    // Is every matrix there, in the shape that it must have?
    bool complete() const {
        const Seq2SeqShape& s = shape_;
        auto has = [](const Linear& m, int rows, int cols) { return m.rows == rows && m.cols == cols && (m.q || m.w); };
        auto normed = [&](const Norm& norm) { return norm.scale.size() == static_cast<size_t>(s.hidden); };
        for (const std::vector<Layer>* layers : {&encoder_, &decoder_}) {
            bool decoder = layers == &decoder_;
            int ffn = decoder ? s.decoder_ffn : s.encoder_ffn, squares = decoder ? kFfn1 : kCrossQ;
            for (const Layer& layer : *layers) {
                for (int slot = 0; slot < squares; slot++)
                    if (!(decoder && s.ssru && (slot == kSelfV || slot == kSelfO)) && !has(layer.linears[slot], s.hidden, s.hidden)) return false;
                if (!has(layer.linears[kFfn1], ffn, s.hidden) || !has(layer.linears[kFfn2], s.hidden, ffn)) return false;
                if (!normed(layer.norms[kSelfNorm]) || !normed(layer.norms[kFfnNorm]) || (decoder && !normed(layer.norms[kCrossNorm]))) return false;
            }
        }
        for (int which = 0; which < kTables; which++) {
            const Table& m = tables_[which];
            if (m.rows != (which == kSourceTable ? s.source_vocab : s.target_vocab) || m.cols != s.hidden) return false;
        }
        for (const auto& [layer, head] : alignment_)
            if (layer < 0 || layer >= s.decoder_layers || head < 0 || head >= s.decoder_heads) return false;
        return positions_ && s.hidden % s.encoder_heads == 0 && s.hidden % s.decoder_heads == 0;
    }

protected:
    float alignment_share(int layer, int head) const {
        if (alignment_.empty()) return layer == shape_.decoder_layers - 1 ? 1.0f / static_cast<float>(shape_.decoder_heads) : 0.0f;
        for (const auto& [l, h] : alignment_)
            if (l == layer && h == head) return 1.0f / static_cast<float>(alignment_.size());
        return 0.0f;
    }

    Seq2SeqShape shape_;
    std::vector<Layer> encoder_, decoder_;
    Norm last_norms_[2];
    Table tables_[kTables];
    const float* positions_ = nullptr;
    int position_count_ = 0;
    std::vector<std::pair<int, int>> alignment_;

private:
    static bool sized(int rows, int cols, float alpha) {
        return rows >= 1 && cols >= 1 && cols <= (alpha == kFine ? kMaxFineDepth : kMaxDepth);
    }

    Memory arena_;
    size_t used_ = 0;
};

}  // namespace native
