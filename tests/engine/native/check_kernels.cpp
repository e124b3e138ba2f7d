// Every kernel of every set that this processor has against float64, over random shapes from a seed, and a
// whole model with each. The arguments are the sets to check, all without.
//
// Buffers end where the data ends, so that the address sanitizer sees a read beyond. Results must also be
// the same to the bit for a token alone and in a batch, from packed blocks and from a panel.
#include <algorithm>

#include "check.h"
#include "choose.h"

namespace check {

void check_model(const native::Kernels& set);  // in check_model.cpp

namespace {

using native::Acts;
using native::Kernels;
using native::Matrix;
using native::Panel;

uint64_t products;  // a hash (FNV-1a) of all products, the same for all sets but the portable one

constexpr const char* kTypeNames[] = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4", "Q2_K", "Q3_K"};

// Tokens of x [tokens, cols] in the layout that goes with panels, or the other; what is left into rest or nowhere.
void quantize(const Kernels& set, const float* x, int tokens, int cols, bool panels, Acts* acts, float* rest) {
    Kernels forced = set;
    forced.panel_tokens = panels ? 1 : tokens + 1;
    acts->resize(forced, tokens, cols);
    for (int t = 0; t < tokens; t++) {
        size_t first = static_cast<size_t>(t) * static_cast<size_t>(cols);
        set.quantize(x + first, acts, t, rest ? rest + first : nullptr);
    }
}

void check_block(const Kernels& set, const float* x, const float* rest, const Acts& acts, size_t at) {
    double total = 0, size = 0;
    for (int half = 0; half < 2; half++, x += 16, rest += 16) {
        double largest = 0, sum = 0, scale = acts.scale.data()[2 * at + static_cast<size_t>(half)];
        for (int i = 0; i < 16; i++) {
            int q = acts.q.data()[32 * at + static_cast<size_t>(16 * half + i)];
            largest = std::max(largest, std::fabs(static_cast<double>(x[i])));
            sum += q;
            if (!near(q * scale, x[i], scale * 0.50001)) fail("%s quantize: %g became %d · %g", set.name, x[i], q, scale);
            if (!near(rest[i], x[i] - q * scale, largest * 1e-6))
                fail("%s quantize: %g is left of %g, not %g", set.name, rest[i], x[i], x[i] - q * scale);
        }
        if (!near(scale, largest / 127, largest * 1e-7)) fail("%s quantize: scale %g of %g", set.name, scale, largest);
        total += scale * sum, size += std::fabs(scale * sum);
    }
    if (!near(acts.sum.data()[at], total, size * 1e-6)) fail("%s quantize: sum %g is not %g", set.name, acts.sum.data()[at], total);
}

void check_quantize(const Kernels& set, Random& random) {
    for (int trial = 0; trial < 40; trial++) {
        int cols = 32 * random.between(1, 9), tokens = random.between(1, 5);
        Exact<float> x(random.normals(static_cast<size_t>(tokens * cols)));
        double size = std::pow(10.0, random.uniform(-30, 30));
        for (size_t i = 0; i < x.size(); i++) x[i] *= static_cast<float>(size);
        if (trial % 4 == 0) std::fill(x.data(), x.data() + 32, 0.0f);
        if (trial % 4 == 1) x[static_cast<size_t>(random.below(cols))] *= 1000;  // an outlier
        Exact<float> rest(x.size());
        for (bool panels : {true, false}) {
            Acts acts;
            quantize(set, x.data(), tokens, cols, panels, &acts, rest.data());
            for (int t = 0; t < tokens; t++)
                for (int block = 0; block < cols / 32; block++) {
                    size_t first = static_cast<size_t>(t * cols + 32 * block), at = acts.at(t, block);
                    check_block(set, x.data() + first, rest.data() + first, acts, at);
                }
        }
    }
}

enum From { kPanel, kPacked, kDirect };  // direct: activations as for panels, weights from packed blocks

struct Product {
    const Kernels& set;
    const File& file;
    Matrix& matrix;
    const float* x;  // [tokens, cols]
    int tokens;

    // y [count, stride] of `count` tokens by themselves, with NaN where nothing may be written
    std::vector<float> run(From from, int token, int count, size_t stride) const {
        Acts acts;
        bool panel = from == kPanel, lanes = from != kPacked;
        quantize(set, x + static_cast<size_t>(token) * static_cast<size_t>(file.cols), count, file.cols, lanes, &acts, nullptr);
        Exact<float> y(static_cast<size_t>(count) * stride);
        Panel unpacked;
        unpacked.resize(file.cols, 8 * set.panel_groups);
        for (int group = 0; group < matrix.groups(); group += lanes ? set.panel_groups : 1) {
            if (panel) set.unpack(matrix, group, &unpacked);
            set.rows(matrix, group, panel ? &unpacked : nullptr, acts, 0, count, y.data(), stride);
        }
        for (size_t i = 0; i < y.size(); i++) {
            bool ours = static_cast<int>(i % stride) < file.rows;
            if (ours == std::isnan(y[i]))
                fail("%s rows %s: row %zu of %d, token %zu: %s", set.name, kTypeNames[file.type], i % stride, file.rows,
                     i / stride, ours ? "not written" : "written");
        }
        return {y.data(), y.data() + y.size()};
    }

    void check() const {
        size_t stride = static_cast<size_t>(file.rows) + 3;
        std::vector<float> y = run(kPanel, 0, tokens, stride);
        for (float value : y) {
            uint32_t bits;
            std::memcpy(&bits, &value, 4);
            products = (products ^ bits) * 0x100000001b3;
        }
        Acts acts;
        quantize(set, x, tokens, file.cols, false, &acts, nullptr);
        for (int t = 0; t < tokens; t++)
            for (int row = 0; row < file.rows; row++) {
                double wanted = 0, size = 0;
                for (int col = 0; col < file.cols; col++) {
                    size_t at = static_cast<size_t>(t) * static_cast<size_t>(file.cols) + static_cast<size_t>(col);
                    double x = static_cast<double>(acts.scale.data()[at / 16]) * acts.q.data()[at];
                    Weight w = file.at(row, col);
                    wanted += w.value() * x;
                    size += (std::fabs(w.scale) * (std::fabs(w.q) + 32) + std::fabs(w.low)) * std::fabs(x);
                }
                // float32 sums, and the sub-scales of the K formats rounded to float16
                double tolerance = size * (file.type == native::Q2_K ? 1e-2 : file.type >= native::Q4_K ? 6e-4 : 2e-6) + 1e-30;
                float got = y[static_cast<size_t>(t) * stride + static_cast<size_t>(row)];
                if (!near(got, wanted, tolerance))
                    fail("%s rows %s [%d, %d] × %d: %g is not %g ± %g", set.name, kTypeNames[file.type], file.rows,
                         file.cols, tokens, got, wanted, tolerance);
            }
        same(y, run(kPanel, tokens - 1, 1, stride), stride, tokens - 1, "alone");
        if (tokens > 2) same(y, run(kPanel, 1, tokens - 1, stride), stride, 1, "in another batch");
        if (set.panel_tokens > 1) same(y, run(kPacked, 0, tokens, stride), stride, 0, "from packed blocks");
        if (set.panel_tokens > 1) same(y, run(kPacked, tokens - 1, 1, stride), stride, tokens - 1, "alone, packed");
        if (tokens <= set.direct_tokens) same(y, run(kDirect, 0, tokens, stride), stride, 0, "without a panel");
    }

    void same(const std::vector<float>& all, const std::vector<float>& some, size_t stride, int token, const char* how) const {
        if (std::memcmp(&all[static_cast<size_t>(token) * stride], some.data(), some.size() * sizeof(float)))
            fail("%s rows %s: other bits %s", set.name, kTypeNames[file.type], how);
    }
};

void check_rows(const Kernels& set, Random& random) {
    constexpr int kRows[] = {1, 7, 8, 9, 16, 37}, kTokens[] = {1, 2, 3, 4, 5, 6, 7, 8, 11, 17, 33};
    for (int type = 0; type < native::kTypes; type++)
        for (int trial = 0; trial < 14; trial++) {
            bool extreme = trial >= 10;  // all bits of one sort, activations of one size: the largest sums
            constexpr int kFill[] = {0xff, 0x80, 0x00, 0x7f};
            int unit = std::max(32, native::kTypeValues[type]), rows = extreme ? 8 : kRows[random.below(6)];
            int cols = unit * random.between(1, unit == 32 ? 7 : 2), tokens = kTokens[trial % 11];
            File file = random_file(random, static_cast<native::Type>(type), rows, cols, 0.02, extreme ? kFill[trial - 10] : -1);
            std::vector<int64_t> order;
            File ordered = file;
            if (trial % 3 == 0) {  // rows in another order than the file's
                for (int row = 0; row < rows; row++) order.push_back(row);
                for (int row = rows - 1; row > 0; row--)
                    std::swap(order[static_cast<size_t>(row)], order[static_cast<size_t>(random.below(row + 1))]);
                for (size_t row = 0; row < order.size(); row++)
                    std::copy_n(&file.blocks[static_cast<size_t>(order[row]) * file.row_bytes()], file.row_bytes(),
                                &ordered.blocks[row * file.row_bytes()]);
            }
            Matrix matrix;
            matrix.shape(native::kKindOf[type], rows, cols);
            Exact<uint8_t> blocks(matrix.nbytes()), source(file.blocks);
            matrix.blocks = blocks.data();
            for (int group = 0; group < matrix.groups(); group++)
                pack_group(&matrix, group, file.type, source.data(), order.empty() ? nullptr : order.data());
            Exact<float> x(random.normals(static_cast<size_t>(tokens * cols)));
            for (size_t i = 0; i < x.size(); i++)
                if (extreme) x[i] = trial % 2 ? -1.0f : 1.0f;
            Product{set, ordered, matrix, x.data(), tokens}.check();
        }
}

void check_rms_norm(const Kernels& set, Random& random) {
    for (int count : {1, 4, 7, 8, 9, 24, 31, 64, 100, 576, 1027}) {
        size_t n = static_cast<size_t>(count);
        Exact<float> x(random.normals(n)), weight(random.normals(n)), out(n);
        double squares = 0, eps = random.below(2) ? 1e-6 : 0.5;
        for (size_t i = 0; i < n; i++) squares += static_cast<double>(x[i]) * x[i];
        double factor = 1 / std::sqrt(squares / count + eps);
        Exact<float> in_place(std::vector<float>(x.data(), x.data() + n));
        set.rms_norm(x.data(), weight.data(), static_cast<float>(eps), count, out.data());
        set.rms_norm(in_place.data(), weight.data(), static_cast<float>(eps), count, in_place.data());
        for (size_t i = 0; i < n; i++) {
            double wanted = x[i] * factor * weight[i];
            if (!near(out[i], wanted, std::fabs(wanted) * 2e-6)) fail("%s rms_norm of %d: %g is not %g", set.name, count, out[i], wanted);
            if (!near(in_place[i], out[i], 0)) fail("%s rms_norm of %d: in place %g is not %g", set.name, count, in_place[i], out[i]);
        }
    }
}

void check_gate(const Kernels& set, Random& random) {
    for (int count : {1, 3, 8, 13, 64, 203})
        for (bool gelu : {false, true}) {
            size_t n = static_cast<size_t>(count);
            Exact<float> gate(random.normals(n)), up(random.normals(n)), out(n);
            for (size_t i = 0; i < n; i += 2) gate[i] *= static_cast<float>(std::pow(10.0, random.uniform(-3, 2)));
            Exact<float> in_place(std::vector<float>(gate.data(), gate.data() + n));
            set.gate(gelu, gate.data(), up.data(), count, out.data());
            set.gate(gelu, in_place.data(), up.data(), count, in_place.data());
            for (size_t i = 0; i < n; i++) {
                double g = gate[i], inner = std::sqrt(2 / std::acos(-1)) * (g + 0.044715 * g * g * g);
                // 1 + tanh would cancel for large negative values; this is the same function
                double wanted = g / (1 + std::exp(gelu ? -2 * inner : -g)) * up[i];
                // e^z has the relative error of z's last place
                double tolerance = std::fabs(wanted) * (3e-6 + 4e-7 * std::fabs(gelu ? 2 * inner : g)) + 1e-30;
                if (!near(out[i], wanted, tolerance)) fail("%s gate of %d: %g became %g, not %g", set.name, count, g, out[i], wanted);
                if (!near(in_place[i], out[i], 0)) fail("%s gate of %d: in place %g is not %g", set.name, count, in_place[i], out[i]);
            }
        }
}

// One token through the memory of a head, into another memory and in place.
void check_delta(const Kernels& set, Random& random) {
    for (int keys : {1, 5, 64})
        for (int values : {8, 24, 32, 72}) {
            size_t n = static_cast<size_t>(keys), m = static_cast<size_t>(values);
            Exact<float> q(random.normals(n)), k(random.normals(n)), v(random.normals(m)), from(random.normals(n * m));
            Exact<float> to(n * m), out(m), again(m), in_place(std::vector<float>(from.data(), from.data() + n * m));
            float decay = static_cast<float>(random.uniform(0, 1)), beta = static_cast<float>(random.uniform(0, 1));
            native::DeltaToken token{q.data(), k.data(), v.data(), decay, beta, keys, values};
            set.delta(token, from.data(), to.data(), out.data());
            set.delta(token, in_place.data(), in_place.data(), again.data());
            for (size_t c = 0; c < m; c++) {
                double told = 0, size = 0, wanted = 0;
                for (size_t r = 0; r < n; r++) told += static_cast<double>(k[r]) * decay * from[r * m + c];
                for (size_t r = 0; r < n; r++) {
                    double s = static_cast<double>(decay) * from[r * m + c] + k[r] * beta * (v[c] - told);
                    wanted += q[r] * s, size += std::fabs(q[r]) * (std::fabs(s) + std::fabs(k[r]) * (1 + std::fabs(told)));
                    double scale = 1 + std::fabs(s) + std::fabs(k[r]) * static_cast<double>(n);
                    if (!near(to[r * m + c], s, 4e-6 * scale)) fail("%s delta of %d, %d: %g is not %g", set.name, keys, values, to[r * m + c], s);
                    if (!near(to[r * m + c], in_place[r * m + c], 0)) fail("%s delta of %d, %d: in place it differs", set.name, keys, values);
                }
                if (!near(out[c], wanted, 4e-6 * (1 + size * static_cast<double>(n)))) fail("%s delta of %d, %d: read %g, not %g", set.name, keys, values, out[c], wanted);
                if (!near(out[c], again[c], 0)) fail("%s delta of %d, %d: in place it reads another", set.name, keys, values);
            }
        }
}

void check_halves(const Kernels& set, Random& random) {
    std::vector<float> values{0.0f, -0.0f, 1.0f, 65504.0f, 65519.9f, 65520.0f, -1e30f, INFINITY, 5.9604645e-8f,
                              2.9802322e-8f, 2.9802326e-8f, 6.1035156e-5f, 6.1005e-5f, 1.00048828125f, 1.00146484375f};
    while (values.size() < 999) values.push_back(static_cast<float>(random.normal() * std::pow(10.0, random.uniform(-9, 5))));
    for (int count : {1, 5, 8, 16, 23, static_cast<int>(values.size())}) {
        Exact<float> x(std::vector<float>(values.begin(), values.begin() + count));
        Exact<uint16_t> out(x.size());
        set.halves(x.data(), count, out.data());
        for (size_t i = 0; i < x.size(); i++)
            if (out[i] != to_half(x[i])) fail("%s halves: %g became %04x, not %04x", set.name, x[i], out[i], to_half(x[i]));
    }
}

// One query in float64; `size` bounds what float32 may do to it.
std::vector<double> attended(const float* query, int dim, int first, int last, float softcap,
                             const std::vector<double>& keys, const std::vector<double>& values, double* size) {
    std::vector<double> p, out(static_cast<size_t>(dim));
    double largest = -INFINITY, total = 0, length = 0, widest = 0;
    for (int key = first; key <= last; key++) {
        double score = 0, sum = 0;
        for (int d = 0; d < dim; d++) {
            double product = query[d] * keys[static_cast<size_t>(key * dim + d)];
            score += product, sum += std::fabs(product);
        }
        if (softcap > 0) score = std::tanh(score / softcap) * softcap;
        p.push_back(score), largest = std::max(largest, score), length = std::max(length, sum);
    }
    for (double& score : p) total += score = std::exp(score - largest);
    for (int key = first; key <= last; key++)
        for (int d = 0; d < dim; d++) {
            double value = values[static_cast<size_t>(key * dim + d)];
            out[static_cast<size_t>(d)] += p[static_cast<size_t>(key - first)] / total * value;
            widest = std::max(widest, std::fabs(value));
        }
    *size = widest * (1 + length);
    return out;
}

// All spans of a tile, merged. [count, dim]
std::vector<float> attend_all(const Kernels& set, const native::Tile& tile, const native::Head& head) {
    size_t one = static_cast<size_t>(native::part_size(tile.dim)), dim = static_cast<size_t>(tile.dim);
    size_t count = static_cast<size_t>(tile.count), sum = static_cast<size_t>(native::part_largest(tile.dim)) + 1;
    Exact<float> scratch(static_cast<size_t>(native::attention_scratch(tile.dim))), part(count * one), total(count * one);
    int from = *std::min_element(tile.first, tile.first + tile.count), to = *std::max_element(tile.last, tile.last + tile.count);
    for (int span = from / native::kSpan; span <= to / native::kSpan; span++) {
        bool begin = span == from / native::kSpan;
        set.attend(tile, head, span, scratch.data(), begin ? total.data() : part.data());
        for (size_t i = 0; i < count && !begin; i++) native::merge_part(tile.dim, part.data() + i * one, total.data() + i * one);
    }
    std::vector<float> out;
    for (size_t i = 0; i < count; i++)
        for (size_t d = 0; d < dim; d++) out.push_back(total[i * one + d] / total[i * one + sum]);
    return out;
}

void check_attend(const Kernels& set, Random& random) {
    constexpr int kDims[] = {8, 12, 20, 24, 40, 64, 80, 96, 128, 256};
    constexpr int kGroup = native::kTileGroup, kBlock = native::kKeyBlock;
    for (int trial = 0; trial < 80; trial++) {
        int dim = kDims[trial % 10], capacity = 32 * random.between(1, trial % 4 ? 6 : 20);
        int count = random.between(1, trial % 3 ? 8 : native::kTile), groups = random.between(1, 4);
        bool bytes = trial / 10 % 2 == 1;
        size_t cells = static_cast<size_t>(capacity * dim), tokens = static_cast<size_t>(capacity);
        std::vector<double> keys(cells), values(cells);
        Exact<uint16_t> half_keys(cells), half_values(cells);
        Exact<int8_t> byte_keys(cells), byte_values(cells);
        Exact<float> key_scale(tokens), value_scale(tokens);
        for (size_t i = 0; i < tokens; i++)
            key_scale[i] = static_cast<float>(random.uniform(0.001, 0.02)), value_scale[i] = static_cast<float>(random.uniform(0.001, 0.02));
        for (size_t i = 0; i < cells; i++) {
            int key = static_cast<int>(i) / dim, d = static_cast<int>(i) % dim;
            size_t at = static_cast<size_t>((key / kBlock * dim + d) * kBlock + key % kBlock), token = static_cast<size_t>(key);
            uint16_t k = to_half(random.normal()), v = to_half(random.normal());
            byte_keys[at] = static_cast<int8_t>(random.between(-127, 127)), byte_values[i] = static_cast<int8_t>(random.between(-127, 127));
            half_keys[at] = k, half_values[i] = v;
            keys[i] = bytes ? static_cast<double>(key_scale[token]) * byte_keys[at] : half(k);
            values[i] = bytes ? static_cast<double>(value_scale[token]) * byte_values[i] : half(v);
        }
        native::Tile tile{};
        tile.count = count, tile.dim = dim, tile.softcap = trial % 3 ? 0.0f : 5.0f;
        float unit = tile.softcap > 0 ? 1.0f : native::kLog2E;
        std::vector<float> queries = random.normals(static_cast<size_t>(count * dim));
        for (float& q : queries) q *= static_cast<float>((trial % 7 ? 1.5 : 12) / std::sqrt(dim));
        Exact<float> packed(static_cast<size_t>((count + kGroup - 1) / kGroup * kGroup * dim)), single(static_cast<size_t>(kGroup * dim));
        tile.queries = packed.data();
        int begin = random.below(capacity);
        for (int i = 0; i < count; i++) {
            for (int d = 0; d < dim; d++)
                packed[static_cast<size_t>(i / kGroup * kGroup * dim + i % kGroup + kGroup * d)] = queries[static_cast<size_t>(i * dim + d)] * unit;
            tile.last[i] = std::min(capacity - 1, begin + i / groups);  // of neighboring tokens, as in a pass
            tile.first[i] = trial % 2 ? std::max(0, tile.last[i] - 17) : 0;
        }
        native::Head head{half_keys.data(), half_values.data(), nullptr, nullptr};
        if (bytes) head = {byte_keys.data(), byte_values.data(), key_scale.data(), value_scale.data()};
        std::vector<float> out = attend_all(set, tile, head);
        for (int i = 0; i < count; i++) {
            double size;
            const float* query = &queries[static_cast<size_t>(i * dim)];
            std::vector<double> wanted = attended(query, dim, tile.first[i], tile.last[i], tile.softcap, keys, values, &size);
            const float* found = &out[static_cast<size_t>(i * dim)];
            for (size_t d = 0; d < wanted.size(); d++)
                if (!near(found[d], wanted[d], size * 1e-6))
                    fail("%s attend [%d … %d, %d], query %d of %d: %g is not %g ± %g", set.name, tile.first[i], tile.last[i],
                         dim, i, count, found[d], wanted[d], size * 1e-6);
            native::Tile one = tile;
            one.count = 1, one.queries = single.data(), one.first[0] = tile.first[i], one.last[0] = tile.last[i];
            for (int d = 0; d < dim; d++) single[static_cast<size_t>(kGroup * d)] = query[d] * unit;
            std::vector<float> alone = attend_all(set, one, head);
            if (std::memcmp(alone.data(), found, sizeof(float) * alone.size()))
                fail("%s attend, dim %d: query %d of %d has other bits alone", set.name, dim, i, count);
        }
    }
}

void check_bytes(const Kernels& set, Random& random) {
    for (int count : {1, 8, 24, 61, 64, 256})
        for (float size : {0.0f, 1e-20f, 1.0f, 3e30f}) {
            Exact<float> x(random.normals(static_cast<size_t>(count)));
            Exact<int8_t> q(x.size());
            for (size_t i = 0; i < x.size(); i++) x[i] *= size;
            float scale = set.bytes(x.data(), count, q.data());
            for (size_t i = 0; i < x.size(); i++)
                if (q[i] < -127 || !near(static_cast<double>(scale) * q[i], x[i], scale * 0.501))
                    fail("%s bytes of %d: %g became %g · %d", set.name, count, x[i], scale, q[i]);
        }
}

void check_low_rank(const Kernels& set, Random& random) {
    for (int trial = 0; trial < 24; trial++) {
        int rank = trial % 4 ? random.between(1, 20) : 8, cols = 32 * random.between(1, 6), rows = random.between(1, 45);
        int tokens = random.between(1, 11), gap = random.between(0, 5);
        size_t n = static_cast<size_t>(rank), width = static_cast<size_t>(cols), height = static_cast<size_t>(rows);
        std::vector<float> a = random.normals(n * width), b = random.normals(height * n);
        // far from 1, as trained factors are: what float16 could not hold by itself
        for (float& value : a) value *= 1e-7f;
        for (float& value : b) value *= 3e5f;
        if (trial == 5) std::fill(b.begin(), b.end(), 0.0f);
        native::LowRank m;
        m.set(rank, rows, cols, a.data(), b.data(), 2.0f);
        size_t low_stride = static_cast<size_t>(m.ranks + gap), stride = height + static_cast<size_t>(gap), count = static_cast<size_t>(tokens);
        Exact<float> x(random.normals(count * width)), low(count * low_stride), y(random.normals(count * stride)), alone(stride);
        std::vector<float> start(y.data(), y.data() + y.size());
        for (size_t t = 0; t < count; t++) set.project(m, x.data() + t * width, low.data() + t * low_stride);
        int half = random.below((rows + 7) / 8 + 1);
        set.expand(m, 0, half, low.data(), low_stride, tokens, y.data(), stride);
        set.expand(m, half, (rows + 7) / 8, low.data(), low_stride, tokens, y.data(), stride);
        for (size_t t = 0; t < count; t++) {
            std::copy_n(&start[t * stride], stride, alone.data());
            set.expand(m, 0, (rows + 7) / 8, low.data() + t * low_stride, low_stride, 1, alone.data(), stride);
            if (std::memcmp(alone.data(), y.data() + t * stride, stride * sizeof(float)))
                fail("%s low rank: token %zu of %d has other bits alone", set.name, t, tokens);
            for (size_t row = 0; row < stride; row++) {
                double wanted = start[t * stride + row], size = std::fabs(wanted);
                for (size_t r = 0; row < height && r < n; r++) {
                    double sum = 0, whole = 0;
                    for (size_t c = 0; c < width; c++) {
                        double product = static_cast<double>(a[r * width + c]) * x[t * width + c];
                        sum += product, whole += std::fabs(product);
                    }
                    wanted += 2 * sum * b[row * n + r], size += 2 * whole * std::fabs(b[row * n + r]);
                }
                double got = y[t * stride + row];
                if (!near(got, wanted, size * (row < height ? 1e-3 : 0)))
                    fail("%s low rank %d of [%d, %d]: row %zu is %g, not %g", set.name, rank, rows, cols, row, got, wanted);
                uint32_t bits;
                float value = y[t * stride + row];
                std::memcpy(&bits, &value, 4);
                products = (products ^ bits) * 0x100000001b3;
            }
        }
    }
}

void check_kernels(const Kernels& set) {
    Random random(20240517);
    products = 0;
    check_quantize(set, random);
    check_rows(set, random);
    check_rms_norm(set, random);
    check_gate(set, random);
    check_delta(set, random);
    check_halves(set, random);
    check_bytes(set, random);
    check_low_rank(set, random);
    check_attend(set, random);
}

}  // namespace
}  // namespace check

int main(int count, char** names) {
    std::vector<const native::Kernels*> sets;
    if (count == 1) sets = native::kernel_sets();
    for (int i = 1; i < count; i++) {
        if (const native::Kernels* set = native::kernel_set(names[i]))
            sets.push_back(set);
        else
            check::fail("there are no %s kernels here", names[i]);
    }
    for (const native::Kernels* set : sets) {
        check::check_kernels(*set);
        check::check_model(*set);
        std::printf("checked %s, products %016llx\n", set->name, static_cast<unsigned long long>(check::products));
    }
    return check::finish("native");
}
