// A pool of threads for passes that are made of many short parallel steps.
//
// A step is a number of chunks. Each thread has a share of them, a run of its own: step after step it
// reads the same part of the weights, and memory sees few long streams. It takes chunks from the front of
// its share, and when that is empty from the back of the others'. A share is one 64-bit word (generation
// of the step, end, next) that changes by compare-and-swap only, so a chunk is taken once, and a thread
// that comes late finds empty shares or another generation.
//
// The caller works too and waits for the chunks, not for the threads: one that the system has taken away
// holds nobody up unless it is inside a chunk. Everyone spins for a fifth of a millisecond between two steps
// and then sleeps, so an idle pool uses nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <system_error>
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
    explicit Pool(int threads) : shares_(static_cast<size_t>(threads)) {
        workers_.reserve(static_cast<size_t>(threads));
        for (int index = 1; index < threads; index++) {
            try {
                workers_.emplace_back([this, index] { work(index); });
            } catch (const std::system_error&) {
                return;  // the system gives no more threads: those there are do the work
            }
        }
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

    // The first chunk of a thread's share of a step; the last is before the next thread's first.
    int share(int chunks, int thread) const {
        return static_cast<int>(static_cast<int64_t>(chunks) * thread / size());
    }

    // Calls task(chunk, thread) for every chunk below `chunks` and returns when all are done.
    template <class Task>
    void run(int chunks, const Task& task) {
        if (chunks <= 1 || workers_.empty()) {
            for (int chunk = 0; chunk < chunks; chunk++) task(chunk, 0);
            return;
        }
        call_.store(&invoke<Task>, std::memory_order_relaxed);
        context_.store(&task, std::memory_order_relaxed);
        left_.store(chunks, std::memory_order_relaxed);
        generation_ = (generation_ + 1) & ((1ull << kGenerationBits) - 1);
        for (int thread = size() - 1; thread >= 0; thread--)
            shares_[static_cast<size_t>(thread)].word.store(word(share(chunks, thread), share(chunks, thread + 1)));
        if (sleepers_.load() > 0) {
            { std::lock_guard<std::mutex> lock(mutex_); }
            wake_.notify_all();
        }
        take(0);
        if (spin([&] { return left_.load() == 0; })) return;
        std::unique_lock<std::mutex> lock(mutex_);
        waiting_.store(true);
        finished_.wait(lock, [&] { return left_.load() == 0; });
        waiting_.store(false);
    }

private:
    struct alignas(64) Share {
        std::atomic<uint64_t> word{0};
    };

    static constexpr int kChunkBits = 20, kGenerationBits = 24;
    static constexpr uint64_t kChunkMask = (1ull << kChunkBits) - 1;
    static constexpr std::chrono::microseconds kSpin{200};  // covers what Python does between two tokens

    template <class Task>
    static void invoke(const void* task, int chunk, int thread) {
        (*static_cast<const Task*>(task))(chunk, thread);
    }

    static int next(uint64_t word) { return static_cast<int>(word & kChunkMask); }
    static int end(uint64_t word) { return static_cast<int>(word >> kChunkBits & kChunkMask); }
    uint64_t word(int next, int end) const {
        return generation_ << (2 * kChunkBits) | static_cast<uint64_t>(end) << kChunkBits | static_cast<uint64_t>(next);
    }
    bool open(int thread) const {
        uint64_t word = shares_[static_cast<size_t>(thread)].word.load();
        return next(word) < end(word);
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

    // Does chunks of `share` until there are none.
    void empty(Share& share, bool own, int thread) {
        for (int done = 0;;) {
            uint64_t word = share.word.load();
            if (next(word) >= end(word)) return finish(done);
            // These belong to the word's step if the swap succeeds: they change only when its chunks are done.
            auto call = call_.load(std::memory_order_relaxed);
            const void* context = context_.load(std::memory_order_relaxed);
            if (!share.word.compare_exchange_weak(word, own ? word + 1 : word - (1ull << kChunkBits))) continue;
            call(context, own ? next(word) : end(word) - 1, thread);
            done++;
        }
    }

    void take(int thread) {
        for (int i = 0; i < size(); i++)
            empty(shares_[static_cast<size_t>((thread + i) % size())], i == 0, thread);
    }

    void finish(int chunks) {
        if (chunks && left_.fetch_sub(chunks) == chunks && waiting_.load()) {
            { std::lock_guard<std::mutex> lock(mutex_); }
            finished_.notify_one();
        }
    }

    void work(int index) {
        auto ready = [&] { return open(index) || stopping_.load(); };
        while (!stopping_.load()) {
            if (spin(ready)) {
                take(index);
                continue;
            }
            std::unique_lock<std::mutex> lock(mutex_);
            sleepers_.fetch_add(1);
            wake_.wait(lock, ready);
            sleepers_.fetch_sub(1);
        }
    }

    std::vector<Share> shares_;
    alignas(64) std::atomic<int> left_{0};
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
