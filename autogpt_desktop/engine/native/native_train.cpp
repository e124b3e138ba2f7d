// What Python calls while a model learns (see train.h): pointers to contiguous rows, float32 or, where `brain`
// says so, bfloat16. Every function returns 1 where it did its work and 0 where this processor cannot.
#include <memory>
#include <mutex>
#include <new>
#include <type_traits>

#include "choose.h"
#include "train.h"

#if defined(_WIN32)
#define NATIVE_API extern "C" __declspec(dllexport)
#else
#define NATIVE_API extern "C" __attribute__((visibility("default")))
#endif

#ifdef NATIVE_HAS_AVX2
namespace {

using native::Pool;
using native::train::Brain;
using native::train::each;

// One caller at a time has the pool, which sleeps between two steps.
std::mutex busy;
std::unique_ptr<Pool> pool;
int asked = 0;  // of threads; the system may have given fewer

Pool& threads(int count) {
    if (!pool || asked != count) pool = std::make_unique<Pool>(count), asked = count;
    return *pool;
}

// Calls work with null pointers of the types that the flag stands for.
template <class Work>
void typed(int brain, const Work& work) {
    if (brain) work(static_cast<Brain*>(nullptr));
    else work(static_cast<float*>(nullptr));
}

}  // namespace

NATIVE_API int train_supported() { return native::avx2::kernels() != nullptr; }

NATIVE_API void train_rms_norm(int count, int in_brain, int out_brain, const void* x, const float* w, float eps,
                               int64_t rows, int64_t cols, int64_t period, void* out, float* inverse) {
    std::lock_guard<std::mutex> lock(busy);
    typed(in_brain, [&](auto* in) {
        typed(out_brain, [&](auto* to) {
            using In = std::remove_pointer_t<decltype(in)>;
            using Out = std::remove_pointer_t<decltype(to)>;
            each(threads(count), rows, cols, [&](int64_t from, int64_t until, int) {
                native::train::rms_norm_rows(static_cast<const In*>(x), w, eps, from, until, cols, period,
                                             static_cast<Out*>(out), inverse);
            });
        });
    });
}

// dw [period, cols] begins as zeros. 0: no memory.
NATIVE_API int train_rms_norm_back(int count, int in_brain, int grad_brain, const void* grad, const void* x, const float* w,
                                   const float* inverse, int64_t rows, int64_t cols, int64_t period, void* dx, float* dw) {
    std::lock_guard<std::mutex> lock(busy);
    const int chunks = native::train::chunks_of(rows, cols);
    const size_t width = static_cast<size_t>(period * cols);
    std::vector<float> parts;
    try {
        parts.resize(static_cast<size_t>(chunks) * width);
    } catch (const std::bad_alloc&) {
        return 0;
    }
    typed(in_brain, [&](auto* in) {
        typed(grad_brain, [&](auto* come) {
            using In = std::remove_pointer_t<decltype(in)>;
            using Grad = std::remove_pointer_t<decltype(come)>;
            each(threads(count), rows, cols, [&](int64_t from, int64_t until, int chunk) {
                native::train::rms_norm_back_rows(static_cast<const Grad*>(grad), static_cast<const In*>(x), w, inverse,
                                                  from, until, cols, period, static_cast<In*>(dx),
                                                  parts.data() + static_cast<size_t>(chunk) * width);
            });
        });
    });
    for (int chunk = 0; chunk < chunks; chunk++)
        for (size_t i = 0; i < width; i++) dw[i] += parts[static_cast<size_t>(chunk) * width + i];
    return 1;
}

NATIVE_API void train_swiglu(int count, int brain, const void* gate_up, int64_t rows, int64_t cols, void* out) {
    std::lock_guard<std::mutex> lock(busy);
    typed(brain, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        each(threads(count), rows, cols, [&](int64_t from, int64_t to, int) {
            native::train::swiglu_rows(static_cast<const T*>(gate_up), from, to, cols, static_cast<T*>(out));
        });
    });
}

NATIVE_API void train_swiglu_back(int count, int brain, const void* grad, const void* gate_up, int64_t rows, int64_t cols,
                                  void* back) {
    std::lock_guard<std::mutex> lock(busy);
    typed(brain, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        each(threads(count), rows, cols, [&](int64_t from, int64_t to, int) {
            native::train::swiglu_back_rows(static_cast<const T*>(grad), static_cast<const T*>(gate_up), from, to, cols,
                                            static_cast<T*>(back));
        });
    });
}

NATIVE_API void train_rotary(int count, int brain, const void* x, int64_t stride, const float* table, int64_t length,
                             int64_t rows, int64_t heads, int64_t cols, int back, void* out) {
    std::lock_guard<std::mutex> lock(busy);
    typed(brain, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        each(threads(count), rows, heads * cols, [&](int64_t from, int64_t to, int) {
            native::train::rotary_rows(static_cast<const T*>(x), stride, table, length, from, to, heads, cols, back != 0,
                                       static_cast<T*>(out));
        });
    });
}

NATIVE_API void train_softmax(int count, int brain, void* scores, int64_t rows, int64_t cols, int64_t queries,
                              int64_t groups, int64_t before, float scale) {
    std::lock_guard<std::mutex> lock(busy);
    typed(brain, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        each(threads(count), rows, cols, [&](int64_t from, int64_t to, int) {
            native::train::softmax_rows(static_cast<T*>(scores), from, to, cols, queries, groups, before, scale);
        });
    });
}

NATIVE_API void train_softmax_back(int count, int brain, void* dweights, const void* shares, int64_t rows, int64_t cols,
                                   int64_t queries, int64_t groups, int64_t before, float scale) {
    std::lock_guard<std::mutex> lock(busy);
    typed(brain, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        each(threads(count), rows, cols, [&](int64_t from, int64_t to, int) {
            native::train::softmax_back_rows(static_cast<T*>(dweights), static_cast<const T*>(shares), from, to, cols,
                                             queries, groups, before, scale);
        });
    });
}

NATIVE_API void train_cross_entropy(int count, int brain, void* logits, const int64_t* targets, int64_t rows, int64_t cols,
                                    float scale, float* losses) {
    std::lock_guard<std::mutex> lock(busy);
    typed(brain, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        each(threads(count), rows, cols, [&](int64_t from, int64_t to, int) {
            native::train::cross_entropy_rows(static_cast<T*>(logits), targets, from, to, cols, scale, losses);
        });
    });
}
#else
NATIVE_API int train_supported() { return 0; }
#endif
