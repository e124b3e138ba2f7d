// A pool of threads for passes that are made of many short parallel steps.
//
// The caller publishes a step as one 64-bit ticket (generation, number of chunks, next chunk); whoever
// is awake takes chunks with a compare-and-swap. The caller works too and waits for the chunks, not for
// the threads: one that the system has taken away holds nobody up unless it is inside a chunk. Everyone
// spins for a few microseconds between two steps and then sleeps, so an idle pool uses nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define NATIVE_PAUSE() _mm_pause()
#elif defined(__aarch64__) && !defined(_MSC_VER)
#define NATIVE_PAUSE() __asm__ __volatile__("yield")
#else
#define NATIVE_PAUSE() std::this_thread::yield()
#endif

namespace native {

class Pool {
public:
    explicit Pool(int threads) {
        for (int index = 1; index < threads; index++) workers_.emplace_back([this, index] { work(index); });
    }

    ~Pool() {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            stopping_.store(true);
        }
        wake_.notify_all();
        for (std::thread& worker : workers_) worker.join();
    }

    int size() const { return static_cast<int>(workers_.size()) + 1; }

    // Calls task(chunk, thread) for every chunk below `chunks` and returns when all are done.
    template <class Task>
    void run(int chunks, const Task& task) {
        if (chunks <= 1 || workers_.empty()) {
            for (int chunk = 0; chunk < chunks; chunk++) task(chunk, 0);
            return;
        }
        call_.store(&invoke<Task>, std::memory_order_relaxed);
        context_.store(&task, std::memory_order_relaxed);
        done_.store(0, std::memory_order_relaxed);
        generation_ = (generation_ + 1) & ((1ull << kGenerationBits) - 1);
        ticket_.store(generation_ << (2 * kChunkBits) | static_cast<uint64_t>(chunks) << kChunkBits);
        if (sleepers_.load() > 0) {
            { std::lock_guard<std::mutex> lock(mutex_); }
            wake_.notify_all();
        }
        take(0);
        if (spin([&] { return done_.load() == chunks; })) return;
        std::unique_lock<std::mutex> lock(mutex_);
        waiting_.store(true);
        finished_.wait(lock, [&] { return done_.load() == chunks; });
        waiting_.store(false);
    }

private:
    static constexpr int kChunkBits = 20, kGenerationBits = 24;
    static constexpr uint64_t kChunkMask = (1ull << kChunkBits) - 1;
    static constexpr std::chrono::microseconds kSpin{40};

    template <class Task>
    static void invoke(const void* task, int chunk, int thread) {
        (*static_cast<const Task*>(task))(chunk, thread);
    }

    static int next(uint64_t ticket) { return static_cast<int>(ticket & kChunkMask); }
    static int count(uint64_t ticket) { return static_cast<int>(ticket >> kChunkBits & kChunkMask); }
    bool open() const {
        uint64_t ticket = ticket_.load();
        return next(ticket) < count(ticket);
    }

    // True as soon as `ready`; false when the time for spinning is over.
    template <class Ready>
    static bool spin(const Ready& ready) {
        auto until = std::chrono::steady_clock::now() + kSpin;
        do {
            for (int i = 0; i < 64; i++) {
                if (ready()) return true;
                NATIVE_PAUSE();
            }
        } while (std::chrono::steady_clock::now() < until);
        return false;
    }

    void take(int thread) {
        for (;;) {
            uint64_t ticket = ticket_.load();
            if (next(ticket) >= count(ticket)) return;
            // These belong to `ticket` if the swap succeeds: they change only when its chunks are done.
            auto call = call_.load(std::memory_order_relaxed);
            const void* context = context_.load(std::memory_order_relaxed);
            if (!ticket_.compare_exchange_weak(ticket, ticket + 1)) continue;
            call(context, next(ticket), thread);
            if (done_.fetch_add(1) + 1 == count(ticket) && waiting_.load()) {
                { std::lock_guard<std::mutex> lock(mutex_); }
                finished_.notify_one();
            }
        }
    }

    void work(int index) {
        while (!stopping_.load()) {
            if (spin([&] { return open() || stopping_.load(); })) {
                take(index);
                continue;
            }
            std::unique_lock<std::mutex> lock(mutex_);
            sleepers_.fetch_add(1);
            wake_.wait(lock, [&] { return open() || stopping_.load(); });
            sleepers_.fetch_sub(1);
        }
    }

    alignas(64) std::atomic<uint64_t> ticket_{0};
    alignas(64) std::atomic<int> done_{0};
    std::atomic<void (*)(const void*, int, int)> call_{nullptr};
    std::atomic<const void*> context_{nullptr};
    std::atomic<int> sleepers_{0};
    std::atomic<bool> waiting_{false}, stopping_{false};
    uint64_t generation_ = 0;
    std::mutex mutex_;
    std::condition_variable wake_, finished_;
    std::vector<std::thread> workers_;
};

}  // namespace native
