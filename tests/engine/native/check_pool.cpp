// The pool of threads: every chunk once, and what one step wrote is there for the next. Plain integers on
// purpose, so that the thread sanitizer sees a missing order between two steps.
//
// With an argument, instead: what the pool does where the system refuses it threads.
#include <cstdio>
#include <memory>

#include "threads.h"

#if defined(__linux__)
#include <sys/resource.h>
#endif

namespace {

int failures = 0;

void steps(int threads, int count, unsigned seed) {
    native::Pool pool(threads);
    std::vector<int> from(500), to(500);
    for (int step = 0; step < count; step++) {
        seed = seed * 1664525u + 1013904223u;
        int chunks = static_cast<int>(seed >> 16) % 500;
        std::vector<int> taken(500);
        pool.run(chunks, [&](int chunk, int thread) {
            size_t at = static_cast<size_t>(chunk);
            taken[at]++;
            to[at] = from[at + 1 < from.size() ? at + 1 : 0] + 1;  // of another thread, one step ago
            if (thread < 0 || thread >= pool.size()) taken[at] += 1000;
        });
        for (size_t i = 0; i < to.size(); i++) {
            bool ours = static_cast<int>(i) < chunks;
            if (taken[i] != ours || (ours && to[i] != from[i + 1 < from.size() ? i + 1 : 0] + 1)) failures++;
        }
        from.swap(to);
        if (step % 50 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // until all sleep
    }
}

#if defined(__linux__)
void refused() {
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = 200u << 20;  // the stacks of 200 threads do not fit
    setrlimit(RLIMIT_AS, &limit);
    native::Pool pool(200);
    std::vector<int> done(1000);
    pool.run(1000, [&](int chunk, int) { done[static_cast<size_t>(chunk)]++; });
    for (int each : done) failures += each != 1;
    if (pool.size() >= 200 || pool.size() < 1) failures++;
}
#endif

}  // namespace

int main(int count, char**) {
#if defined(__linux__)
    if (count > 1) refused();
#endif
    if (count == 1) {
        for (int threads = 1; threads <= 5; threads++) steps(threads, 300, static_cast<unsigned>(threads));
        for (int made = 0; made < 30; made++) steps(3, made % 4, 9);  // also pools that end at once
    }
    std::printf("pool: %s\n", failures ? "FAILED" : "passed");
    return failures != 0;
}
