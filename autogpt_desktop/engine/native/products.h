// Products of packed matrices with some tokens' activations, each a parallel step of the thread pool.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "kernels.h"
#include "quantize.h"
#include "threads.h"

namespace native {

struct Workspace {  // of one thread
    std::vector<Panel> panels{4};
    // With a single token every thread makes a step's activations for itself:
    Acts acts;
    std::vector<float> row, x, low;
    int64_t step = 0;  // the step that they are for
};

// What a model builds on: its pool, its kernels, and the activations of the step that runs.
class Products {
protected:
    Products(int threads, const Kernels& kernels)
        : pool_(threads), kernels_(&kernels), workspaces_(static_cast<size_t>(threads)) {}

    struct Product {
        const Matrix* matrix;
        float* y;
        const LowRank* added = nullptr;
    };

    // Room for products with matrices of `cols` columns.
    void prepare(int cols) {
        for (Workspace& space : workspaces_)
            for (Panel& panel : space.panels) panel.resize(cols, kRows * kernels_->panel_groups);
    }

    static void grow(std::vector<float>* buffer, size_t count) {
        if (buffer->size() < count) buffer->resize(count);
    }

    template <class Task>
    void over_tokens(const Task& task) {
        constexpr int step = 4;
        pool_.run((count_ + step - 1) / step, [&](int chunk, int thread) {
            for (int t = chunk * step; t < std::min(count_, (chunk + 1) * step); t++)
                task(t, thread);
        });
    }

    // Calls prepare(token, activations, rows, space) for what a step of products starts from; `rows`
    // [tokens, cols] is room to work in, and `space` null. One token's activations cost less to make again than to hand
    // over, so `prepare` is then left to each thread (`prepared`), when it has a chunk: only while a
    // chunk is unfinished what the step starts from stays as it is.
    // `added`: what adapters add to the step's products, null or without ranks for nothing.
    template <class Prepare>
    void before(int rows, int cols, const Prepare& prepare, std::initializer_list<const LowRank*> added = {}) {
        step_++;
        added_.clear(), ranks_ = 0;
        for (const LowRank* one : added)
            if (one && one->ranks) added_.push_back(one), ranks_ += static_cast<size_t>(one->ranks);
        grow(&low_, static_cast<size_t>(count_) * ranks_);
        if (count_ == 1) {
            for (Workspace& space : workspaces_) {
                grow(&space.row, static_cast<size_t>(rows) * static_cast<size_t>(cols));
                grow(&space.low, ranks_);
                space.acts.resize(*kernels_, rows, cols);
            }
            return;
        }
        acts_.resize(*kernels_, rows, cols);
        over_tokens([&](int t, int) { prepare(t, &acts_, out_.data(), nullptr); });
    }

    template <class Prepare>
    const Acts& prepared(const Prepare& prepare, Workspace& space) {
        if (count_ != 1) return acts_;
        if (space.step != step_) {
            prepare(0, &space.acts, space.row.data(), &space);
            space.step = step_;
        }
        return space.acts;
    }

    auto rounding(const float* x) {
        return [this, x](int t, Acts* acts, float*, Workspace* space) {
            const float* row = x + static_cast<size_t>(t) * static_cast<size_t>(acts->cols);
            project(row, t, space);
            kernels_->quantize(row, acts, t, nullptr);
        };
    }

    // For `prepare`: what the step's adapters make of token t's `x`, from which `expand` goes on.
    void project(const float* x, int t, Workspace* space) {
        float* low = space ? space->low.data() : low_.data() + static_cast<size_t>(t) * ranks_;
        for (const LowRank* one : added_) kernels_->project(*one, x, low), low += one->ranks;
    }

    // Adds to y what `added` makes of the tokens, in the rows of some groups that are there already.
    void expand(const LowRank* added, int from, int to, float* y, size_t stride, const Workspace& space) {
        if (!added || !added->ranks) return;
        const float* low = count_ == 1 ? space.low.data() : low_.data();
        for (const LowRank* one : added_) {
            if (one == added) return kernels_->expand(*one, from, to, low, ranks_, count_, y, stride);
            low += one->ranks;
        }
    }

    // Rows of some groups for all tokens. With many tokens the integers are unpacked once, and a block of
    // tokens goes over all panels of the chunk while both are in the first cache.
    void group_rows(const Matrix& m, int from, int to, const Acts& acts, float* y, size_t stride, Workspace& space) {
        int tokens = acts.tokens;
        int wide = acts.panels ? kernels_->panel_groups : 1;
        if (!acts.panels || tokens <= kernels_->direct_tokens) {
            for (int g = from; g < to; g += wide) kernels_->rows(m, g, nullptr, acts, 0, tokens, y, stride);
            return;
        }
        for (int g = from; g < to; g += wide) kernels_->unpack(m, g, &space.panels[static_cast<size_t>((g - from) / wide)]);
        for (int t = 0; t < tokens; t += kTokenBlock)
            for (int g = from; g < to; g += wide)
                kernels_->rows(m, g, &space.panels[static_cast<size_t>((g - from) / wide)], acts, t,
                               std::min(kTokenBlock, tokens - t), y, stride);
    }

    int groups_per_chunk(const Matrix& m, int groups, int tokens) const {
        if (tokens < kernels_->panel_tokens) return std::max(1, groups / (pool_.size() * 6));
        int wide = kernels_->panel_groups, most = static_cast<int>(workspaces_[0].panels.size());
        if (tokens <= kernels_->direct_tokens) return wide * std::max(1, groups / (pool_.size() * 6 * wide));
        return wide * std::max(1, std::min(most, kPanelBytes / (m.cols * kRows * wide)));
    }

    // Several products with the same activations as one parallel step; `prepare` as in `before`. Each token
    // has one row of `cols` activations, or two.
    template <class Prepare>
    void multiply(std::initializer_list<Product> products, int cols, size_t stride,
                  const Prepare& prepare, bool twice = false) {
        int rows = twice ? 2 * count_ : count_, chunks = 0, groups = 0, at = 0;
        const LowRank* added[kMostProducts] = {};
        for (const Product& p : products) groups += p.matrix->groups(), added[at++] = p.added;
        before(rows, cols, prepare, {added[0], added[1], added[2], added[3]});
        int step = groups_per_chunk(*products.begin()->matrix, groups, rows);
        for (const Product& p : products) chunks += (p.matrix->groups() + step - 1) / step;
        pool_.run(chunks, [&](int chunk, int thread) {
            Workspace& space = workspaces_[static_cast<size_t>(thread)];
            const Acts& acts = prepared(prepare, space);
            for (const Product& p : products) {
                int own = (p.matrix->groups() + step - 1) / step;
                if (chunk >= own) {
                    chunk -= own;
                    continue;
                }
                int from = chunk * step, to = std::min(p.matrix->groups(), from + step);
                group_rows(*p.matrix, from, to, acts, p.y, stride, space);
                expand(p.added, from, to, p.y, stride, space);
                return;
            }
        });
    }

    Pool pool_;
    const Kernels* kernels_;
    std::vector<Workspace> workspaces_;
    int count_ = 0;           // tokens in the pass
    std::vector<float> out_;  // what a step leaves; room to prepare the next one in

private:
    static constexpr int kTokenBlock = 16, kPanelBytes = 24 << 10, kMostProducts = 4;

    int64_t step_ = 0;
    Acts acts_;
    std::vector<const LowRank*> added_;  // of the step's products
    std::vector<float> low_;             // [tokens, ranks_]: with more than one token
    size_t ranks_ = 0;                   // of all in added_
};

}  // namespace native
