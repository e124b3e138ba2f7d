// The matrix products for x86 with AVX-512 and VNNI (Ice Lake, Zen 4 and later): one instruction multiplies
// 64 pairs of 8-bit integers and sums them by four. All else is as with AVX2, and so are the bits.
#pragma once

#include "kernels_avx2.h"

#ifdef NATIVE_HAS_AVX2

#define NATIVE_VNNI_TARGET "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c"
#define NATIVE_VNNI __attribute__((target(NATIVE_VNNI_TARGET)))
#define NATIVE_VNNI_INLINE __attribute__((target(NATIVE_VNNI_TARGET), always_inline)) inline

namespace native {
namespace vnni {

constexpr int kLanes = 16;

// The side of the weights is unsigned. Those without minima are shifted to the left so that what is to be
// taken off is 128 for all, and -128 times the sum of activations is what a sum begins with. The scales
// are as much smaller: powers of two change no bit of a result.
constexpr int kShift[] = {4, 0, 3, 0, 2, 0};
constexpr bool kShifted[] = {true, false, true, false, true, true};

// The operations of a tile, on 8 rows (the packed blocks) or 16 (panels).
struct Eight {
    using Ints = __m256i;
    using Floats = __m256;
    NATIVE_VNNI_INLINE static Floats zero() { return _mm256_setzero_ps(); }
    NATIVE_VNNI_INLINE static Floats one(float x) { return _mm256_set1_ps(x); }
    NATIVE_VNNI_INLINE static Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
    NATIVE_VNNI_INLINE static Floats add(Floats a, Floats b, Floats to) { return _mm256_fmadd_ps(a, b, to); }
    NATIVE_VNNI_INLINE static Floats floats(Ints x) { return _mm256_cvtepi32_ps(x); }
    NATIVE_VNNI_INLINE static Ints begin(int32_t x) { return _mm256_set1_epi32(x); }
    NATIVE_VNNI_INLINE static Ints none() { return _mm256_setzero_si256(); }
    NATIVE_VNNI_INLINE static Ints dot(Ints sum, Ints w, int32_t x) { return _mm256_dpbusd_epi32(sum, w, _mm256_set1_epi32(x)); }
};

struct Sixteen {
    using Ints = __m512i;
    using Floats = __m512;
    NATIVE_VNNI_INLINE static Floats zero() { return _mm512_setzero_ps(); }
    NATIVE_VNNI_INLINE static Floats one(float x) { return _mm512_set1_ps(x); }
    NATIVE_VNNI_INLINE static Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
    NATIVE_VNNI_INLINE static Floats add(Floats a, Floats b, Floats to) { return _mm512_fmadd_ps(a, b, to); }
    NATIVE_VNNI_INLINE static Floats floats(Ints x) { return _mm512_maskz_cvtepi32_ps(0xffff, x); }
    NATIVE_VNNI_INLINE static Ints begin(int32_t x) { return _mm512_set1_epi32(x); }
    NATIVE_VNNI_INLINE static Ints none() { return _mm512_setzero_si512(); }
    NATIVE_VNNI_INLINE static Ints dot(Ints sum, Ints w, int32_t x) { return _mm512_dpbusd_epi32(sum, w, _mm512_set1_epi32(x)); }
};

// One block of 32 columns of T tokens: the weights stay in 8 registers, the activations are broadcast.
// apart: blocks between two tokens. at: of the first token's block.
template <class V, Kind K, int T>
NATIVE_VNNI_INLINE void block(const typename V::Ints* w, const typename V::Floats* scale, typename V::Floats low,
                              const Acts& acts, size_t at, size_t apart, typename V::Floats* total) {
    const int8_t* x = acts.q.data() + 32 * at;
    const float *x_scale = acts.scale.data() + 2 * at, *x_sum = acts.sum.data() + at;
    const int32_t* whole = acts.whole.data() + 2 * at;
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) {
        typename V::Floats part = V::zero();
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            typename V::Ints sum = V::none();
            if (kShifted[K]) sum = V::begin(whole[2 * t * apart + half]);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                int32_t four;
                std::memcpy(&four, x + 32 * t * apart + 16 * half + 4 * i, 4);
                sum = V::dot(sum, w[4 * half + i], four);
            }
            typename V::Floats value = V::floats(sum), factor = V::one(x_scale[2 * t * apart + half]);
            if (K == Q6)
                total[t] = V::add(V::multiply(value, factor), scale[half], total[t]);
            else
                part = half ? V::add(value, factor, part) : V::multiply(value, factor);
        }
        if (K != Q6) total[t] = V::add(part, scale[0], total[t]);
        if (kHasMinima[K]) total[t] = V::add(low, V::one(x_sum[t * apart]), total[t]);
    }
}

// Of `Eight` or `Sixteen`: 8 rows' packed bytes, or those of two groups side by side.
struct OneGroup {
    const uint8_t* block;
    NATIVE_VNNI_INLINE __m256i bytes(int at) const { return avx2::load(block + at); }
    NATIVE_VNNI_INLINE __m256 halves(int at) const { return avx2::half8(block + at); }
    NATIVE_VNNI_INLINE static __m256i both(__m256i x, uint8_t bits) { return _mm256_and_si256(x, _mm256_set1_epi8(static_cast<char>(bits))); }
    NATIVE_VNNI_INLINE static __m256i either(__m256i a, __m256i b) { return _mm256_or_si256(a, b); }
    NATIVE_VNNI_INLINE static __m256i flip(__m256i x) { return _mm256_xor_si256(x, _mm256_set1_epi8(-128)); }
    template <int BITS>
    NATIVE_VNNI_INLINE static __m256i left(__m256i x) { return BITS < 0 ? _mm256_srli_epi16(x, BITS < 0 ? -BITS : 0) : _mm256_slli_epi16(x, BITS < 0 ? 0 : BITS); }
    NATIVE_VNNI_INLINE static __m256 times(__m256 x, float y) { return _mm256_mul_ps(x, _mm256_set1_ps(y)); }
};

struct TwoGroups {
    const uint8_t *block, *second;
    NATIVE_VNNI_INLINE __m512i bytes(int at) const {
        return _mm512_maskz_inserti64x4(0xff, _mm512_castsi256_si512(avx2::load(block + at)), avx2::load(second + at), 1);
    }
    NATIVE_VNNI_INLINE __m512 halves(int at) const {
        return _mm512_maskz_insertf32x8(0xffff, _mm512_castps256_ps512(avx2::half8(block + at)), avx2::half8(second + at), 1);
    }
    NATIVE_VNNI_INLINE static __m512i both(__m512i x, uint8_t bits) { return _mm512_and_si512(x, _mm512_set1_epi8(static_cast<char>(bits))); }
    NATIVE_VNNI_INLINE static __m512i either(__m512i a, __m512i b) { return _mm512_or_si512(a, b); }
    NATIVE_VNNI_INLINE static __m512i flip(__m512i x) { return _mm512_xor_si512(x, _mm512_set1_epi8(-128)); }
    template <int BITS>
    NATIVE_VNNI_INLINE static __m512i left(__m512i x) { return BITS < 0 ? _mm512_srli_epi16(x, BITS < 0 ? -BITS : 0) : _mm512_slli_epi16(x, BITS < 0 ? 0 : BITS); }
    NATIVE_VNNI_INLINE static __m512 times(__m512 x, float y) { return _mm512_mul_ps(x, _mm512_set1_ps(y)); }
};

// Step S of packed blocks, its integers shifted by kShift.
template <Kind K, int S, class G>
NATIVE_VNNI_INLINE auto unsigned_step(const G& g) {
    if constexpr (K == Q8) {
        return G::flip(g.bytes(32 * S));
    } else {
        constexpr int shift = kShift[K];
        auto w = G::both(G::template left<shift - (S < 4 ? 0 : 4)>(g.bytes(32 * (S % 4))), static_cast<uint8_t>(15 << shift));
        if constexpr (K == Q5 || K == Q5M)  // bit S of a byte is the fifth
            w = G::either(w, G::both(G::template left<4 + shift - S>(g.bytes(128)), static_cast<uint8_t>(16 << shift)));
        if constexpr (K == Q6)
            w = G::either(w, G::both(G::template left<4 + shift - 2 * (S % 4)>(g.bytes(128 + 32 * (S / 4))),
                                     static_cast<uint8_t>(48 << shift)));
        return w;
    }
}

template <Kind K, class G, class Ints>
NATIVE_VNNI_INLINE void unsigned_steps(const G& g, Ints* w) {
    w[0] = unsigned_step<K, 0>(g), w[1] = unsigned_step<K, 1>(g), w[2] = unsigned_step<K, 2>(g), w[3] = unsigned_step<K, 3>(g);
    w[4] = unsigned_step<K, 4>(g), w[5] = unsigned_step<K, 5>(g), w[6] = unsigned_step<K, 6>(g), w[7] = unsigned_step<K, 7>(g);
}

// Scale `part` of a block (Q6 has two) for integers that are shifted.
template <Kind K, class G>
NATIVE_VNNI_INLINE auto scale_of(const G& g, int part) {
    auto scale = g.halves(kQuants[K] + 16 * part);
    return kShift[K] ? G::times(scale, 1.0f / (1 << kShift[K])) : scale;
}

template <Kind K, int T>
NATIVE_VNNI void packed_tile(const uint8_t* q, const Acts& acts, int token, __m256* total) {
    const int per_row = acts.cols / kCols;
    __m256 sums[T];
    for (int t = 0; t < T; t++) sums[t] = _mm256_setzero_ps();
    for (int b = 0; b < per_row; b++, q += kBlock[K]) {
        const OneGroup group{q};
        __m256i w[8];
        unsigned_steps<K>(group, w);
        __m256 scale[2] = {scale_of<K>(group, 0), K == Q6 ? scale_of<K>(group, 1) : _mm256_setzero_ps()};
        __m256 low = kHasMinima[K] ? group.halves(kQuants[K] + 16) : _mm256_setzero_ps();
        block<Eight, K, T>(w, scale, low, acts, acts.at(token, b), static_cast<size_t>(per_row), sums);
    }
    for (int t = 0; t < T; t++) total[t] = sums[t];
}

// As panel_tile, straight from the packed blocks of two groups: for so few tokens that weights are used once
// or twice, and come from memory while the products go on.
template <Kind K, int T>
NATIVE_VNNI void pair_tile(const uint8_t* first, const uint8_t* second, const Acts& acts, int token, int count,
                           __mmask16 rows, float* y, size_t stride) {
    const int per_row = acts.cols / kCols;
    size_t at = acts.at(token, 0);
    __m512 total[T];
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) total[t] = _mm512_setzero_ps();
    for (int b = 0; b < per_row; b++, at += kLanes, first += kBlock[K], second += kBlock[K]) {
        const TwoGroups groups{first, second};
        __m512i w[8];
        unsigned_steps<K>(groups, w);
        __m512 scale[2] = {scale_of<K>(groups, 0), K == Q6 ? scale_of<K>(groups, 1) : _mm512_setzero_ps()};
        __m512 low = kHasMinima[K] ? groups.halves(kQuants[K] + 16) : _mm512_setzero_ps();
        block<Sixteen, K, T>(w, scale, low, acts, at, 1, total);
    }
#pragma GCC unroll 16
    for (int t = 0; t < T; t++)
        if (t < count) _mm512_mask_storeu_ps(y + static_cast<size_t>(t) * stride, rows, total[t]);
}

template <Kind K, int T>
NATIVE_VNNI void panel_tile(const Panel& panel, const Acts& acts, int token, int count, __mmask16 rows, float* y,
                            size_t stride) {
    const int per_row = acts.cols / kCols;
    const uint8_t* q = panel.q.data();
    const float *scales = panel.scale.data(), *lows = panel.minimum.data();
    size_t at = acts.at(token, 0);
    __m512 total[T];
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) total[t] = _mm512_setzero_ps();
    for (int b = 0; b < per_row; b++, at += kLanes) {
        __m512i w[8];
#pragma GCC unroll 8
        for (int s = 0; s < 8; s++) w[s] = _mm512_load_si512(q + 64 * s);
        __m512 scale[2] = {_mm512_load_ps(scales), K == Q6 ? _mm512_load_ps(scales + 16) : _mm512_setzero_ps()};
        __m512 low = kHasMinima[K] ? _mm512_load_ps(lows) : _mm512_setzero_ps();
        block<Sixteen, K, T>(w, scale, low, acts, at, 1, total);
        q += 512, scales += K == Q6 ? 32 : 16, lows += 16;
    }
#pragma GCC unroll 16
    for (int t = 0; t < T; t++)
        if (t < count) _mm512_mask_storeu_ps(y + static_cast<size_t>(t) * stride, rows, total[t]);
}

template <Kind K>
NATIVE_VNNI void rows_packed(const Matrix& m, int group, const Acts& acts, int token, int count, float* y,
                             size_t stride) {
    int used = m.rows - group * kRows < kRows ? m.rows - group * kRows : kRows;
    const __mmask8 mask = static_cast<__mmask8>((1 << used) - 1);
    for (int done = 0; done < count;) {
        int step = count - done < 4 ? count - done : 4;
        __m256 total[4];
        switch (step) {
            case 1: packed_tile<K, 1>(m.group(group), acts, token + done, total); break;
            case 2: packed_tile<K, 2>(m.group(group), acts, token + done, total); break;
            case 3: packed_tile<K, 3>(m.group(group), acts, token + done, total); break;
            default: packed_tile<K, 4>(m.group(group), acts, token + done, total);
        }
        for (int t = 0; t < step; t++, done++)
            _mm256_mask_storeu_ps(y + static_cast<size_t>(token + done) * stride + group * kRows, mask, total[t]);
    }
}

// The last tokens' tile may be wider than they are many: the lanes behind them hold something.
template <Kind K>
NATIVE_VNNI void rows_panel(const Matrix& m, int group, const Panel* panel, const Acts& acts, int token, int count,
                            float* y, size_t stride) {
    int used = m.rows - group * kRows < 2 * kRows ? m.rows - group * kRows : 2 * kRows;
    const __mmask16 mask = static_cast<__mmask16>((1u << used) - 1);
    const uint8_t *one = m.group(group), *two = group + 1 < m.groups() ? m.group(group + 1) : one;
    for (int done = 0; done < count; done += kLanes) {
        int first = token + done, left = count - done;
        float* target = y + static_cast<size_t>(first) * stride + group * kRows;
        switch ((left > 12 ? 4 : (left + 3) / 4) + (panel ? 4 : 0)) {
            case 1: pair_tile<K, 4>(one, two, acts, first, left, mask, target, stride); break;
            case 2: pair_tile<K, 8>(one, two, acts, first, left, mask, target, stride); break;
            case 3: pair_tile<K, 12>(one, two, acts, first, left, mask, target, stride); break;
            case 4: pair_tile<K, 16>(one, two, acts, first, left, mask, target, stride); break;
            case 5: panel_tile<K, 4>(*panel, acts, first, left, mask, target, stride); break;
            case 6: panel_tile<K, 8>(*panel, acts, first, left, mask, target, stride); break;
            case 7: panel_tile<K, 12>(*panel, acts, first, left, mask, target, stride); break;
            default: panel_tile<K, 16>(*panel, acts, first, left, mask, target, stride);
        }
    }
}

template <Kind K>
NATIVE_VNNI void rows_kind(const Matrix& m, int group, const Panel* panel, const Acts& acts, int token, int count,
                           float* y, size_t stride) {
    if (acts.panels)
        rows_panel<K>(m, group, panel, acts, token, count, y, stride);
    else
        rows_packed<K>(m, group, acts, token, count, y, stride);
}

inline void rows(const Matrix& m, int group, const Panel* panel, const Acts& acts, int token, int count, float* y,
                 size_t stride) {
    using Function = void (*)(const Matrix&, int, const Panel*, const Acts&, int, int, float*, size_t);
    static const Function functions[] = {rows_kind<Q4>,  rows_kind<Q4M>, rows_kind<Q5>,
                                         rows_kind<Q5M>, rows_kind<Q6>,  rows_kind<Q8>};
    functions[m.kind](m, group, panel, acts, token, count, y, stride);
}

// Two groups side by side; where there is no second one, the first twice.
template <Kind K>
NATIVE_VNNI void unpack_kind(const Matrix& m, int group, Panel* panel) {
    constexpr int parts = K == Q6 ? 2 : 1;
    const uint8_t *one = m.group(group), *two = group + 1 < m.groups() ? m.group(group + 1) : one;
    uint8_t* q = panel->q.data();
    float *scale = panel->scale.data(), *low = panel->minimum.data();
    for (int b = 0; b < m.blocks_per_row(); b++, q += 512, scale += 16 * parts, low += 16) {
        const TwoGroups groups{one, two};
        __m512i w[8];
        unsigned_steps<K>(groups, w);
#pragma GCC unroll 8
        for (int s = 0; s < 8; s++) _mm512_store_si512(q + 64 * s, w[s]);
        for (int part = 0; part < parts; part++) _mm512_store_ps(scale + 16 * part, scale_of<K>(groups, part));
        if (kHasMinima[K]) _mm512_store_ps(low, groups.halves(kQuants[K] + 16));
        one += kBlock[K], two += kBlock[K];
    }
}

inline void unpack(const Matrix& m, int group, Panel* panel) {
    using Function = void (*)(const Matrix&, int, Panel*);
    static const Function functions[] = {unpack_kind<Q4>,  unpack_kind<Q4M>, unpack_kind<Q5>,
                                         unpack_kind<Q5M>, unpack_kind<Q6>,  unpack_kind<Q8>};
    functions[m.kind](m, group, panel);
}

inline bool is_supported() {
    return avx2::is_supported() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
}

inline const Kernels* kernels() {
    if (!is_supported()) return nullptr;
    static const Kernels table = [] {
        Kernels set = *avx2::kernels();
        set.name = "avx512-vnni";
        set.panel_tokens = 5, set.direct_tokens = 2 * kLanes, set.panel_groups = 2, set.lanes = kLanes;
        set.quantize = avx2::quantize_as<false>, set.unpack = unpack, set.rows = rows;
        return set;
    }();
    return &table;
}

}  // namespace vnni
}  // namespace native
#endif
