// What loading needs besides weights: checksums, and long lists of strings out of a GGUF header.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace native {

// A 64-bit checksum against damage (not against malice): eight lanes that take 8 bytes each, so that eight
// multiplications are under way at once, as in xxHash's XXH64 (github.com/Cyan4973/xxHash, its spec).
// A lane's step is one-to-one in both its arguments: no change of a single word goes unnoticed.
inline uint64_t turned(uint64_t x, int by) { return x << by | x >> (64 - by); }

inline uint64_t step(uint64_t lane, uint64_t word) {
    return turned(lane ^ word, 31) * 0x9E3779B185EBCA87ull;
}

inline uint64_t checksum(const uint8_t* data, size_t size) {
    uint64_t lanes[8], words[8], result = size;
    for (int i = 0; i < 8; i++) lanes[i] = 0xC2B2AE3D27D4EB4Full * static_cast<uint64_t>(i + 1);
    size_t at = 0;
    for (; at + 64 <= size; at += 64) {
        std::memcpy(words, data + at, 64);
        for (int i = 0; i < 8; i++) lanes[i] = step(lanes[i], words[i]);
    }
    if (at < size) {
        std::memset(words, 0, 64);
        std::memcpy(words, data + at, size - at);
        for (int i = 0; i < 8; i++) lanes[i] = step(lanes[i], words[i]);
    }
    for (uint64_t lane : lanes) result = step(result, lane ^ lane >> 29);
    return result ^ result >> 32;
}

// A GGUF array of strings is, for each, its length (8 bytes) and its bytes. The end of `count` of them
// that begin at `at`, or 0 when they reach beyond `size`. *separator: a control character that none has,
// or -1. *bytes: how many the strings have together.
inline size_t strings_end(const uint8_t* data, size_t size, size_t at, size_t count, int* separator, size_t* bytes) {
    uint32_t seen = 0;
    *bytes = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t length;
        if (size - at < 8) return 0;
        std::memcpy(&length, data + at, 8);
        at += 8;
        if (size - at < length) return 0;
        for (size_t end = at + length; at < end; at++)
            if (data[at] < 32) seen |= 1u << data[at];
        *bytes += length;
    }
    *separator = -1;
    for (int i = 0; i < 32 && *separator < 0; i++)
        if (!(seen >> i & 1)) *separator = i;
    return at;
}

// The strings in `out` [their bytes + count], each with a separator behind it.
inline void join_strings(const uint8_t* at, size_t count, int separator, uint8_t* out) {
    for (size_t i = 0; i < count; i++) {
        uint64_t length;
        std::memcpy(&length, at, 8);
        std::memcpy(out, at + 8, length);
        at += 8 + length, out += length;
        *out++ = static_cast<uint8_t>(separator);
    }
}

}  // namespace native
