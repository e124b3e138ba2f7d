// The C interface, loaded by ctypes (which lets go of Python's lock for every call). Functions that can
// fail return 0 for success and 1 when there is no memory. One call at a time per model.
#include <new>
#include <system_error>

#include "bandwidth.h"
#include "choose.h"
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

}  // namespace

// The digest of the sources that this was built from, as setup.py counts it, behind "sha256_".
#define NATIVE_NAME_OF(name) #name
#define NATIVE_TEXT(macro) NATIVE_NAME_OF(macro)
NATIVE_API const char* native_sources() { return NATIVE_TEXT(NATIVE_SOURCES); }

NATIVE_API int native_version() { return 1; }

// portable: 1 keeps to the plain kernels. Null when threads or memory are not to be had.
NATIVE_API Model* native_new(const native::Shape* shape, int threads, int portable) {
    try {
        return new Model(*shape, threads, portable ? native::portable::kernels() : *native::kernel_sets().front());
    } catch (const std::bad_alloc&) {
        return nullptr;
    } catch (const std::system_error&) {
        return nullptr;
    }
}

NATIVE_API void native_free(Model* model) { delete model; }

NATIVE_API const char* native_kernels(const Model* model) { return model->kernels().name; }

NATIVE_API int64_t native_nbytes(const Model* model) { return static_cast<int64_t>(model->nbytes()); }

// Bytes that a matrix takes of the model's memory, and that memory: for all matrices that are packed next.
NATIVE_API int64_t native_packed_bytes(int type, int rows, int cols) {
    Matrix matrix;
    matrix.shape(native::kKindOf[type], rows, cols);
    return static_cast<int64_t>(matrix.padded());
}

NATIVE_API int native_reserve(Model* model, int64_t bytes) {
    return guarded([&] { model->reserve(static_cast<size_t>(bytes)); });
}

// layer -1: the head. file: the rows' blocks as GGUF has them. order: [rows] or null.
NATIVE_API int native_matrix(Model* model, int layer, int slot, int type, int rows, int cols, const uint8_t* file,
                             const int64_t* order) {
    return guarded([&] {
        Matrix* m = layer < 0 ? &model->head : &model->layer(layer).matrices[slot];
        model->pack(m, static_cast<native::Type>(type), rows, cols, file, order);
    });
}

// layer -1: the norm before the head.
NATIVE_API int native_vector(Model* model, int layer, int slot, const float* values, int count) {
    return guarded([&] {
        (layer < 0 ? model->norm : model->layer(layer).vectors[slot]).assign(values, values + count);
    });
}

NATIVE_API void native_sliding(Model* model, int layer, int sliding) { model->layer(layer).sliding = sliding != 0; }

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
