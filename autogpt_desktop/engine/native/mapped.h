// Files that are mapped and that other programs may cut short: reading a page that is gone ends the process
// by SIGBUS. For ranges that are watched, the handler puts zeros in place of all from that page on, notes
// that the range is lost, and the read goes on; whoever reads asks afterwards. Nothing is jumped out of, so
// any thread may be where it likes (systemd's sigbus.c does likewise). Windows refuses to cut a mapped file.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#ifndef _WIN32
#include <csignal>
#include <sys/mman.h>
#include <unistd.h>
#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif
#endif

namespace native {

class MappedRanges {
public:
    // The number of the range from `data` on, or -1 where it cannot be watched.
    int watch(const uint8_t* data, size_t size) {
        std::lock_guard<std::mutex> lock(mutex_);
        if (!install()) return -1;
        for (int i = 0; i < kMost; i++) {
            Range& range = ranges_[i];
            if (range.used) continue;
            range.used = true;
            range.lost = false;
            range.end = reinterpret_cast<uintptr_t>(data) + size;
            range.start = reinterpret_cast<uintptr_t>(data);
            return i;
        }
        return -1;
    }

    bool lost(int number) const { return ranges_[number].lost; }

    void unwatch(int number) {
        std::lock_guard<std::mutex> lock(mutex_);
        Range& range = ranges_[number];
        range.start = 0, range.end = 0;
        range.used = false;
    }

private:
    static constexpr int kMost = 1024;

    struct Range {
        std::atomic<uintptr_t> start{0}, end{0};
        std::atomic<bool> lost{false};
        bool used = false;
    };

#ifdef _WIN32
    bool install() { return false; }
#else
    // Also when somebody else has put a handler in place of ours since.
    bool install() {
        struct sigaction now;
        if (sigaction(SIGBUS, nullptr, &now)) return false;
        if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == handle) return true;
        before() = now;
        struct sigaction ours = {};
        ours.sa_sigaction = handle;
        ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
        sigemptyset(&ours.sa_mask);
        return sigaction(SIGBUS, &ours, nullptr) == 0;
    }

    static struct sigaction& before() {
        static struct sigaction action;
        return action;
    }

    static void handle(int signal, siginfo_t* info, void*);

    // From the page of `address` to the end of its range, zeros; false for an address that is in none.
    bool replace(uintptr_t address) {
        for (Range& range : ranges_) {
            uintptr_t start = range.start, end = range.end;
            if (address < start || address >= end) continue;
            uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)), from = address / page * page;
            void* place = mmap(reinterpret_cast<void*>(from), end - from, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
            if (place == MAP_FAILED) return false;
            range.lost = true;
            return true;
        }
        return false;
    }
#endif

    std::mutex mutex_;
    Range ranges_[kMost];
};

inline MappedRanges& mapped_ranges() {
    static MappedRanges ranges;
    return ranges;
}

#ifndef _WIN32
inline void MappedRanges::handle(int signal, siginfo_t* info, void*) {
    bool faulted = info->si_code > 0;  // not sent by kill()
    if (faulted && mapped_ranges().replace(reinterpret_cast<uintptr_t>(info->si_addr))) return;
    sigaction(signal, &before(), nullptr);  // the read faults again, and whoever was there before sees it
    if (!faulted) raise(signal);
}
#endif

}  // namespace native
