// The C interface of encoder–decoder models, loaded by ctypes. Functions return 0 for success, 1 when there is no
// memory and 2 for what does not fit the model; one call at a time per model.
#include <limits>
#include <new>
#include <system_error>

#include "linear_amx.h"
#include "linear_neon.h"
#include "linear_vnni.h"
#include "seq2seq_search.h"

#ifdef _WIN32
#define NATIVE_API extern "C" __declspec(dllexport)
#else
#define NATIVE_API extern "C" __attribute__((visibility("default")))
#endif

using native::Seq2Seq;

namespace {

struct Model : Seq2Seq {
    using Seq2Seq::Seq2Seq;
    std::vector<int32_t> suppressed;
};

// Rows that a caller leads step by step.
struct State {
    std::vector<std::shared_ptr<native::Row>> rows;
    int longest = 0;
};

struct Result {
    std::vector<int32_t> counts, lengths, finished, ids;  // hypotheses of each request; of each hypothesis; of each token
    std::vector<float> scores, logprobs, alignment;
};

template <class Task>
int guarded(const Task& task) {
    try {
        return task() ? 0 : 2;
    } catch (const std::bad_alloc&) {
        return 1;
    }
}

// The set called `name`, the fastest for "", null for one that this processor cannot run.
const native::LinearKernels* linear_kernels(const char* name) {
    std::vector<const native::LinearKernels*> sets;
#ifdef NATIVE_HAS_AMX
    sets = {native::amx::linear_kernels()};
#endif
#ifdef NATIVE_HAS_AVX2
    sets.insert(sets.end(), {native::vnni::linear_kernels(), native::avx2::linear_kernels()});
#endif
#ifdef NATIVE_HAS_NEON
    sets = {native::neon::linear_kernels()};
#endif
    sets.push_back(&native::scalar_rows::linear_kernels());
    for (const native::LinearKernels* set : sets)
        if (set && (!*name || !std::strcmp(name, set->name))) return set;
    return nullptr;
}

}  // namespace

// kernels: the name of a set, "" for the fastest. Null when that set, threads or memory are not to be had.
NATIVE_API Model* seq2seq_new(const native::Seq2SeqShape* shape, int threads, const char* kernels) {
    try {
        const native::LinearKernels* set = linear_kernels(kernels);
        return set ? new Model(*shape, threads, *set) : nullptr;
    } catch (const std::bad_alloc&) {
        return nullptr;
    } catch (const std::system_error&) {
        return nullptr;
    }
}

NATIVE_API void seq2seq_free(Model* model) { delete model; }

NATIVE_API const char* seq2seq_kernels(const Model* model) { return model->kernels().name; }

// Bytes of the model's memory that a matrix takes.
NATIVE_API int64_t seq2seq_packed_size(int rows, int cols, int floats) {
    return static_cast<int64_t>(Seq2Seq::packed_size(rows, cols, floats != 0));
}

NATIVE_API int seq2seq_reserve(Model* model, int64_t bytes) {
    return guarded([&] { return model->reserve(static_cast<size_t>(bytes)), true; });
}

NATIVE_API int seq2seq_linear(Model* model, int decoder, int layer, int slot, int rows, int cols, const int8_t* q, const float* w,
                              const float* scale, float alpha, const float* bias) {
    return guarded([&] { return model->set_linear(decoder != 0, layer, slot, rows, cols, q, w, scale, alpha, bias); });
}

NATIVE_API int seq2seq_table(Model* model, int which, int rows, int cols, int64_t stride, const int8_t* q, const float* w,
                             const float* scale, int scales, float alpha, const float* bias) {
    return guarded([&] { return model->set_table(which, rows, cols, stride, q, w, scale, scales, alpha, bias); });
}

NATIVE_API int seq2seq_norm(Model* model, int decoder, int layer, int slot, const float* scale, const float* bias) {
    return guarded([&] { return model->set_norm(decoder != 0, layer, slot, scale, bias); });
}

NATIVE_API void seq2seq_positions(Model* model, const float* table, int count) { model->set_positions(table, count); }

NATIVE_API int seq2seq_alignment(Model* model, const int32_t* pairs, int count) {
    return guarded([&] { return model->set_alignment(pairs, count), true; });
}

NATIVE_API int seq2seq_suppressed(Model* model, const int32_t* ids, int count) {
    return guarded([&] { return model->suppressed.assign(ids, ids + count), true; });
}

NATIVE_API int seq2seq_complete(const Model* model) { return model->complete(); }

// wide: one pass at a time with all threads, instead of a pass for each thread. The result: 0, 1, or 3 when cancelled.
NATIVE_API int seq2seq_translate(Model* model, const native::Request* requests, int count, const native::SearchOptions* options,
                                 int wide, int (*cancelled)(), Result** result) {
    bool done = true;
    int code = guarded([&] {
        native::Translate translate(model, requests, count, *options, model->suppressed, wide != 0, cancelled);
        done = translate.run();
        if (!done) return true;
        auto out = std::make_unique<Result>();
        for (const std::vector<native::Translation>& translations : translate.results) {
            out->counts.push_back(static_cast<int32_t>(translations.size()));
            for (const native::Translation& t : translations) {
                out->lengths.push_back(static_cast<int32_t>(t.ids.size())), out->finished.push_back(t.finished), out->scores.push_back(t.score);
                out->ids.insert(out->ids.end(), t.ids.begin(), t.ids.end());
                out->logprobs.insert(out->logprobs.end(), t.logprobs.begin(), t.logprobs.end());
                out->alignment.insert(out->alignment.end(), t.alignment.begin(), t.alignment.end());
            }
        }
        *result = out.release();
        return true;
    });
    return done ? code : 3;
}

// One of a result's arrays, in the order of its declaration, and how many values it has.
NATIVE_API const void* seq2seq_result(const Result* result, int which, int64_t* count) {
    const std::vector<int32_t>* ints[] = {&result->counts, &result->lengths, &result->finished, &result->ids};
    const std::vector<float>* floats[] = {&result->scores, &result->logprobs, &result->alignment};
    *count = static_cast<int64_t>(which < 4 ? ints[which]->size() : floats[which - 4]->size());
    return which < 4 ? static_cast<const void*>(ints[which]->data()) : floats[which - 4]->data();
}

NATIVE_API void seq2seq_free_result(Result* result) { delete result; }

NATIVE_API int seq2seq_encode(Model* model, const native::Request* requests, int count, int wide, State** state) {
    return guarded([&] {
        auto out = std::make_unique<State>();
        for (int i = 0; i < count; i++) {  // one at a time: they may be of any length
            std::vector<std::shared_ptr<native::EncodedSource>> sources;
            Seq2Seq::Ids ids{requests[i].ids, requests[i].count};
            model->encode(model->lane(0), &ids, 1, wide != 0, &sources);
            sources[0]->shortlist.assign(requests[i].shortlist, requests[i].shortlist + requests[i].shortlist_count);
            out->longest = std::max(out->longest, requests[i].count);
            out->rows.push_back(std::make_shared<native::Row>(model->start(sources[0])));
        }
        *state = out.release();
        return true;
    });
}

NATIVE_API int seq2seq_rows(const State* state) { return static_cast<int>(state->rows.size()); }

// The position of the next token of the farthest of some rows.
NATIVE_API int seq2seq_position(const State* state, const int32_t* rows, int count) {
    int farthest = 0;
    for (int i = 0; i < count; i++) farthest = std::max(farthest, state->rows[static_cast<size_t>(rows[i])]->position);
    return farthest;
}

NATIVE_API int seq2seq_longest(const State* state) { return state->longest; }

// Row i becomes the old row rows[i] with ids[i] behind it. logprobs [count, target vocabulary], attention [count, longest].
NATIVE_API int seq2seq_step(Model* model, State* state, const int32_t* rows, const int32_t* ids, int count, int wide,
                            float* logprobs, float* attention) {
    return guarded([&] {
        std::vector<std::shared_ptr<native::Row>> next;
        std::vector<native::Row*> pointers;
        for (int i = 0; i < count; i++) {
            const native::Row& old = *state->rows[static_cast<size_t>(rows[i])];
            if (old.position >= model->positions()) return false;
            next.push_back(std::make_shared<native::Row>(old));
            pointers.push_back(next.back().get());
        }
        native::Lane& lane = model->lane(0);
        std::vector<size_t> offsets;
        model->step(lane, pointers.data(), ids, count, wide != 0, true, state->longest);
        model->logits(lane, pointers.data(), count, wide != 0, &offsets);
        std::copy_n(lane.attention.data(), static_cast<size_t>(count) * static_cast<size_t>(state->longest), attention);
        size_t vocab = static_cast<size_t>(model->shape().target_vocab);
        for (int i = 0; i < count; i++) {
            const native::EncodedSource& source = *pointers[static_cast<size_t>(i)]->source;
            int choices = model->choices(source), largest;
            const float* scores = &lane.logits[offsets[static_cast<size_t>(i)]];
            float total = model->kernels().logsumexp(scores, choices, &largest), *out = logprobs + static_cast<size_t>(i) * vocab;
            if (!source.shortlist.empty()) std::fill_n(out, vocab, -std::numeric_limits<float>::infinity());
            for (size_t k = 0; k < static_cast<size_t>(choices); k++)
                out[source.shortlist.empty() ? k : static_cast<size_t>(source.shortlist[k])] = scores[k] - total;
        }
        state->rows = std::move(next);
        return true;
    });
}

NATIVE_API void seq2seq_free_state(State* state) { delete state; }
