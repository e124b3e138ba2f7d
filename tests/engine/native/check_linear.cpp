// Every set of kernels for linear layers against exact integers, over random shapes from a seed, and whole models with
// each under the same sanitizers. All sets must give the same bits. The arguments are the sets to check, all without.
#include <cstring>
#include <string>

#include "check.h"
#include "linear_amx.h"
#include "linear_neon.h"
#include "linear_vnni.h"
#include "seq2seq_search.h"

namespace check {
namespace {

using native::Inputs;
using native::Linear;
using native::LinearKernels;
using native::Table;

uint64_t bits;  // a hash (FNV-1a) of all results

void note(const void* data, size_t size) {
    for (size_t i = 0; i < size; i++) bits = (bits ^ static_cast<const uint8_t*>(data)[i]) * 1099511628211ull;
}

std::vector<const LinearKernels*> sets() {
    std::vector<const LinearKernels*> all;
#ifdef NATIVE_HAS_AMX
    all = {native::amx::linear_kernels()};
#endif
#ifdef NATIVE_HAS_AVX2
    all.insert(all.end(), {native::vnni::linear_kernels(), native::avx2::linear_kernels()});
#endif
#ifdef NATIVE_HAS_NEON
    all = {native::neon::linear_kernels()};
#endif
    all.push_back(&native::scalar_rows::linear_kernels());
    return all;
}

struct Rounded {
    Exact<int8_t> q;
    std::vector<float> scale;
    int depth;
    bool fine;

    Rounded(const LinearKernels& set, Exact<float>& x, int tokens, int cols, float alpha)
        : q(static_cast<size_t>(alpha == native::kFine ? 2 * tokens : tokens) * static_cast<size_t>(native::padded(cols, native::kDepth))),
          depth(native::padded(cols, native::kDepth)), fine(alpha == native::kFine) {
        for (int t = 0; t < tokens; t++)
            scale.push_back(fine ? set.quantize_fine(x.data() + t * cols, cols, depth, q.data() + 2 * t * depth)
                                 : set.quantize(x.data() + t * cols, cols, depth, alpha, q.data() + t * depth));
    }
    int byte(const LinearKernels& set, int row, int col) {
        int8_t value = q[static_cast<size_t>(row * depth + col)];
        return set.flipped ? static_cast<uint8_t>(value) - 128 : value;
    }
    int at(const LinearKernels& set, int token, int col) {
        return fine ? 128 * byte(set, 2 * token, col) + byte(set, 2 * token + 1, col) : byte(set, token, col);
    }
    Inputs inputs() { return {q.data(), nullptr, scale.data(), static_cast<size_t>(depth), fine}; }
};

// extreme: all weights and activations at the ends of their range, of signs that add up
void check_products(const LinearKernels& set, Random& random, bool extreme, bool fine) {
    int rows = random.between(1, 70), cols = extreme ? 2048 : random.between(1, 300), tokens = random.between(1, 30);
    size_t size = static_cast<size_t>(rows * cols);
    Exact<int8_t> w(size);
    for (size_t i = 0; i < size; i++) w[i] = static_cast<int8_t>(extreme ? (i % 3 ? 127 : -127) : random.between(-127, 127));
    Exact<float> x(random.normals(static_cast<size_t>(tokens * cols)));
    for (size_t i = 0; extreme && i < x.size(); i++) x[i] = i % static_cast<size_t>(cols) % 3 ? 1.0f : -1.0f;
    float alpha = fine ? native::kFine : extreme ? 1000.0f : random.below(2) ? 40.0f : 0.0f;
    double most = fine ? native::kFineLargest : 127;
    Rounded in(set, x, tokens, cols, alpha);
    for (int t = 0; t < tokens; t++) {
        float largest = 0;
        for (int k = 0; k < cols; k++) largest = std::fmax(largest, std::fabs(x[static_cast<size_t>(t * cols + k)]));
        for (int c = 0; c < cols; c++) {
            float factor = alpha > 0 ? alpha : largest > 0 ? static_cast<float>(most) / largest : 0.0f;
            double wanted = std::nearbyint(x[static_cast<size_t>(t * cols + c)] * factor);
            if (wanted > most) wanted = most;
            if (wanted < -most) wanted = -most;
            if (in.at(set, t, c) != wanted) fail("%s quantize: %d is not %g", set.name, in.at(set, t, c), wanted);
        }
    }
    Linear m;
    m.rows = rows, m.cols = cols, m.depth = in.depth;
    m.scale.assign(static_cast<size_t>(native::padded(rows, native::kGroup)), 0.0f), m.bias = m.scale;
    for (int r = 0; r < rows; r++) m.scale[static_cast<size_t>(r)] = std::fabs(random.normal()) / 64, m.bias[static_cast<size_t>(r)] = random.normal();
    Exact<int8_t> packed(native::Seq2Seq::packed_size(rows, cols, false));
    native::pack_rows(w.data(), static_cast<size_t>(cols), &m, packed.data());
    Exact<float> y(static_cast<size_t>(tokens * rows));
    bool relu = random.below(2);
    set.product(m, 0, m.groups(), in.inputs(), tokens, relu, y.data(), static_cast<size_t>(rows));
    if (set.order) {  // once for several calls
        Inputs inputs = in.inputs();
        Exact<int32_t> ordered(static_cast<size_t>(tokens * inputs.rows_per_token() + 16) * static_cast<size_t>(m.depth / 4));
        set.order(inputs, tokens, m.depth, ordered.data());
        inputs.ordered = ordered.data();
        Exact<float> again(static_cast<size_t>(tokens * rows));
        for (int from = 0; from < m.groups(); from += 2)
            set.product(m, from, std::min(m.groups(), from + 2), inputs, tokens, relu, again.data(), static_cast<size_t>(rows));
        if (std::memcmp(again.data(), y.data(), sizeof(float) * static_cast<size_t>(tokens * rows))) fail("%s: other results of ordered activations", set.name);
    }
    note(y.data(), y.size() * sizeof(float));

    Table table;
    Exact<int8_t> whole(static_cast<size_t>(rows * in.depth));
    std::memset(whole.data(), 0, whole.size());
    table.rows = rows, table.cols = cols, table.stride = static_cast<size_t>(in.depth), table.q = whole.data();
    table.scale.assign(m.scale.begin(), m.scale.begin() + rows), table.bias.assign(m.bias.begin(), m.bias.begin() + rows);
    table.sums.assign(m.sums.begin(), m.sums.begin() + rows);
    std::vector<int32_t> ids;
    for (int r = 0; r < rows; r++) {
        std::memcpy(whole.data() + r * in.depth, w.data() + r * cols, static_cast<size_t>(cols));
        if (random.below(3)) ids.push_back(r);
    }
    Exact<float> some(static_cast<size_t>(tokens) * ids.size() + 1), all(static_cast<size_t>(tokens * rows));
    set.dots(table, ids.data(), 0, static_cast<int>(ids.size()), in.inputs(), tokens, some.data(), ids.size());
    set.dots(table, nullptr, 0, rows, in.inputs(), tokens, all.data(), static_cast<size_t>(rows));
    for (int t = 0; t < tokens; t++) {
        size_t listed = 0;
        for (int r = 0; r < rows; r++) {
            int64_t sum = 0;
            for (int c = 0; c < cols; c++) sum += static_cast<int64_t>(w[static_cast<size_t>(r * cols + c)]) * in.at(set, t, c);
            size_t row = static_cast<size_t>(r), at = static_cast<size_t>(t * rows + r);
            float wanted = static_cast<float>(sum) * (m.scale[row] * in.scale[static_cast<size_t>(t)]) + m.bias[row];
            if (y[at] != (relu && !(wanted > 0) ? 0.0f : wanted)) fail("%s product: %g is not %g", set.name, y[at], wanted);
            if (all[at] != wanted) fail("%s dots: %g is not %g", set.name, all[at], wanted);
            if (listed < ids.size() && ids[listed] == r) {
                if (some[static_cast<size_t>(t) * ids.size() + listed] != wanted) fail("%s dots of ids: not %g", set.name, wanted);
                listed++;
            }
        }
    }
}

void check_rows(const LinearKernels& set, Random& random) {
    int count = random.between(1, 100);
    size_t size = static_cast<size_t>(count);
    Exact<float> x(random.normals(size)), y(random.normals(size)), scale(random.normals(size)), bias(random.normals(size)), out(size);
    double mean = 0, squares = 0, total = 0;
    float top = x[0];
    for (size_t i = 0; i < size; i++) mean += x[i] / count, top = std::fmax(top, x[i]);
    for (size_t i = 0; i < size; i++) squares += (x[i] - mean) * (x[i] - mean) / count, total += std::exp(static_cast<double>(x[i]));
    set.norm(x.data(), scale.data(), bias.data(), 1e-6f, count, out.data());
    note(out.data(), size * sizeof(float));
    for (size_t i = 0; i < size; i++) {
        double wanted = scale[i] * (x[i] - mean) / std::sqrt(squares + 1e-6) + bias[i];
        if (!near(out[i], wanted, 1e-4 * (1 + std::fabs(wanted)))) fail("%s norm: %g is not %g", set.name, out[i], wanted);
    }
    int largest;
    float sum = set.logsumexp(x.data(), count, &largest);
    note(&sum, sizeof sum);
    if (!near(sum, std::log(total), 1e-5) || x[static_cast<size_t>(largest)] != top) fail("%s logsumexp: %g is not %g", set.name, sum, std::log(total));
    Exact<float> cell(size), gated(size);
    std::memcpy(cell.data(), y.data(), size * sizeof(float)), std::memcpy(gated.data(), x.data(), size * sizeof(float));
    set.ssru(x.data(), scale.data(), cell.data(), count, out.data());
    note(cell.data(), size * sizeof(float));
    set.silu(gated.data(), count);
    note(gated.data(), size * sizeof(float));
    for (size_t i = 0; i < size; i++) {
        double gate = 1 / (1 + std::exp(-static_cast<double>(scale[i]))), wanted = gate * y[i] + (1 - gate) * x[i];
        if (!near(cell[i], wanted, 1e-5) || out[i] != (cell[i] > 0 ? cell[i] : 0.0f)) fail("%s ssru: %g is not %g", set.name, cell[i], wanted);
        wanted = x[i] / (1 + std::exp(-static_cast<double>(x[i])));
        if (!near(gated[i], wanted, 1e-5)) fail("%s silu: %g is not %g", set.name, gated[i], wanted);
    }
}

struct Random8 {
    std::vector<int8_t> q;
    std::vector<float> scale, bias;
    Random8(Random& random, int rows, int cols, int stride) : q(static_cast<size_t>(rows * stride)), bias(random.normals(static_cast<size_t>(rows))) {
        for (int r = 0; r < rows; r++) {
            scale.push_back(0.02f);
            for (int c = 0; c < cols; c++) q[static_cast<size_t>(r * stride + c)] = static_cast<int8_t>(random.between(-127, 127));
        }
    }
};

// A model of random weights, searched in batches, alone, and with all threads: the same translations.
void check_model(const LinearKernels& set, bool ssru, int hidden, int heads) {
    Random random(7);
    native::Seq2SeqShape shape{50, 60, hidden, 2, 2, heads, heads, 3 * hidden, 2 * hidden, ssru, !ssru, native::kSilu, ssru ? -1 : 2, 0, 1.5f, 1e-6f};
    native::Seq2Seq model(shape, 2, set);
    model.reserve(1 << 20);
    std::vector<float> norms = random.normals(static_cast<size_t>(hidden)), positions = random.normals(static_cast<size_t>(70 * hidden));
    for (int stack = 0; stack < 2; stack++) {
        for (int layer = 0; layer < 2; layer++) {
            for (int slot = 0; slot < native::kLinears; slot++) {
                int ffn = stack ? 2 * hidden : 3 * hidden;
                int rows = slot == native::kFfn1 ? ffn : hidden, cols = slot == native::kFfn2 ? ffn : hidden;
                Random8 w(random, rows, cols, cols);
                if (!model.set_linear(stack, layer, slot, rows, cols, w.q.data(), nullptr, w.scale.data(), slot % 3 ? slot % 3 == 1 ? 20.0f : native::kFine : 0.0f, w.bias.data()))
                    fail("%s model: no room", set.name);
            }
            for (int slot = 0; slot < native::kNorms; slot++) model.set_norm(stack, layer, slot, norms.data(), norms.data());
        }
        if (!ssru) model.set_norm(stack, -1, 0, norms.data(), norms.data());
    }
    int stride = native::padded(hidden, native::kDepth);
    Random8 tables[] = {{random, 50, hidden, stride}, {random, 60, hidden, stride}, {random, 60, hidden, stride}};
    for (int which = 0; which < native::kTables; which++) {
        Random8& t = tables[which];
        model.set_table(which, which ? 60 : 50, hidden, stride, t.q.data(), nullptr, t.scale.data(), which ? 60 : 50, ssru ? native::kFine : 0.0f, t.bias.data());
    }
    model.set_positions(positions.data(), 70);
    if (!model.complete()) fail("%s model: not complete", set.name);
    std::vector<std::vector<int32_t>> ids, prefixes, shortlists;
    for (int i = 0; i < 9; i++) {
        ids.emplace_back(), prefixes.emplace_back(), shortlists.emplace_back();
        for (int t = random.between(1, i == 3 ? 60 : 9); t > 0; t--) ids.back().push_back(random.below(50));
        for (int id = 0; i % 3 && id < 60; id += random.between(1, 9)) shortlists.back().push_back(id);
        for (int t = random.below(3); t > 0; t--) prefixes.back().push_back(i % 3 ? shortlists.back()[1] : 1 + random.below(59));
    }
    auto requests = [&](size_t from, size_t to) {
        std::vector<native::Request> out;
        for (size_t i = from; i < to; i++)
            out.push_back({ids[i].data(), prefixes[i].data(), shortlists[i].data(), static_cast<int>(ids[i].size()),
                           static_cast<int>(prefixes[i].size()), static_cast<int>(shortlists[i].size()), 12});
        return out;
    };
    const std::vector<int32_t> suppressed{1, 5};
    for (int beam : {1, 4}) {
        native::SearchOptions options{beam, beam, 1, 0, 0.8f, 30, 10};
        auto all = requests(0, ids.size());
        native::Translate together(&model, all.data(), 9, options, suppressed, false, nullptr), wide(&model, all.data(), 9, options, suppressed, true, nullptr);
        together.run(), wide.run();
        for (size_t i = 0; i < ids.size(); i++) {
            auto one = requests(i, i + 1);
            native::Translate alone(&model, one.data(), 1, options, suppressed, false, nullptr);
            alone.run();
            for (native::Translate* other : {&together, &wide}) {
                const auto &a = alone.results[0], &b = other->results[i];
                bool same = a.size() == b.size();
                for (size_t k = 0; same && k < a.size(); k++)
                    same = a[k].ids == b[k].ids && a[k].logprobs == b[k].logprobs && a[k].alignment == b[k].alignment && a[k].score == b[k].score;
                if (!same || a.empty()) fail("%s model: sentence %d differs in a batch", set.name, static_cast<int>(i));
            }
            for (const native::Translation& t : alone.results[0]) {
                note(t.ids.data(), t.ids.size() * sizeof(int32_t)), note(t.logprobs.data(), t.logprobs.size() * sizeof(float));
                note(t.alignment.data(), t.alignment.size() * sizeof(float));
            }
        }
    }
}

}  // namespace
}  // namespace check

int main(int count, char** names) {
    for (const native::LinearKernels* set : check::sets()) {
        bool wanted = count == 1;
        for (int i = 1; i < count; i++) wanted = wanted || (set && !std::strcmp(names[i], set->name));
        if (!set || !wanted) continue;
        check::bits = 14695981039346656037ull;
        check::Random random(5);
        for (int trial = 0; trial < 40; trial++) check::check_products(*set, random, trial < 2, trial % 2), check::check_rows(*set, random);
        check::check_model(*set, true, 64, 2), check::check_model(*set, true, 20, 4), check::check_model(*set, false, 48, 3);
        std::printf("checked %s, results %016llx\n", set->name, static_cast<unsigned long long>(check::bits));
    }
    return check::finish("linear");
}
