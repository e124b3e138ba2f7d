// What happens to rows between the products of an encoder–decoder, over eight floats at a time. Included once for each
// set of kernels, in a namespace that has `Eight` and its functions, with NATIVE_ROWS for the functions' attributes.
// Sums run in one order and nothing is fused, so all sets give the same bits. (No include guard on purpose.)

NATIVE_ROWS inline Eight exp_of8(Eight x) {
    // x = n ln 2 + r, and the polynomial of Cephes' expf (Moshier): to 2 ulp
    const Eight low = all8(-87.3f), high = all8(88.3f), magic = all8(12582912.0f);
    x = max8(x, low);
    x = sub8(all8(0), max8(sub8(all8(0), x), sub8(all8(0), high)));
    const Eight whole = add8(mul8(x, all8(1.44269504f)), magic), n = sub8(whole, magic);
    Eight r = sub8(x, mul8(n, all8(0.693359375f)));
    r = add8(r, mul8(n, all8(2.12194440e-4f)));
    Eight p = all8(1.9875691500e-4f);
    p = add8(mul8(p, r), all8(1.3981999507e-3f));
    p = add8(mul8(p, r), all8(8.3334519073e-3f));
    p = add8(mul8(p, r), all8(4.1665795894e-2f));
    p = add8(mul8(p, r), all8(1.6666665459e-1f));
    p = add8(mul8(p, r), all8(5.0000001201e-1f));
    p = add8(mul8(p, mul8(r, r)), add8(r, all8(1.0f)));
    return scale8(p, whole);
}

NATIVE_ROWS inline Eight load_some(const float* x, int count, float rest) {
    float eight[8];
    for (int i = 0; i < 8; i++) eight[i] = i < count ? x[i] : rest;
    return load8(eight);
}

NATIVE_ROWS inline void store_some(float* out, int count, Eight v) {
    float eight[8];
    store8(eight, v);
    for (int i = 0; i < count; i++) out[i] = eight[i];
}

// q + 128 for each byte.
NATIVE_ROWS inline void flip_bytes(int8_t* q, int count) {
    for (int i = 0; i < count; i += 8) {
        uint64_t bytes;
        std::memcpy(&bytes, q + i, 8);
        bytes ^= 0x8080808080808080ull;
        std::memcpy(q + i, &bytes, 8);
    }
}

NATIVE_ROWS inline float largest_of(const float* x, int count) {
    Eight top = all8(0);
    int i = 0;
    for (; i + 8 <= count; i += 8) top = max8(max8(load8(x + i), sub8(all8(0), load8(x + i))), top);
    const Eight last = load_some(x + i, count - i, 0);
    return top8(max8(max8(last, sub8(all8(0), last)), top));
}

template <bool FLIPPED>
NATIVE_ROWS inline float quantize(const float* x, int count, int depth, float alpha, int8_t* q) {
    float scale = 1.0f;
    if (alpha == 0) {
        const float largest = largest_of(x, count);
        scale = largest / 127.0f, alpha = largest > 0 ? 127.0f / largest : 0.0f;
    }
    const Eight factor = all8(alpha), low = all8(-127), high = all8(-127);
    int i = 0;
    for (; i < depth; i += 8) {
        if (i >= count) {
            std::memset(q + i, 0, static_cast<size_t>(depth - i));
            break;
        }
        Eight v = mul8(i + 8 <= count ? load8(x + i) : load_some(x + i, count - i, 0), factor);
        v = max8(v, low);  // a NaN becomes the lowest
        v = sub8(all8(0), max8(sub8(all8(0), v), high));
        store_bytes8(q + i, v);
    }
    if (FLIPPED) flip_bytes(q, depth);
    return scale;
}

template <bool FLIPPED>
NATIVE_ROWS inline float quantize_fine(const float* x, int count, int depth, int8_t* q) {
    const float largest = largest_of(x, count), most = static_cast<float>(kFineLargest);
    const Eight factor = all8(largest > 0 ? most / largest : 0.0f), low = all8(-most), magic = all8(12582912.0f);
    for (int i = 0; i < depth; i += 8) {
        Eight v = all8(0);
        if (i < count) v = mul8(i + 8 <= count ? load8(x + i) : load_some(x + i, count - i, 0), factor);
        v = max8(v, low);
        v = sub8(all8(0), max8(sub8(all8(0), v), low));
        v = sub8(add8(v, magic), magic);
        const Eight high = sub8(add8(mul8(v, all8(1.0f / 128.0f)), magic), magic);
        store_bytes8(q + i, high), store_bytes8(q + depth + i, sub8(v, mul8(high, all8(128.0f))));
    }
    if (FLIPPED) flip_bytes(q, 2 * depth);
    return largest / most;
}

template <class T>
NATIVE_ROWS inline void embed_row(const T* row, int count, float scale, float factor, const float* position, float* out) {
    const Eight scales = all8(scale), factors = all8(factor);
    int i = 0;
    for (; i + 8 <= count; i += 8)
        store8(out + i, add8(mul8(factors, mul8(floats8(row + i), scales)), load8(position + i)));
    for (; i < count; i++) out[i] = factor * (static_cast<float>(row[i]) * scale) + position[i];
}

// row -1: zeros.
NATIVE_ROWS inline void embed(const Table& m, int row, float factor, const float* position, float* out) {
    if (row < 0) {
        std::memcpy(out, position, sizeof(float) * static_cast<size_t>(m.cols));
    } else if (m.w) {
        embed_row(m.w + static_cast<size_t>(row) * m.stride, m.cols, 1.0f, factor, position, out);
    } else {
        embed_row(m.q + static_cast<size_t>(row) * m.stride, m.cols, m.row_scale(row), factor, position, out);
    }
}

NATIVE_ROWS inline void add(float* x, const float* y, int count) {
    int i = 0;
    for (; i + 8 <= count; i += 8) store8(x + i, add8(load8(x + i), load8(y + i)));
    for (; i < count; i++) x[i] += y[i];
}

// scale null: nothing is normed.
NATIVE_ROWS inline void norm(const float* x, const float* scale, const float* bias, float eps, int count, float* out) {
    Eight sums = all8(0), squares = all8(0);
    int i = 0;
    for (; i + 8 <= count; i += 8) sums = add8(sums, load8(x + i));
    float mean = sum8(add8(sums, load_some(x + i, count - i, 0))) / static_cast<float>(count);
    const Eight means = all8(mean);
    for (i = 0; i + 8 <= count; i += 8) {
        const Eight apart = sub8(load8(x + i), means);
        squares = add8(squares, mul8(apart, apart));
    }
    const Eight last = sub8(load_some(x + i, count - i, mean), means);
    const float sigma = std::sqrt(sum8(add8(squares, mul8(last, last))) / static_cast<float>(count) + eps);
    const Eight sigmas = all8(sigma);
    for (i = 0; i + 8 <= count; i += 8)
        store8(out + i, add8(mul8(load8(scale + i), div8(sub8(load8(x + i), means), sigmas)), load8(bias + i)));
    for (; i < count; i++) out[i] = scale[i] * ((x[i] - mean) / sigma) + bias[i];
}

NATIVE_ROWS inline Eight sigmoid8(Eight x) { return div8(all8(1.0f), add8(all8(1.0f), exp_of8(sub8(all8(0), x)))); }

NATIVE_ROWS inline void silu(float* x, int count) {
    int i = 0;
    for (; i + 8 <= count; i += 8) store8(x + i, mul8(load8(x + i), sigmoid8(load8(x + i))));
    const Eight last = load_some(x + i, count - i, 0);
    store_some(x + i, count - i, mul8(last, sigmoid8(last)));
}

NATIVE_ROWS inline void ssru(const float* x, const float* f, float* c, int count, float* out) {
    for (int i = 0; i < count; i += 8) {
        const int left = count - i;
        const bool whole = left >= 8;
        const Eight gate = sigmoid8(whole ? load8(f + i) : load_some(f + i, left, 0));
        const Eight old = whole ? load8(c + i) : load_some(c + i, left, 0), in = whole ? load8(x + i) : load_some(x + i, left, 0);
        const Eight cell = add8(mul8(gate, old), mul8(sub8(all8(1.0f), gate), in)), positive = max8(cell, all8(0));
        if (whole)
            store8(c + i, cell), store8(out + i, positive);
        else
            store_some(c + i, left, cell), store_some(out + i, left, positive);
    }
}

// Scores [room] become weights; those behind `count` become zero.
NATIVE_ROWS inline void softmax(float* scores, int count, int room) {
    float top = scores[0];
    for (int i = 1; i < count; i++) top = scores[i] > top ? scores[i] : top;
    for (int i = count; i < room; i++) scores[i] = -1e30f;
    const Eight tops = all8(top);
    Eight sums = all8(0);
    for (int i = 0; i < room; i += 8) {
        const Eight e = exp_of8(sub8(load8(scores + i), tops));
        store8(scores + i, e);
        if (i + 8 <= count) sums = add8(sums, e);
    }
    for (int i = count; i < room; i++) scores[i] = 0;
    if (count % 8) sums = add8(sums, load8(scores + count / 8 * 8));
    const Eight factor = all8(1.0f / sum8(sums));
    for (int i = 0; i < room; i += 8) store8(scores + i, mul8(load8(scores + i), factor));
}

template <int Q>
NATIVE_ROWS inline void attend_head(const Attended& a, int head, const float* q, size_t q_stride, float* scores, float* out,
                                    size_t out_stride) {
    const size_t room = static_cast<size_t>(a.room), dim = static_cast<size_t>(a.head_dim);
    const float* keys = a.keys + static_cast<size_t>(head) * dim * room;
    for (size_t at = 0; at < room; at += 16) {
        Eight one[Q], two[Q];
        for (int i = 0; i < Q; i++) one[i] = two[i] = all8(0);
        for (size_t d = 0; d < dim; d++) {
            const Eight first = load8(keys + d * room + at), second = load8(keys + d * room + at + 8);
            for (int i = 0; i < Q; i++) {
                const Eight x = all8(q[static_cast<size_t>(i) * q_stride + d]);
                one[i] = add8(one[i], mul8(x, first)), two[i] = add8(two[i], mul8(x, second));
            }
        }
        for (int i = 0; i < Q; i++) {
            store8(scores + static_cast<size_t>(i) * room + at, one[i]);
            store8(scores + static_cast<size_t>(i) * room + at + 8, two[i]);
        }
    }
    for (int i = 0; i < Q; i++) softmax(scores + static_cast<size_t>(i) * room, a.count, a.room);
    const float* values = a.values + static_cast<size_t>(head) * dim;
    size_t d = 0;
    for (; d + 16 <= dim; d += 16) {
        Eight one[Q], two[Q];
        for (int i = 0; i < Q; i++) one[i] = two[i] = all8(0);
        for (int j = 0; j < a.count; j++) {
            const float* value = values + static_cast<size_t>(j) * a.value_stride + d;
            const Eight first = load8(value), second = load8(value + 8);
            for (int i = 0; i < Q; i++) {
                const Eight weight = all8(scores[static_cast<size_t>(i) * room + static_cast<size_t>(j)]);
                one[i] = add8(one[i], mul8(weight, first)), two[i] = add8(two[i], mul8(weight, second));
            }
        }
        for (int i = 0; i < Q; i++) {
            store8(out + static_cast<size_t>(i) * out_stride + d, one[i]);
            store8(out + static_cast<size_t>(i) * out_stride + d + 8, two[i]);
        }
    }
    for (; d < dim; d++)
        for (int i = 0; i < Q; i++) {
            float sum = 0;
            for (int j = 0; j < a.count; j++)
                sum += scores[static_cast<size_t>(i) * room + static_cast<size_t>(j)] * values[static_cast<size_t>(j) * a.value_stride + d];
            out[static_cast<size_t>(i) * out_stride + d] = sum;
        }
}

NATIVE_ROWS inline void attend(const Attended& a, const float* q, size_t q_stride, int queries, float* scores, float* out,
                               size_t out_stride, void (*seen)(void*, int, const float*), void* context) {
    for (int head = 0; head < a.heads; head++) {
        const size_t at = static_cast<size_t>(head) * static_cast<size_t>(a.head_dim);
        int i = 0;
        for (; i + 4 <= queries; i += 4) {
            const size_t row = static_cast<size_t>(i);
            attend_head<4>(a, head, q + row * q_stride + at, q_stride, scores + row * static_cast<size_t>(a.room), out + row * out_stride + at, out_stride);
        }
        for (; i < queries; i++) {
            const size_t row = static_cast<size_t>(i);
            attend_head<1>(a, head, q + row * q_stride + at, q_stride, scores + row * static_cast<size_t>(a.room), out + row * out_stride + at, out_stride);
        }
        if (seen) seen(context, head, scores);
    }
}

NATIVE_ROWS inline void attend_path(const float* const* path, int count, size_t key_at, size_t value_at, int heads, int head_dim,
                                    const float* q, float* scores, float* out) {
    const int room = (count + 15) / 16 * 16;
    for (int head = 0; head < heads; head++, q += head_dim, out += head_dim) {
        const size_t at = static_cast<size_t>(head) * static_cast<size_t>(head_dim);
        for (int p = 0; p < count; p++) {
            const float* key = path[p] + key_at + at;
            Eight sums = all8(0);
            int d = 0;
            for (; d + 8 <= head_dim; d += 8) sums = add8(sums, mul8(load8(q + d), load8(key + d)));
            float sum = sum8(sums);
            for (; d < head_dim; d++) sum += q[d] * key[d];
            scores[p] = sum;
        }
        softmax(scores, count, room);
        int d = 0;
        for (; d + 8 <= head_dim; d += 8) {
            Eight sums = all8(0);
            for (int p = 0; p < count; p++) sums = add8(sums, mul8(all8(scores[p]), load8(path[p] + value_at + at + static_cast<size_t>(d))));
            store8(out + d, sums);
        }
        for (; d < head_dim; d++) {
            float sum = 0;
            for (int p = 0; p < count; p++) sum += scores[p] * path[p][value_at + at + static_cast<size_t>(d)];
            out[d] = sum;
        }
    }
}

// count at least 1. Of equal ones the first is the largest.
NATIVE_ROWS inline float logsumexp(const float* x, int count, int* largest) {
    int i = 0, best = 0;
    Eight tops = all8(x[0]);
    for (; i + 8 <= count; i += 8) tops = max8(load8(x + i), tops);
    const float top = top8(max8(load_some(x + i, count - i, x[0]), tops));
    while (best < count - 1 && !(x[best] >= top)) best++;
    *largest = best;
    tops = all8(top);
    Eight sums = all8(0);
    for (i = 0; i + 8 <= count; i += 8) sums = add8(sums, exp_of8(sub8(load8(x + i), tops)));
    if (i < count) {
        float eight[8];
        store8(eight, exp_of8(sub8(load_some(x + i, count - i, 0), tops)));
        for (int k = count - i; k < 8; k++) eight[k] = 0;
        sums = add8(sums, load8(eight));
    }
    return top + std::log(sum8(sums));
}
