// The C interface, loaded by ctypes (which lets go of Python's lock for every call). Functions that can
// fail return 0 for success and 1 when there is no memory. One call at a time per model.
#include <new>
#include <system_error>

#include "bandwidth.h"
#include "choose.h"
#include "mapped.h"
#include "model.h"

#ifdef _WIN32
#define NATIVE_API extern "C" __declspec(dllexport)
#else
#define NATIVE_API extern "C" __attribute__((visibility("default")))
#endif

using native::Matrix;
using native::Model;

namespace {

template <class Task>
int guarded(const Task& task) {
    try {
        task();
        return 0;
    } catch (const std::bad_alloc&) {
        return 1;
    }
}

Matrix* matrix_at(Model* model, int layer, int slot) {
    return layer < 0 ? &model->head : &model->layer(layer).matrices[slot];
}

}  // namespace

// The digest of the sources that this was built from, as setup.py counts it, behind "sha256_".
#define NATIVE_NAME_OF(name) #name
#define NATIVE_TEXT(macro) NATIVE_NAME_OF(macro)
NATIVE_API const char* native_sources() { return NATIVE_TEXT(NATIVE_SOURCES); }

NATIVE_API int native_version() { return 6; }

// The name of the index-th set of kernels that this processor can run, the fastest first; null behind the last.
NATIVE_API const char* native_kernel_set(int index) {
    try {
        std::vector<const native::Kernels*> sets = native::kernel_sets();
        return static_cast<size_t>(index) < sets.size() ? sets[static_cast<size_t>(index)]->name : nullptr;
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

// kernels: the name of a set, "" for the fastest. Null when that set, threads or memory are not to be had.
NATIVE_API Model* native_new(const native::Shape* shape, int threads, const char* kernels) {
    try {
        const native::Kernels* set = native::kernel_set(kernels);
        return set ? new Model(*shape, threads, *set) : nullptr;
    } catch (const std::bad_alloc&) {
        return nullptr;
    } catch (const std::system_error&) {
        return nullptr;
    }
}

NATIVE_API void native_free(Model* model) { delete model; }

NATIVE_API const char* native_kernels(const Model* model) { return model->kernels().name; }

NATIVE_API int64_t native_nbytes(const Model* model) { return static_cast<int64_t>(model->nbytes()); }

// How a matrix of the file's type is kept unless it is told otherwise.
NATIVE_API int native_kind(int type) { return native::kKindOf[type]; }

// Bytes that a matrix takes of the model's memory, and that memory: for all matrices that are packed next.
NATIVE_API int64_t native_packed_bytes(int kind, int rows, int cols) {
    Matrix matrix;
    matrix.shape(static_cast<native::Kind>(kind), rows, cols);
    return static_cast<int64_t>(matrix.padded());
}

NATIVE_API int native_reserve(Model* model, int64_t bytes) {
    return guarded([&] { model->reserve(static_cast<size_t>(bytes)); });
}

NATIVE_API const uint8_t* native_weights(const Model* model) { return model->weights().data(); }

// layer -1: the head. file: the rows' blocks as GGUF has them. order: [rows] or null. Rows from … to - 1.
NATIVE_API int native_matrix(Model* model, int layer, int slot, int kind, int type, int rows, int cols,
                             const uint8_t* file, const int64_t* order, int from, int to) {
    return guarded([&] {
        model->pack(matrix_at(model, layer, slot), static_cast<native::Kind>(kind), static_cast<native::Type>(type),
                    rows, cols, file, order, from, to);
    });
}

// A matrix that lies packed at `blocks`, which must outlive the model.
NATIVE_API int native_place(Model* model, int layer, int slot, int kind, int rows, int cols, uint8_t* blocks) {
    return guarded([&] {
        model->place(matrix_at(model, layer, slot), static_cast<native::Kind>(kind), rows, cols, blocks);
    });
}

// The weights of another model of the same shape, which must outlive this one; not its adapter.
NATIVE_API int native_share(Model* model, const Model* other) {
    return guarded([&] { model->share(*other); });
}

// What an adapter adds to a matrix: scale · b a; a [rank, cols], b [rows, rank], copied. Rank 0 takes it away.
NATIVE_API int native_adapt(Model* model, int layer, int slot, int rank, int rows, int cols, const float* a,
                            const float* b, float scale) {
    return guarded([&] { model->layer(layer).added[slot].set(rank, rows, cols, a, b, scale); });
}

// With the model's threads.
NATIVE_API uint64_t native_checksum(Model* model, const uint8_t* data, int64_t size) {
    return model->checksum(data, static_cast<size_t>(size));
}

// Without any.
NATIVE_API uint64_t native_short_checksum(const uint8_t* data, int64_t size) {
    return native::checksum(data, static_cast<size_t>(size));
}

// A number that stands for the way every type is packed: what an example of each becomes.
NATIVE_API uint64_t native_layout() {
    constexpr int rows = 8, cols = 256;
    std::vector<uint8_t> file(rows * cols * 4), packed(rows * cols * 4);
    uint64_t state = 1, sum = 0;
    for (int type = 0; type <= native::BF16; type++) {
        for (uint8_t& byte : file) {
            state = state * 6364136223846793005ull + 1442695040888963407ull;
            byte = static_cast<uint8_t>(type < native::F32 ? state >> 56 : (state >> 57) & 0x3f);
        }
        for (native::Kind kind : {native::kKindOf[type], type < native::F32 ? native::kKindOf[type] : native::Q4M}) {
            Matrix matrix;
            matrix.shape(kind, rows, cols);
            std::fill(packed.begin(), packed.end(), uint8_t{0});
            matrix.blocks = packed.data();
            native::pack_group(&matrix, 0, static_cast<native::Type>(type), file.data(), nullptr);
            sum = native::step(sum, native::checksum(packed.data(), packed.size()) ^ matrix.padded());
        }
    }
    return sum;
}

// A stretch of a mapped file: see mapped.h. The number to ask by, or -1.
NATIVE_API int native_watch(const uint8_t* data, int64_t size) {
    return native::mapped_ranges().watch(data, static_cast<size_t>(size));
}

// Has reading it met a page that is gone?
NATIVE_API int native_lost(int number) { return native::mapped_ranges().lost(number); }

NATIVE_API void native_unwatch(int number) { native::mapped_ranges().unwatch(number); }

// Where `count` strings end, and two numbers about them: see strings_end.
NATIVE_API int64_t native_strings_end(const uint8_t* data, int64_t size, int64_t at, int64_t count, int* separator,
                                      int64_t* bytes) {
    size_t total = 0, end = native::strings_end(data, static_cast<size_t>(size), static_cast<size_t>(at),
                                                static_cast<size_t>(count), separator, &total);
    *bytes = static_cast<int64_t>(total);
    return static_cast<int64_t>(end);
}

NATIVE_API void native_join_strings(const uint8_t* at, int64_t count, int separator, uint8_t* out) {
    native::join_strings(at, static_cast<size_t>(count), separator, out);
}

// layer -1: the norm before the head.
NATIVE_API int native_vector(Model* model, int layer, int slot, const float* values, int count) {
    return guarded([&] {
        (layer < 0 ? model->norm : model->layer(layer).vectors[slot]).assign(values, values + count);
    });
}

NATIVE_API void native_sliding(Model* model, int layer, int sliding) { model->layer(layer).sliding = sliding != 0; }

// kind: of native::LayerKind.
NATIVE_API void native_layer_kind(Model* model, int layer, int kind) {
    model->set_kind(static_cast<size_t>(layer), static_cast<native::LayerKind>(kind));
}

// Do the layer's queries and keys not turn with their position?
NATIVE_API void native_unrotated(Model* model, int layer, int unrotated) {
    model->layer(layer).rotated = unrotated == 0;
}

NATIVE_API int native_begin(Model* model, const int32_t* ids, const float* embeddings,
                            const native::Sequence* sequences, int count) {
    return guarded([&] { model->begin(ids, embeddings, sequences, count); });
}

NATIVE_API int native_layers(Model* model, int from, int to, const float* rope, const float* local_rope) {
    return guarded([&] { model->layers(from, to, rope, local_rope); });
}

NATIVE_API int native_logits(Model* model, const int32_t* pick, int picked, float* logits) {
    return guarded([&] { model->logits(pick, picked, logits); });
}

// rows [picked, hidden]: what the head reads of the tokens `pick`.
NATIVE_API int native_hidden(Model* model, const int32_t* pick, int picked, float* rows) {
    return guarded([&] { model->hidden(pick, picked, rows); });
}

// y [tokens, rows] = x [tokens, cols] Wᵀ with the head's matrix, for tests.
NATIVE_API int native_product(Model* model, const float* x, int tokens, float* y) {
    return guarded([&] { model->product(model->head, x, tokens, y); });
}

// Bytes per second that `threads` read from memory, the best of `passes` over `bytes`; 0 when there is no memory.
NATIVE_API double native_read_bandwidth(int threads, int64_t bytes, int passes) {
    try {
        return native::read_bandwidth(threads, static_cast<size_t>(bytes), passes);
    } catch (const std::bad_alloc&) {
        return 0.0;
    } catch (const std::system_error&) {
        return 0.0;
    }
}

// A module that Python cannot import, for linkers that look for this name.
NATIVE_API void* PyInit__native() { return nullptr; }
