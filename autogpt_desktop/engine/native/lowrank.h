// What an adapter adds to a matrix that stays as it is: y += s · B (A x), Hu et al., 2021.
//
// Both factors are float16, each divided by its largest number, which goes into `scale`: half the bytes of floats,
// and to 2^-11 as exact as they. The ranks are padded with zeros to whole vectors of 8:
//
//   a  [ranks / 8][cols][8]   a column's 8 ranks side by side: A x needs no sums across a vector
//   b  [rows / 8][ranks][8]   a rank's 8 rows side by side, in the groups of the packed matrix
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "pack.h"

namespace native {

struct LowRank {
    int ranks = 0, rows = 0, cols = 0;  // ranks: a multiple of 8; 0: nothing is added
    float scale = 0;
    std::vector<uint16_t> a, b;

    // a [rank, cols], b [rows, rank]; cols a multiple of 4
    void set(int rank, int new_rows, int new_cols, const float* new_a, const float* new_b, float factor) {
        ranks = (rank + 7) / 8 * 8, rows = new_rows, cols = new_cols;
        size_t n = static_cast<size_t>(rank), columns = static_cast<size_t>(cols), count = static_cast<size_t>(rows);
        float most_a = largest(new_a, n * columns), most_b = largest(new_b, n * count);
        scale = factor * most_a * most_b;
        a.assign(static_cast<size_t>(ranks) * columns, 0);
        b.assign(static_cast<size_t>(ranks) * ((count + 7) / 8 * 8), 0);
        for (size_t r = 0; r < n; r++)
            for (size_t c = 0; c < columns; c++) a[(r / 8 * columns + c) * 8 + r % 8] = to_half(new_a[r * columns + c] / most_a);
        for (size_t row = 0; row < count; row++)
            for (size_t r = 0; r < n; r++)
                b[(row / 8 * static_cast<size_t>(ranks) + r) * 8 + row % 8] = to_half(new_b[row * n + r] / most_b);
    }

    size_t nbytes() const { return 2 * (a.size() + b.size()); }

private:
    static float largest(const float* values, size_t count) {
        float most = 0;
        for (size_t i = 0; i < count; i++) most = std::max(most, std::fabs(values[i]));
        return most > 0 ? most : 1.0f;
    }
};

namespace portable {

// low [ranks] = s · A x, over four sums of every fourth column
inline void project(const LowRank& m, const float* x, float* low) {
    const uint16_t* a = m.a.data();
    for (int g = 0; g < m.ranks; g += 8, low += 8) {
        float sums[4][8] = {};
        for (int c = 0; c < m.cols; c++, a += 8)
            for (int i = 0; i < 8; i++) sums[c % 4][i] += from_half(a[i]) * x[c];
        for (int i = 0; i < 8; i++) low[i] = ((sums[0][i] + sums[1][i]) + (sums[2][i] + sums[3][i])) * m.scale;
    }
}

// y [tokens, stride] += B low, rows of the groups from … to - 1; even ranks and odd ones are summed apart
inline void expand(const LowRank& m, int from, int to, const float* low, size_t low_stride, int tokens, float* y,
                   size_t stride) {
    for (int g = from; g < to; g++) {
        const uint16_t* b = m.b.data() + static_cast<size_t>(g) * static_cast<size_t>(m.ranks) * 8;
        int used = std::min(8, m.rows - 8 * g);
        for (int t = 0; t < tokens; t++) {
            const float* l = low + static_cast<size_t>(t) * low_stride;
            float* out = y + static_cast<size_t>(t) * stride + 8 * g;
            for (int i = 0; i < used; i++) {
                float even = 0, odd = 0;
                for (int r = 0; r < m.ranks; r += 2) {
                    even += from_half(b[8 * r + i]) * l[r];
                    odd += from_half(b[8 * r + 8 + i]) * l[r + 1];
                }
                out[i] += even + odd;
            }
        }
    }
}

}  // namespace portable
}  // namespace native
