// One stretch of memory for all weights of a model, in pages of 2 MB where the system has them.
//
// Weights are read from one end to the other for every token. With pages of 4 KB the processor looks up
// an address every 64 lines and its prefetchers stop at each page's end; on Linux, memory that begins at
// a multiple of 2 MB and is marked with madvise(MADV_HUGEPAGE) is read up to twice as fast
// (Documentation/admin-guide/mm/transhuge.rst of the kernel).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace native {

class Memory {
public:
    Memory() = default;
    ~Memory() { release(); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    uint8_t* data() const { return data_; }
    size_t size() const { return size_; }

    // At least `size` bytes at a multiple of 64, of undefined contents; what was held before is let go.
    // Throws std::bad_alloc.
    void allocate(size_t size) {
        release();
        size_t alignment = size < kHuge ? 64 : kHuge;
        size_ = size;
#ifdef __linux__
        if (alignment == kHuge) {
            mapped_ = (size + kHuge - 1) / kHuge * kHuge + kHuge;
            base_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            if (base_ == MAP_FAILED) {
                base_ = nullptr, size_ = mapped_ = 0;
                throw std::bad_alloc();
            }
            align(kHuge);
            madvise(data_, mapped_ - kHuge, MADV_HUGEPAGE);  // refused by some kernels: plain pages do as well
            return;
        }
#endif
        base_ = std::malloc(size + alignment);
        if (!base_) {
            size_ = 0;
            throw std::bad_alloc();
        }
        align(alignment);
    }

private:
    static constexpr size_t kHuge = size_t{2} << 20;

    void align(size_t alignment) {
        auto address = reinterpret_cast<uintptr_t>(base_);
        data_ = static_cast<uint8_t*>(base_) + (alignment - address % alignment) % alignment;
    }

    void release() {
#ifdef __linux__
        if (mapped_)
            munmap(base_, mapped_);
        else
#endif
            std::free(base_);
        base_ = nullptr, data_ = nullptr, size_ = mapped_ = 0;
    }

    void* base_ = nullptr;
    uint8_t* data_ = nullptr;
    size_t size_ = 0, mapped_ = 0;  // mapped_: bytes from base_ on; 0: from malloc
};

}  // namespace native
