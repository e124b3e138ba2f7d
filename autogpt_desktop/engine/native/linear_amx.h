// Linear layers for x86 with AMX: products of tiles of 16 rows by 64 bytes, for many rows of activations at once. Weights
// as `pack_rows` leaves them are tiles already. Fewer rows go the way of AVX-512.
#pragma once

#include "linear_vnni.h"

#if defined(NATIVE_HAS_AVX2) && defined(__linux__) && defined(__x86_64__) && (defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11)
#define NATIVE_HAS_AMX
#include <sys/syscall.h>
#include <unistd.h>

#define NATIVE_AMX __attribute__((target(NATIVE_VNNI_TARGET ",amx-tile,amx-int8")))
#define NATIVE_AMX_INLINE __attribute__((target(NATIVE_VNNI_TARGET ",amx-tile,amx-int8"), always_inline)) inline

namespace native {
namespace amx {

constexpr int kTileRows = 16;
constexpr int kLeastRows = 7;        // of activations that tiles are worth it for
constexpr int kAhead = 4;            // tiles ahead of what is multiplied that memory is asked for
constexpr size_t kTileBytes = 1024;

// What the processor is told of its eight tiles.
struct alignas(64) TileShapes {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {};
    uint8_t rows[16] = {};
};

// Sums are tiles 0 to 3. first, second: rows of tiles that are read with a stride, 4 and 5; the rest are whole.
NATIVE_AMX inline void configure(const int (&rows)[8]) {
    TileShapes shapes;
    for (int i = 0; i < 8; i++) shapes.row_bytes[i] = 64, shapes.rows[i] = static_cast<uint8_t>(rows[i]);
    _tile_loadconfig(&shapes);
}

NATIVE_AMX_INLINE void fetch_tile(const int8_t* at) {
#pragma GCC unroll 16
    for (size_t line = 0; line < kTileBytes; line += 64) _mm_prefetch(reinterpret_cast<const char*>(at + line), _MM_HINT_T0);
}

struct Sums {
    alignas(64) int32_t tiles[4][kTileRows][kGroup];
};

NATIVE_AMX_INLINE void store_sums(Sums* sums) {
    _tile_stored(0, sums->tiles[0], 64);
    _tile_stored(1, sums->tiles[1], 64);
    _tile_stored(2, sums->tiles[2], 64);
    _tile_stored(3, sums->tiles[3], 64);
}

// Up to 16 rows of activations times four groups.
NATIVE_AMX inline void one_by_four(const int8_t* x, size_t stride, const int8_t* const* w, int depth, bool ahead, Sums* sums) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int c = 0; c < depth; c += 64) {
        const size_t at = static_cast<size_t>(c) * kGroup;
        if (ahead)
            for (int i = 0; i < 4; i++) fetch_tile(w[i] + at + kAhead * kTileBytes);
        _tile_loadd(4, x + c, stride);
        _tile_loadd(6, w[0] + at, 64);
        _tile_dpbusd(0, 4, 6);
        _tile_loadd(7, w[1] + at, 64);
        _tile_dpbusd(1, 4, 7);
        _tile_loadd(6, w[2] + at, 64);
        _tile_dpbusd(2, 4, 6);
        _tile_loadd(7, w[3] + at, 64);
        _tile_dpbusd(3, 4, 7);
    }
    store_sums(sums);
}

// 17 to 32 rows times two groups: tiles 0 and 1 are the first 16 rows, 2 and 3 the others.
NATIVE_AMX inline void two_by_two(const int8_t* x, size_t stride, const int8_t* const* w, int depth, bool ahead, Sums* sums) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int c = 0; c < depth; c += 64) {
        const size_t at = static_cast<size_t>(c) * kGroup;
        if (ahead)
            for (int i = 0; i < 2; i++) fetch_tile(w[i] + at + kAhead * kTileBytes);
        _tile_loadd(4, x + c, stride);
        _tile_loadd(5, x + kTileRows * stride + static_cast<size_t>(c), stride);
        _tile_loadd(6, w[0] + at, 64);
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(2, 5, 6);
        _tile_loadd(7, w[1] + at, 64);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(3, 5, 7);
    }
    store_sums(sums);
}

// Float values of a tile's sums: `count` rows of activations from row `first` times group `group`.
NATIVE_AMX inline void store_tile(const Linear& m, int group, const int32_t (*sums)[kGroup], const Inputs& in, int first, int count, bool relu, float* y, size_t stride) {
    const int row = group * kGroup, step = in.rows_per_token();
    const __m512i begin = vnni::linear_begin(m, row);
    for (int t = 0; t < count; t += step) {
        const int token = (first + t) / step;
        __m512i sum = _mm512_add_epi32(_mm512_load_si512(sums[t]), begin);
        if (in.fine) sum = vnni::linear_pair(sum, _mm512_add_epi32(_mm512_load_si512(sums[t + 1]), begin));
        vnni::linear_store(m, row, sum, in.scale[token], relu, y + static_cast<size_t>(token) * stride);
    }
}

NATIVE_AMX inline void linear_product(const Linear& m, int from, int to, const Inputs& in, int tokens, bool relu, float* y, size_t stride) {
    const int rows = tokens * in.rows_per_token();
    if (rows < kLeastRows) return vnni::linear_product(m, from, to, in, tokens, relu, y, stride);
    const size_t size = static_cast<size_t>(kGroup) * static_cast<size_t>(m.depth);
    const int chunk = std::max(4, static_cast<int>(vnni::kChunkBytes / size) / 4 * 4);
    Sums sums;
    int configured = 0;
    for (; from < to; from += chunk) {
        const int end = std::min(to, from + chunk);
        for (int first = 0; first < rows;) {
            const int count = std::min(rows - first, 2 * kTileRows), wide = count > kTileRows ? 2 : 4;
            const int upper = std::min(count, kTileRows), lower = wide == 2 ? count - upper : upper;
            if (configured != count) configure({upper, upper, lower, lower, upper, lower, kTileRows, kTileRows}), configured = count;
            const int8_t* x = in.q + static_cast<size_t>(first) * in.stride;
            for (int group = from; group < end; group += wide) {
                const int8_t* w[4];
                for (int i = 0; i < wide; i++) w[i] = m.q + static_cast<size_t>(group + i < end ? group + i : group) * size;
                const bool ahead = !first && group + 2 * wide < end;
                if (wide == 4)
                    one_by_four(x, in.stride, w, m.depth, ahead, &sums);
                else
                    two_by_two(x, in.stride, w, m.depth, ahead, &sums);
                for (int i = 0; i < wide && group + i < end; i++) {
                    store_tile(m, group + i, sums.tiles[i], in, first, upper, relu, y, stride);
                    if (wide == 2) store_tile(m, group + i, sums.tiles[2 + i], in, first + kTileRows, lower, relu, y, stride);
                }
            }
            first += count;
        }
    }
    _tile_release();
}

// Rows to columns.
NATIVE_AMX_INLINE void transpose(const int32_t (*in)[kGroup], __m512i* out) {
    __m512i a[16], b[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        const __m512i one = _mm512_load_si512(in[i]), two = _mm512_load_si512(in[i + 1]);
        a[i] = _mm512_maskz_unpacklo_epi32(0xffff, one, two), a[i + 1] = _mm512_maskz_unpackhi_epi32(0xffff, one, two);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        b[i] = _mm512_maskz_unpacklo_epi64(0xff, a[i], a[i + 2]), b[i + 1] = _mm512_maskz_unpackhi_epi64(0xff, a[i], a[i + 2]);
        b[i + 2] = _mm512_maskz_unpacklo_epi64(0xff, a[i + 1], a[i + 3]), b[i + 3] = _mm512_maskz_unpackhi_epi64(0xff, a[i + 1], a[i + 3]);
    }
    // b[4 i + j]: rows 4 i … 4 i + 3 of columns j, 4 + j, 8 + j, 12 + j
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        const __m512i one = _mm512_maskz_shuffle_i32x4(0xffff, b[j], b[4 + j], 0x88), two = _mm512_maskz_shuffle_i32x4(0xffff, b[8 + j], b[12 + j], 0x88);
        const __m512i three = _mm512_maskz_shuffle_i32x4(0xffff, b[j], b[4 + j], 0xdd), four = _mm512_maskz_shuffle_i32x4(0xffff, b[8 + j], b[12 + j], 0xdd);
        out[j] = _mm512_maskz_shuffle_i32x4(0xffff, one, two, 0x88), out[8 + j] = _mm512_maskz_shuffle_i32x4(0xffff, one, two, 0xdd);
        out[4 + j] = _mm512_maskz_shuffle_i32x4(0xffff, three, four, 0x88), out[12 + j] = _mm512_maskz_shuffle_i32x4(0xffff, three, four, 0xdd);
    }
}

// Four tiles of a table's rows times 16 rows of activations in order.
NATIVE_AMX inline void four_by_one(const int8_t* const* w, size_t stride, const int8_t* x, int depth, bool ahead, Sums* sums) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int c = 0; c < depth; c += 64) {
        if (ahead)
            for (size_t row = 4 * kTileRows; row < 8 * kTileRows; row++) _mm_prefetch(reinterpret_cast<const char*>(w[0] + row * stride + c), _MM_HINT_T1);
        _tile_loadd(7, x + static_cast<size_t>(c) * kGroup, 64);
        _tile_loadd(4, w[0] + c, stride);
        _tile_dpbsud(0, 4, 7);
        _tile_loadd(5, w[1] + c, stride);
        _tile_dpbsud(1, 5, 7);
        _tile_loadd(4, w[2] + c, stride);
        _tile_dpbsud(2, 4, 7);
        _tile_loadd(5, w[3] + c, stride);
        _tile_dpbsud(3, 5, 7);
    }
    store_sums(sums);
}

// Rows of a table that lie behind each other.
NATIVE_AMX inline void linear_rows(const Table& m, int first, int count, const Inputs& in, int tokens, float* y, size_t stride) {
    const int depth = padded(m.cols, kDepth), rows = tokens * in.rows_per_token(), blocks = (rows + kTileRows - 1) / kTileRows;
    const size_t size = static_cast<size_t>(kTileRows) * static_cast<size_t>(depth / 4);
    std::unique_ptr<int32_t[]> ordered(new int32_t[static_cast<size_t>(blocks) * size]);
    for (int i = 0; i < blocks; i++) vnni::order_tile<kTileRows>(in, i * kTileRows, std::min(kTileRows, rows - i * kTileRows), depth, ordered.get() + static_cast<size_t>(i) * size);
    Sums sums;
    configure({kTileRows, kTileRows, kTileRows, kTileRows, kTileRows, kTileRows, kTileRows, kTileRows});
    int whole = count / kTileRows * kTileRows;
    for (int i = 0; i < whole; i += 4 * kTileRows) {
        const int8_t* w[4];
        for (int j = 0; j < 4; j++) w[j] = m.q + static_cast<size_t>(first + i + (i + j * kTileRows < whole ? j * kTileRows : 0)) * m.stride;
        for (int b = 0; b < blocks; b++) {
            four_by_one(w, m.stride, reinterpret_cast<const int8_t*>(ordered.get() + static_cast<size_t>(b) * size), depth, !b && i + 8 * kTileRows <= whole, &sums);
            const int token = b * kTileRows / in.rows_per_token(), some = std::min(kTileRows, rows - b * kTileRows);
            for (int j = 0; j < 4 && i + j * kTileRows < whole; j++) {
                const int row = first + i + j * kTileRows;
                const __m512i less = _mm512_maskz_slli_epi32(0xffff, _mm512_loadu_si512(m.sums.data() + row), 7);
                __m512i values[kTileRows];
                transpose(sums.tiles[j], values);
                for (int t = 0; t < kTileRows; t++) values[t] = _mm512_sub_epi32(values[t], less);
                vnni::panel_store<kTileRows>(m, row, kGroup, values, in.scale + token, some, in.fine, y + static_cast<size_t>(token) * stride + i + j * kTileRows, stride);
            }
        }
    }
    _tile_release();
    if (whole < count) vnni::linear_dots(m, nullptr, first + whole, count - whole, in, tokens, y + whole, stride);
}

inline void linear_dots(const Table& m, const int32_t* ids, int first, int count, const Inputs& in, int tokens, float* y, size_t stride) {
    if (ids || tokens * in.rows_per_token() < kLeastRows) return vnni::linear_dots(m, ids, first, count, in, tokens, y, stride);
    linear_rows(m, first, count, in, tokens, y, stride);
}

// Has the processor tiles, and does the system let this process use them?
inline bool is_supported() {
    constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    unsigned a = 7, b = 0, c = 0, d = 0;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    const bool has = (d >> 24 & 1) && (d >> 25 & 1);  // AMX-TILE, AMX-INT8
    return has && vnni::is_supported() && !syscall(SYS_arch_prctl, kRequest, kTileData);
}

inline const LinearKernels* linear_kernels() {
    static const bool supported = is_supported();
    if (!supported) return nullptr;
    static const LinearKernels table = [] {
        LinearKernels set = *vnni::linear_kernels();
        set.name = "avx512-amx", set.product = linear_product, set.dots = linear_dots, set.order = nullptr;
        return set;
    }();
    return &table;
}

}  // namespace amx
}  // namespace native
#endif
