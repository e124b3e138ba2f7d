// Attention of a pass: its queries as tiles, the tiles as jobs for the threads, the cache they read.
//
// Where there are many tiles, a job is a tile. A single token has one tile per key/value head: there the
// spans of a tile (see attention.h) are several jobs, and whoever ends the last one merges them all.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "kernels.h"
#include "shape.h"

namespace native {

class Attention {
public:
    Attention(const Shape& shape, int threads, const Kernels& kernels)
        : shape_(shape), kernels_(&kernels), spaces_(static_cast<size_t>(threads)) {
        size_t dim = static_cast<size_t>(shape.head_dim);
        for (Space& space : spaces_) {
            space.queries.resize(kTile * dim);
            space.scratch.resize(static_cast<size_t>(attention_scratch(shape.head_dim)));
            space.parts.resize(2 * kTile * static_cast<size_t>(part_size(shape.head_dim)));
            space.halves.resize(dim), space.bytes.resize(dim);
        }
    }

    void plan(const std::vector<Sequence>& sequences) {
        sequences_ = &sequences;
        plan_tiles();
        for (int sliding = 0; sliding < 2; sliding++) plan_jobs(sliding != 0);
    }

    int jobs(bool sliding) const { return static_cast<int>(jobs_[sliding].size()); }

    // One key and one value [head_dim] into the cache. Calls for different tokens or heads may run at once.
    void store(int layer, int sequence, int position, int kv_head, const float* key, const float* value, int thread) {
        Space& space = spaces_[static_cast<size_t>(thread)];
        const Sequence& s = (*sequences_)[static_cast<size_t>(sequence)];
        int dim = shape_.head_dim;
        size_t at = static_cast<size_t>(position), wide = static_cast<size_t>(dim);
        size_t key_at = cache_at(s, layer, 0, kv_head) * wide + at / kKeyBlock * kKeyBlock * wide + at % kKeyBlock;
        size_t value_at = (cache_at(s, layer, 1, kv_head) + at) * wide;
        if (s.scales) {
            s.scales[cache_at(s, layer, 0, kv_head) + at] = kernels_->bytes(key, dim, space.bytes.data());
            scatter(space.bytes, static_cast<int8_t*>(s.cache) + key_at);
            s.scales[cache_at(s, layer, 1, kv_head) + at] =
                kernels_->bytes(value, dim, static_cast<int8_t*>(s.cache) + value_at);
        } else {
            kernels_->halves(key, dim, space.halves.data());
            scatter(space.halves, static_cast<uint16_t*>(s.cache) + key_at);
            kernels_->halves(value, dim, static_cast<uint16_t*>(s.cache) + value_at);
        }
    }

    // queries: token t's head h at t · stride + h · head_dim, scaled; out [tokens, heads, head_dim].
    void run(int layer, bool sliding, int job_index, const float* queries, size_t stride, float* out, int thread) {
        const Job& job = jobs_[sliding][static_cast<size_t>(job_index)];
        const TileAt& at = tiles_[static_cast<size_t>(job.tile)];
        const Sequence& sequence = (*sequences_)[static_cast<size_t>(at.sequence)];
        Space& space = spaces_[static_cast<size_t>(thread)];
        int dim = shape_.head_dim, groups = shape_.heads / shape_.kv_heads;
        size_t one = static_cast<size_t>(part_size(dim)), all = one * static_cast<size_t>(at.count);
        Tile tile{};
        tile.count = at.count, tile.dim = dim, tile.softcap = shape_.attn_softcap, tile.queries = space.queries.data();
        float unit = shape_.attn_softcap > 0 ? 1.0f : kLog2E;
        for (int i = 0; i < at.count; i++) {
            int token = (at.first + i) / groups, head = at.kv_head * groups + (at.first + i) % groups;
            const float* query = queries + static_cast<size_t>(at.token + token) * stride + static_cast<size_t>(head * dim);
            float* to = &space.queries[static_cast<size_t>(i / kTileGroup * kTileGroup * dim + i % kTileGroup)];
            for (int d = 0; d < dim; d++) to[kTileGroup * d] = query[d] * unit;
            tile.last[i] = sequence.start + token;
            tile.first[i] = first_key(tile.last[i], sliding);
        }
        Head head = cache_head(sequence, layer, at.kv_head);
        float *total = space.parts.data(), *next = total + kTile * one;
        if (job.parts == kWhole) {
            kernels_->attend(tile, head, job.from, space.scratch.data(), total);
            for (int span = job.from + 1; span < job.to; span++) {
                kernels_->attend(tile, head, span, space.scratch.data(), next);
                for (size_t i = 0; i < all; i += one) merge_part(dim, next + i, total + i);
            }
        } else {
            float* parts = &parts_[job.parts];
            for (int span = job.from; span < job.to; span++)
                kernels_->attend(tile, head, span, space.scratch.data(), parts + static_cast<size_t>(span - job.first) * all);
            std::atomic<int>& done = done_[static_cast<size_t>(job.tile)];
            if (done.fetch_add(1) + 1 < job.pieces) return;
            done.store(0);  // for the next layer
            total = parts;
            for (int span = job.first + 1; span < job.last; span++) {
                next = parts + static_cast<size_t>(span - job.first) * all;
                for (size_t i = 0; i < all; i += one) merge_part(dim, next + i, total + i);
            }
        }
        for (int i = 0; i < at.count; i++, total += one) {
            int token = (at.first + i) / groups, h = at.kv_head * groups + (at.first + i) % groups;
            float* to = out + (static_cast<size_t>(at.token + token) * static_cast<size_t>(shape_.heads) +
                               static_cast<size_t>(h)) * static_cast<size_t>(dim);
            float inverse = 1.0f / total[part_largest(dim) + 1];
            for (int d = 0; d < dim; d++) to[d] = total[d] * inverse;
        }
    }

private:
    static constexpr size_t kWhole = ~size_t{0};
    static constexpr int kJobsPerThread = 4;

    struct TileAt {  // queries first … first + count - 1 of a sequence's count · G at one key/value head
        int sequence, token, kv_head, first, count;
    };
    struct Job {  // spans from … to - 1 of a tile's first … last - 1; parts: where in parts_ span `first` goes
        int tile, from, to, first, last, pieces;
        size_t parts;
    };
    struct Space {  // of one thread
        std::vector<float> queries, scratch, parts;
        std::vector<uint16_t> halves;
        std::vector<int8_t> bytes;
    };

    template <class T>
    static void scatter(const std::vector<T>& key, T* to) {
        for (T number : key) *to = number, to += kKeyBlock;
    }

    int first_key(int last, bool sliding) const { return sliding ? std::max(0, last + 1 - shape_.sliding_window) : 0; }

    // In tokens, where the keys (0) or values (1) of a head begin.
    size_t cache_at(const Sequence& s, int layer, int values, int kv_head) const {
        return static_cast<size_t>((layer * 2 + values) * shape_.kv_heads + kv_head) * static_cast<size_t>(s.capacity);
    }

    Head cache_head(const Sequence& s, int layer, int kv_head) const {
        size_t keys = cache_at(s, layer, 0, kv_head), values = cache_at(s, layer, 1, kv_head);
        size_t size = static_cast<size_t>(shape_.head_dim) * (s.scales ? sizeof(int8_t) : sizeof(uint16_t));
        const char* cache = static_cast<const char*>(s.cache);
        return {cache + keys * size, cache + values * size, s.scales ? s.scales + keys : nullptr,
                s.scales ? s.scales + values : nullptr};
    }

    void plan_tiles() {
        tiles_.clear();
        int groups = shape_.heads / shape_.kv_heads, threads = static_cast<int>(spaces_.size()), token = 0;
        for (size_t s = 0; s < sequences_->size(); s++) {
            const Sequence& sequence = (*sequences_)[s];
            int queries = sequence.count * groups, size = kTile;
            // one token within a span can be shared out by its heads only
            if (sequences_->size() == 1 && sequence.count == 1 && sequence.start < kSpan)
                size = std::max(1, std::min(size, shape_.heads / threads));
            for (int k = 0; k < shape_.kv_heads; k++)
                for (int first = 0; first < queries; first += size)
                    tiles_.push_back({static_cast<int>(s), token, k, first, std::min(size, queries - first)});
            token += sequence.count;
        }
    }

    void plan_jobs(bool sliding) {
        std::vector<Job>& jobs = jobs_[sliding];
        jobs.clear();
        int groups = shape_.heads / shape_.kv_heads, tiles = static_cast<int>(tiles_.size());
        int threads = static_cast<int>(spaces_.size());
        int most = threads == 1 ? 1 : (kJobsPerThread * threads + tiles - 1) / tiles;  // pieces of a tile
        size_t used = 0;
        for (int t = 0; t < tiles; t++) {
            const TileAt& at = tiles_[static_cast<size_t>(t)];
            int start = (*sequences_)[static_cast<size_t>(at.sequence)].start;
            int first = first_key(start + at.first / groups, sliding) / kSpan;
            int last = (start + (at.first + at.count - 1) / groups) / kSpan + 1;
            int spans = last - first, pieces = std::min(most, spans);
            for (int p = 0; p < pieces; p++)
                jobs.push_back({t, first + spans * p / pieces, first + spans * (p + 1) / pieces, first, last, pieces,
                                pieces > 1 ? used : kWhole});
            if (pieces > 1)
                used += static_cast<size_t>(spans) * static_cast<size_t>(at.count) *
                        static_cast<size_t>(part_size(shape_.head_dim));
        }
        if (parts_.size() < used) parts_.resize(used);
        if (counters_ < tiles_.size()) {
            done_.reset(new std::atomic<int>[tiles_.size()]());
            counters_ = tiles_.size();
        }
    }

    const Shape shape_;
    const Kernels* kernels_;
    const std::vector<Sequence>* sequences_ = nullptr;
    std::vector<Space> spaces_;
    std::vector<TileAt> tiles_;
    std::vector<Job> jobs_[2];  // of full and of sliding layers
    std::vector<float> parts_;
    std::unique_ptr<std::atomic<int>[]> done_;  // of each tile's jobs
    size_t counters_ = 0;
};

}  // namespace native
