// How fast several threads read memory: the limit of decoding one token, which reads every weight once.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "memory.h"
#include "threads.h"

namespace native {

// Sums `count` words. Eight sums side by side become vectors, and the addition is never what it waits for.
inline uint64_t sum_words(const uint64_t* words, size_t count) {
    uint64_t sums[8] = {0};
    for (size_t i = 0; i < count; i += 8)
        for (size_t k = 0; k < 8; k++) sums[k] += words[i + k];
    uint64_t total = 0;
    for (uint64_t sum : sums) total += sum;
    return total;
}

// Bytes per second, the best of `passes` over `bytes`: an equal stretch for each thread, in the pages that
// weights get. Throws std::bad_alloc.
inline double read_bandwidth(int threads, size_t bytes, int passes) {
    size_t parts = static_cast<size_t>(threads), share = bytes / sizeof(uint64_t) / parts / 8 * 8;
    Memory memory;
    memory.allocate(share * parts * sizeof(uint64_t));
    uint64_t* buffer = reinterpret_cast<uint64_t*>(memory.data());
    std::vector<uint64_t> sums(parts);
    Pool pool(threads);
    pool.run(threads, [&](int chunk, int) {
        uint64_t* mine = buffer + static_cast<size_t>(chunk) * share;
        for (size_t i = 0; i < share; i++) mine[i] = i;
    });
    double best = 0;
    uint64_t total = 0;
    for (int pass = 0; pass < passes; pass++) {
        auto began = std::chrono::steady_clock::now();
        pool.run(threads, [&](int chunk, int) {
            size_t part = static_cast<size_t>(chunk);
            sums[part] = sum_words(buffer + part * share, share);
        });
        std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
        double rate = static_cast<double>(share * parts * sizeof(uint64_t)) / seconds.count();
        if (rate > best) best = rate;
        for (uint64_t sum : sums) total += sum;
    }
    // every pass found what was written there, so none was left out
    uint64_t expected = share * (share - 1) / 2 * parts * static_cast<uint64_t>(passes);
    return total == expected ? best : 0.0;
}

}  // namespace native
