// Greedy and beam search over a Seq2Seq model, whole batches in one call.
//
// Each thread takes groups of sentences, the longest first, and keeps some rows on their way: where translations
// end, the next group joins. No sentence waits for another, and none is padded.
#pragma once

#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <vector>

#include "seq2seq.h"

namespace native {

// Mirrors Request in seq2seq.py: ids [count] that are not empty, prefix and shortlist that may be. Ids lie within the
// vocabularies, those of the shortlist rise and have the end token.
struct Request {
    const int32_t *ids, *prefix, *shortlist;
    int32_t count, prefix_count, shortlist_count, limit;  // limit: tokens of a translation, the end token with them
};

// Mirrors Options in seq2seq.py.
struct SearchOptions {
    int32_t beam_size, n_best, alignments, force_end;  // force_end: is the last token that the limit allows the end token?
    float length_penalty;
    int32_t group_tokens, rows;  // of a pass: source tokens through the encoder at a time, rows on their way
};

struct Translation {
    std::vector<int32_t> ids;  // without the end token
    std::vector<float> logprobs, alignment;
    float score;
    bool finished;
};

// The search for one sentence.
class SentenceSearch {
public:
    SentenceSearch(const Request& request, const SearchOptions& options, const Seq2Seq& model, std::shared_ptr<const EncodedSource> source,
                   const std::vector<int32_t>& suppressed)
        : request_(&request), options_(&options), width_(options.beam_size), end_(model.shape().end), source_(std::move(source)) {
        rows_.push_back({std::make_shared<Row>(model.start(source_)), model.shape().start, -1, 0.0f});
        for (int32_t id : suppressed)
            if (int index = index_of(id); index >= 0) suppressed_.push_back(index);
    }

    int rows() const { return static_cast<int>(rows_.size()); }
    Row* row(int i) { return rows_[static_cast<size_t>(i)].state.get(); }
    int32_t last_id(int i) const { return rows_[static_cast<size_t>(i)].id; }

    // logits [rows, choices], overwritten; attention [rows, longest] or null.
    void advance(const LinearKernels& kernels, float* logits, size_t choices, const float* attention, size_t longest) {
        std::vector<Candidate> best;
        for (size_t r = 0; r < rows_.size(); r++) {
            float* scores = logits + r * choices;
            int largest;
            float total = kernels.logsumexp(scores, static_cast<int>(choices), &largest);
            if (step_ < request_->prefix_count) {
                size_t forced = static_cast<size_t>(index_of(request_->prefix[step_]));
                float logprob = scores[forced] - total;
                best.push_back({rows_[r].score + logprob, logprob, r, forced});
                continue;
            }
            if (options_->force_end && step_ + 1 >= request_->limit) {
                size_t forced = static_cast<size_t>(index_of(end_));
                best.push_back({rows_[r].score, scores[forced] - total, r, forced});
                continue;
            }
            for (int index : suppressed_) scores[index] = -std::numeric_limits<float>::infinity();
            bool blocked = std::find(suppressed_.begin(), suppressed_.end(), largest) != suppressed_.end();
            if (width_ == 1 && !blocked)
                best.push_back({rows_[r].score + (scores[largest] - total), scores[largest] - total, r, static_cast<size_t>(largest)});
            else
                add_best(scores, choices, total, r, &best);
        }
        step_++;
        if (best.empty()) finish(rows_[0].node, rows_[0].score, false);  // nothing may follow
        std::vector<Hypothesis> next;
        std::vector<int> uses(rows_.size(), 0);
        for (const Candidate& c : best) uses[c.row] += id_of(c.index) != end_;
        for (const Candidate& c : best) {
            int32_t id = id_of(c.index);
            int node = static_cast<int>(nodes_.size());
            nodes_.push_back({id, rows_[c.row].node, c.logprob, {}});
            if (attention) nodes_.back().alignment.assign(attention + c.row * longest, attention + c.row * longest + static_cast<size_t>(source_->length));
            if (id == end_) {
                finish(node, c.score, true);
                width_--;
                continue;
            }
            // the last that goes on from a row takes it along; the others copy it
            std::shared_ptr<Row> state = --uses[c.row] ? std::make_shared<Row>(*rows_[c.row].state) : rows_[c.row].state;
            next.push_back({std::move(state), id, node, c.score});
        }
        if (step_ >= request_->limit)
            for (const Hypothesis& h : next) finish(h.node, h.score, false);
        rows_ = step_ >= request_->limit ? std::vector<Hypothesis>() : std::move(next);
    }

    // The best first.
    std::vector<Translation> results() {
        std::stable_sort(finished_.begin(), finished_.end(), [](const Finished& a, const Finished& b) { return a.score > b.score; });
        std::vector<Translation> out;
        for (const Finished& f : finished_) {
            if (static_cast<int>(out.size()) == options_->n_best) break;
            Translation t{{}, {}, {}, f.score, f.ended};
            std::vector<int> path;
            for (int node = f.node; node >= 0; node = nodes_[static_cast<size_t>(node)].parent) path.push_back(node);
            for (size_t i = path.size(); i-- > 0;) {
                const Node& node = nodes_[static_cast<size_t>(path[i])];
                if (i || !f.ended) t.ids.push_back(node.id);
                t.logprobs.push_back(node.logprob);
                t.alignment.insert(t.alignment.end(), node.alignment.begin(), node.alignment.end());
            }
            out.push_back(std::move(t));
        }
        return out;
    }

private:
    struct Hypothesis {
        std::shared_ptr<Row> state;
        int32_t id;
        int node;
        float score;
    };
    struct Node {
        int32_t id;
        int parent;
        float logprob;
        std::vector<float> alignment;
    };
    struct Candidate {
        float score, logprob;
        size_t row, index;
    };
    struct Finished {
        int node;
        float score;
        bool ended;
    };

    int32_t id_of(size_t index) const { return source_->shortlist.empty() ? static_cast<int32_t>(index) : source_->shortlist[index]; }

    int index_of(int32_t id) const {
        const std::vector<int32_t>& ids = source_->shortlist;
        if (ids.empty()) return id;
        auto found = std::lower_bound(ids.begin(), ids.end(), id);
        return found != ids.end() && *found == id ? static_cast<int>(found - ids.begin()) : -1;
    }

    // The `width_` best of all rows so far, the best first; of equal ones the earlier.
    void add_best(const float* scores, size_t choices, float total, size_t row, std::vector<Candidate>* best) const {
        const size_t width = static_cast<size_t>(width_);
        for (size_t i = 0; i < choices; i++) {
            float logprob = scores[i] - total, score = rows_[row].score + logprob;
            if (best->size() == width && !(score > best->back().score)) continue;
            if (!(score > -std::numeric_limits<float>::infinity())) continue;
            if (best->size() == width) best->pop_back();
            size_t at = best->size();
            while (at > 0 && score > (*best)[at - 1].score) at--;
            best->insert(best->begin() + static_cast<std::ptrdiff_t>(at), {score, logprob, row, i});
        }
    }

    void finish(int node, float score, bool ended) {
        finished_.push_back({node, score / std::pow(static_cast<float>(step_), options_->length_penalty), ended});
    }

    const Request* request_;
    const SearchOptions* options_;
    int width_;
    int32_t end_, step_ = 0;
    std::shared_ptr<const EncodedSource> source_;
    std::vector<int> suppressed_;
    std::vector<Hypothesis> rows_;
    std::vector<Node> nodes_;
    std::vector<Finished> finished_;
};

class Translate {
public:
    using Cancelled = int (*)();

    Translate(Seq2Seq* model, const Request* requests, int count, const SearchOptions& options, const std::vector<int32_t>& suppressed,
              bool wide, Cancelled cancelled)
        : model_(model), requests_(requests), options_(options), suppressed_(&suppressed), wide_(wide), cancelled_(cancelled),
          results(static_cast<size_t>(count)), order_(static_cast<size_t>(count)) {
        for (size_t i = 0; i < order_.size(); i++) order_[i] = static_cast<int>(i);
        std::stable_sort(order_.begin(), order_.end(), [&](int a, int b) { return requests[a].count > requests[b].count; });
        int64_t tokens = 0, threads = wide ? 1 : model->pool().size();
        for (int i = 0; i < count; i++) tokens += requests[i].count;
        // few sentences are shared out among the threads
        int64_t budget = std::min<int64_t>(options.group_tokens, std::max<int64_t>(1, (tokens + threads - 1) / threads));
        for (size_t from = 0, to; from < order_.size(); from = to) {
            int64_t size = 0;
            for (to = from; to < order_.size() && (to == from || size + requests[order_[to]].count <= budget); to++) size += requests[order_[to]].count;
            groups_.push_back({from, to});
        }
    }

    // False: cancelled. Throws std::bad_alloc.
    bool run() {
        if (wide_) {
            work(0, 0);
        } else {
            int lanes = std::min(model_->pool().size(), static_cast<int>(groups_.size()));
            model_->pool().run(lanes, [&](int lane, int thread) { work(lane, thread); });
        }
        if (failed_.load()) throw std::bad_alloc();
        return !stopped_.load();
    }

private:
    struct Group {
        size_t from, to;
    };
    struct Sentence {
        int request;
        SentenceSearch search;
    };

    void work(int lane, int thread) {
        try {
            translate(model_->lane(lane), thread == 0);
        } catch (const std::bad_alloc&) {
            failed_.store(true), stopped_.store(true);
        }
    }

    void translate(Lane& lane, bool may_ask) {
        std::vector<std::unique_ptr<Sentence>> active;
        std::vector<Row*> rows;
        std::vector<int32_t> ids;
        std::vector<size_t> offsets, firsts;  // of each row's logits; of each sentence's rows
        auto asked = std::chrono::steady_clock::now();
        for (;;) {
            rows.clear(), ids.clear();
            for (const auto& sentence : active)
                for (int i = 0; i < sentence->search.rows(); i++) rows.push_back(sentence->search.row(i)), ids.push_back(sentence->search.last_id(i));
            if (may_ask && std::chrono::steady_clock::now() - asked > std::chrono::milliseconds(20)) {
                if (cancelled_ && cancelled_()) stopped_.store(true);
                asked = std::chrono::steady_clock::now();
            }
            if (stopped_.load()) return;
            if (static_cast<int>(rows.size()) < options_.rows && join(lane, &active)) continue;
            if (active.empty()) return;
            int longest = 0, count = static_cast<int>(rows.size());
            for (const Row* row : rows) longest = std::max(longest, row->source->length);
            model_->step(lane, rows.data(), ids.data(), count, wide_, options_.alignments != 0, longest);
            model_->logits(lane, rows.data(), count, wide_, &offsets);
            firsts.clear();
            for (size_t s = 0, row = 0; s < active.size(); s++) firsts.push_back(row), row += static_cast<size_t>(active[s]->search.rows());
            advance(lane, active, rows, firsts, offsets, static_cast<size_t>(longest));
            size_t kept = 0;
            for (size_t s = 0; s < active.size(); s++) {
                SentenceSearch& search = active[s]->search;
                if (search.rows()) {
                    std::swap(active[kept++], active[s]);
                } else {
                    results[static_cast<size_t>(active[s]->request)] = search.results();
                }
            }
            active.resize(kept);
        }
    }

    // Each sentence by a step; with a large vocabulary that is work for all threads.
    void advance(Lane& lane, const std::vector<std::unique_ptr<Sentence>>& active, const std::vector<Row*>& rows,
                 const std::vector<size_t>& firsts, const std::vector<size_t>& offsets, size_t longest) {
        auto one = [&](int s) {
            const size_t row = firsts[static_cast<size_t>(s)];
            active[static_cast<size_t>(s)]->search.advance(
                model_->kernels(), &lane.logits[offsets[row]], static_cast<size_t>(model_->choices(*rows[row]->source)),
                options_.alignments ? &lane.attention[row * longest] : nullptr, longest);
        };
        const int count = static_cast<int>(active.size());
        if (!wide_ || count == 1) {
            for (int s = 0; s < count; s++) one(s);
            return;
        }
        model_->pool().run(count, [&](int s, int) {
            try {
                one(s);
            } catch (const std::bad_alloc&) {
                failed_.store(true);
            }
        });
        if (failed_.load()) throw std::bad_alloc();
    }

    // The next group through the encoder. False: there is none.
    bool join(Lane& lane, std::vector<std::unique_ptr<Sentence>>* active) {
        size_t index = next_.fetch_add(1);
        if (index >= groups_.size()) return false;
        std::vector<Seq2Seq::Ids> sentences;
        std::vector<std::shared_ptr<EncodedSource>> sources;
        const Group& group = groups_[index];
        for (size_t i = group.from; i < group.to; i++) sentences.push_back({requests_[order_[i]].ids, requests_[order_[i]].count});
        model_->encode(lane, sentences.data(), static_cast<int>(sentences.size()), wide_, &sources);
        for (size_t i = group.from; i < group.to; i++) {
            const Request& request = requests_[order_[i]];
            std::shared_ptr<EncodedSource>& source = sources[i - group.from];
            source->shortlist.assign(request.shortlist, request.shortlist + request.shortlist_count);
            active->push_back(std::make_unique<Sentence>(Sentence{order_[i], SentenceSearch(request, options_, *model_, source, *suppressed_)}));
        }
        return true;
    }

    Seq2Seq* model_;
    const Request* requests_;
    SearchOptions options_;
    const std::vector<int32_t>* suppressed_;
    bool wide_;
    Cancelled cancelled_;

public:
    std::vector<std::vector<Translation>> results;  // of each request

private:
    std::vector<int> order_;
    std::vector<Group> groups_;
    std::atomic<size_t> next_{0};
    std::atomic<bool> stopped_{false}, failed_{false};
};

}  // namespace native
