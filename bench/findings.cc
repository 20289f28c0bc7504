// The split findings of "AI on the Edge" (Liang, Shenoy, Irwin): what crosses each cut of a network, coded four ways,
// against its input as PNG and as JPEG, over real pictures; and for which servers a split then beats computing all on
// the device (8 times slower) and offloading the picture. Part times are measured (`split`), transfers by the TCP
// model. Coding costs no time here, on either side: pictures and tensors alike. Usage: bench_findings [pictures=N]
// [MODEL.onnx...]   needs pictures: the shared data
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench_main.h"
#include "breakeven/engine/child_process.h"
#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/files/model_file.h"
#include "breakeven/link/profile.h"
#include "breakeven/link/tcp.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/tensor/preprocess.h"
#include "crossing_bytes.h"
#include "fakes/shared_data.h"

namespace {

using namespace breakeven;
using namespace breakeven::bench;
using namespace breakeven::literals;
using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr double slowdown = 8.0;

/// A prefix cut, and where it lies.
struct Row {
    std::vector<std::string> tensors;
    std::size_t layers = 0;
    int weighted = 0;  ///< convolutions and matrix products in the head: what papers call layers
    std::string shape;
    Sizes sizes{};
};

bool is_weighted(const Layer& layer) {
    return layer.op == "Conv" || layer.op == "Gemm" || layer.op == "MatMul";
}

std::vector<Row> rows_of(const Model& model, const Bytesizes& bytes) {
    std::vector<Row> rows;
    for (const Cut& cut : model.cuts()) {
        const auto sizes = sizes_of(bytes, cut.tensors);
        if (!sizes) continue;
        Row row{.tensors = cut.tensors, .layers = cut.layers_before, .shape = "", .sizes = *sizes};
        for (std::size_t i = 0; i < cut.layers_before; ++i) row.weighted += is_weighted(model.layers()[i]) ? 1 : 0;
        Shape shape = model.tensor(cut.tensors.front())->shape;
        if (!shape.empty()) shape.erase(shape.begin());
        row.shape = fmt::format("{}", fmt::join(shape, "x"));
        if (cut.tensors.size() > 1) row.shape += fmt::format(" +{}", cut.tensors.size() - 1);
        rows.push_back(std::move(row));
    }
    std::ranges::sort(rows, {}, &Row::layers);
    return rows;
}

void print_row(const Row& row, const Bytesizes& bytes) {
    fmt::print("  {:>4} {:<18.18} {:<15.15}", row.weighted, row.tensors.front(), row.shape);
    for (const double size : row.sizes) fmt::print(" {:>8.0f}", size);
    fmt::print("  {:>5.1f} {:>5.1f}\n", bytes.picture[png] / row.sizes[bits8],
               bytes.picture[png] / row.sizes[bits8_zstd]);
}

/// Where a coding first sends `times` fewer bytes than the PNG, and whether it stays so.
void print_first(const std::vector<Row>& rows, const Bytesizes& bytes, Coding coding, double times) {
    const auto saves = [&](const Row& row) { return row.sizes[coding] * times <= bytes.picture[png]; };
    const auto first = std::ranges::find_if(rows, saves);
    auto last = rows.rbegin();
    while (last != rows.rend() && saves(*last)) ++last;
    const int all = rows.back().weighted;
    fmt::print("  {:<11} {:>2.0f}x fewer than PNG: ", coding_names[coding], times);
    if (first == rows.end()) {
        fmt::print("nowhere\n");
        return;
    }
    fmt::print("first after layer {} of {} ('{}', {})", first->weighted, all, first->tensors.front(), first->shape);
    if (last == rows.rbegin()) {
        fmt::print(", not at the end\n");
    } else {
        fmt::print(", at every cut from layer {} on\n", last.base()->weighted);
    }
}

void print_bytes(const std::vector<Row>& rows, const Bytesizes& bytes) {
    fmt::print("{} pictures, mean bytes: PNG {:.0f}, JPEG 90 {:.0f}, JPEG 75 {:.0f}\n", bytes.samples,
               bytes.picture[png], bytes.picture[jpeg90], bytes.picture[jpeg75]);
    fmt::print("cuts that send less than their neighbours, or than every cut before them\n");
    fmt::print("  {:>4} {:<18} {:<15} {:>8} {:>8} {:>8} {:>8}  PNG / this\n", "conv", "cut at", "shape", "float",
               "+zstd", "8-bit", "+zstd");
    fmt::print("  {:>4} {:<18} {:<15} {:>8} {:>8} {:>8} {:>8}  8-bit +zstd\n", "", "", "", "", "", "", "");
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const double size = rows[i].sizes[raw];
        // Of a run of equal sizes the first stands for all.
        std::size_t next = i + 1;
        while (next < rows.size() && rows[next].sizes[raw] == size) ++next;
        const bool starts_run = i == 0 || rows[i - 1].sizes[raw] != size;
        const bool is_valley =
            i > 0 && rows[i - 1].sizes[raw] > size && next < rows.size() && rows[next].sizes[raw] > size;
        if (starts_run && (is_valley || size < least)) print_row(rows[i], bytes);
        least = std::min(least, size);
    }
    for (const Coding coding : {raw, lossless, bits8, bits8_zstd}) {
        print_first(rows, bytes, coding, 1.0);
        print_first(rows, bytes, coding, 8.0);
    }
}

// ---- who wins ----

/// A cut with measured parts, as shares of the whole network's time.
struct Timed {
    std::vector<std::string> tensors;
    double head = 0.0;
    double tail = 0.0;
    double both = 1.0;  ///< what the parts took together, of the whole: 1 but for fusion across the cut and noise
    Bytes down;
    Sizes sizes{};
};

struct Network {
    std::vector<Timed> cuts;
    Seconds whole{0.0};  ///< on this machine, one thread
    Bytes result;
};

/// A head that does less only scales the picture: offloading by another name.
constexpr double head_least = 0.02;

constexpr int rounds_max = 5;
constexpr std::chrono::seconds patience{100};

/// One run of `split`: its cuts' parts and the whole, measured in turns.
Json split_answer(const std::string& file, const std::string& link) {
    const ChildResult child = run_child({BREAKEVEN_PROGRAM, "split", file, "--link", link, "--slowdown",
                                         fmt::format("{}", slowdown), "--candidates", "20", "--runs", "10", "--json"},
                                        {.time = 600_s});
    if (child.exit_code != 0) throw Error(ErrorKind::internal, "split '" + file + "'", child.errors);
    return Json::parse(child.output);
}

double seconds(const Json& latency, const char* part) {
    return latency.at(part).at("value").get<double>();
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

/// All cuts that `split` finds for the study's links: medians of each part's share, over as many rounds as
/// the patience allows.
Network measure_parts(const std::string& file, const Bytesizes& bytes) {
    struct Series {
        std::vector<double> heads;
        std::vector<double> both;
    };
    Network network;
    std::map<std::vector<std::string>, Series> series;
    std::vector<double> wholes;
    const auto start = std::chrono::steady_clock::now();
    for (int round = 0; round < rounds_max; ++round) {
        if (round > 0 && std::chrono::steady_clock::now() - start > patience) break;
        for (const LinkProfile& link : study_links()) {
            const Json answer = split_answer(file, link.name);
            for (const Json& unsplit : answer.at("unsplit")) {
                if (unsplit.at("kind") == "local")
                    wholes.push_back(seconds(unsplit.at("latency"), "head_s") / slowdown);
            }
            for (const Json& candidate : answer.at("candidates")) {
                const auto tensors = candidate.at("cut").get<std::vector<std::string>>();
                const auto sizes = sizes_of(bytes, tensors);
                if (!sizes || candidate.at("tail_bytes") == 0) continue;  // else only a reshape is left for the server
                const Json& latency = candidate.at("latency");
                Series& parts = series[tensors];
                // A part's share of both: they were measured in turns, so what disturbs one disturbs the other.
                const double head = seconds(latency, "head_s") / slowdown;
                const double both = head + seconds(latency, "tail_s");
                parts.heads.push_back(head / both);
                parts.both.push_back(both / wholes.back());
                network.result = Bytes(candidate.at("bytes_down").get<std::int64_t>());
                if (parts.heads.size() > 1) continue;
                network.cuts.push_back({.tensors = tensors, .down = network.result, .sizes = *sizes});
            }
        }
    }
    // A cut that only one search in several proposed was measured too rarely to be trusted.
    const auto wanted = std::min<std::size_t>(3, wholes.size() / study_links().size());
    std::erase_if(network.cuts, [&](const Timed& cut) { return series[cut.tensors].heads.size() < wanted; });
    for (Timed& cut : network.cuts) {
        cut.head = median(series[cut.tensors].heads);
        cut.tail = 1.0 - cut.head;
        cut.both = median(series[cut.tensors].both);
    }
    std::ranges::sort(network.cuts, {}, &Timed::head);
    std::erase_if(network.cuts, [](const Timed& cut) { return cut.head < head_least; });
    network.whole = Seconds(median(wholes));
    return network;
}

/// The cuts that are compared, and what their parts take of the whole network's time.
void print_parts(const Network& network) {
    fmt::print("\nparts, measured alone on one thread: shares of both, and both over the whole network's time\n");
    fmt::print("  {:<18} {:>7} {:>7} {:>7}\n", "cut at", "head", "tail", "both");
    for (const Timed& cut : network.cuts) {
        const std::string more = cut.tensors.size() > 1 ? fmt::format(" +{}", cut.tensors.size() - 1) : "";
        fmt::print("  {:<18.18} {:>7.3f} {:>7.3f} {:>7.3f}\n", cut.tensors.front() + more, cut.head, cut.tail,
                   cut.both);
    }
}

double transfer(const LinkProfile& link, double up, Bytes down, Seconds rest) {
    const auto history = rest > 0_s ? TcpUse::History::repeated : TcpUse::History::warm;
    return tcp_time(link, {.up = Bytes(std::llround(up)), .down = down},
                    {.congestion = Congestion::cubic, .history = history, .rest = rest})
        .total.count();
}

/// For one link and one rest: what everything costs besides computing.
struct Prices {
    std::vector<std::array<double, codings>> cuts;
    std::array<double, pictures> picture{};
};

Prices prices_of(const Network& network, const Bytesizes& bytes, const LinkProfile& link, Seconds rest) {
    Prices prices;
    for (const Timed& cut : network.cuts) {
        std::array<double, codings> each{};
        for (std::size_t c = 0; c < codings; ++c) each[c] = transfer(link, cut.sizes[c], cut.down, rest);
        prices.cuts.push_back(each);
    }
    for (std::size_t p = 0; p < pictures; ++p) {
        prices.picture[p] = transfer(link, bytes.picture[p], network.result, rest);
    }
    return prices;
}

struct Best {
    double time = std::numeric_limits<double>::infinity();
    std::size_t cut = 0;
};

/// The best split when the server takes `whole` for the network.
Best best_split(const Network& network, const Prices& prices, std::size_t coding, double whole) {
    Best best;
    for (std::size_t i = 0; i < network.cuts.size(); ++i) {
        const Timed& cut = network.cuts[i];
        const double time = (slowdown * cut.head + cut.tail) * whole + prices.cuts[i][coding];
        if (time < best.time) best = {.time = time, .cut = i};
    }
    return best;
}

/// Server times at which the best split beats the first so many rivals: all local, PNG, JPEG 90, JPEG 75.
struct Window {
    double from = 0.0;
    double to = 0.0;
    double gain = 0.0;  ///< the most: 1 - split / best rival
    std::size_t cut = 0;
};

double best_rival(const Prices& prices, double whole, std::size_t rivals) {
    double best = slowdown * whole;
    for (std::size_t p = 0; p + 1 < rivals; ++p) best = std::min(best, prices.picture[p] + whole);
    return best;
}

std::optional<Window> window_of(const Network& network, const Prices& prices, std::size_t coding, std::size_t rivals) {
    std::optional<Window> window;
    for (double whole = 1e-5; whole < 10.0; whole *= 1.01) {
        const Best best = best_split(network, prices, coding, whole);
        const double gain = 1.0 - best.time / best_rival(prices, whole, rivals);
        if (gain <= 0.0) continue;
        if (!window) window = Window{.from = whole, .to = whole};
        window->to = whole;
        if (gain > window->gain) {
            window->gain = gain;
            window->cut = best.cut;
        }
    }
    return window;
}

void print_windows(const Network& network, const Bytesizes& bytes, Seconds rest) {
    fmt::print(
        "\ndevice {:.0f} times slower; cubic, {}; T, the server's time for the whole network, at which the best "
        "split wins\n",
        slowdown, rest > 0_s ? fmt::format("{} s of rest before each inference", rest.count()) : "warm");
    fmt::print("  {:<9}{:<11}{:>26}{:>26}{:>26}\n", "link", "cut as", "local and PNG", "and JPEG 90", "and JPEG 75");
    for (const LinkProfile& link : study_links()) {
        const Prices prices = prices_of(network, bytes, link, rest);
        for (std::size_t coding = 0; coding < codings; ++coding) {
            fmt::print("  {:<9}{:<11}", link.name, coding_names[coding]);
            std::string where;
            for (const std::size_t rivals : {2U, 3U, 4U}) {
                const auto window = window_of(network, prices, coding, rivals);
                if (!window) {
                    fmt::print("{:>26}", "never");
                    continue;
                }
                if (where.empty()) where = network.cuts[window->cut].tensors.front();
                fmt::print("{:>26}", fmt::format("{:.2f} .. {:.2f} ms, {:.0f} %", window->from * 1e3, window->to * 1e3,
                                                 window->gain * 100));
            }
            fmt::print("  {}\n", where);
        }
    }
}

/// What holds on this machine: its own time for the network.
void print_here(const Network& network, const Bytesizes& bytes) {
    const double whole = network.whole.count();
    fmt::print("\nhere T = {:.2f} ms (one thread), so the device takes {:.1f} ms; warm, ms\n", whole * 1e3,
               whole * slowdown * 1e3);
    fmt::print("  {:<9}{:>7}", "link", "local");
    for (const char* name : picture_names) fmt::print(" {:>8}", name);
    for (const char* name : coding_names) fmt::print(" {:>10}", name);
    fmt::print("  best split at\n");
    for (const LinkProfile& link : study_links()) {
        const Prices prices = prices_of(network, bytes, link, 0_s);
        fmt::print("  {:<9}{:>7.1f}", link.name, whole * slowdown * 1e3);
        for (const double price : prices.picture) fmt::print(" {:>8.1f}", (price + whole) * 1e3);
        Best last;
        for (std::size_t c = 0; c < codings; ++c) {
            last = best_split(network, prices, c, whole);
            fmt::print(" {:>10.1f}", last.time * 1e3);
        }
        fmt::print("  {}\n", network.cuts[last.cut].tensors.front());
    }
}

void study(const std::string& file, int count) {
    const Model model = load_model(file).model;
    fmt::print("\n{}: {} layers, ", model.name(), model.layers().size());
    std::vector<std::string> names;
    for (const Cut& cut : model.cuts()) {
        for (const std::string& name : cut.tensors) {
            if (is_float(model, name) && std::ranges::find(names, name) == names.end()) names.push_back(name);
        }
    }
    const Bytesizes bytes = measure_bytes(model, names, preprocess_of(model), count);
    print_bytes(rows_of(model, bytes), bytes);
    std::fflush(stdout);
    const Network network = measure_parts(file, bytes);
    print_parts(network);
    print_windows(network, bytes, 0_s);
    print_windows(network, bytes, 10_s);
    print_here(network, bytes);
    std::fflush(stdout);
}

int run(const std::vector<std::string>& words) {
    const fs::path data = fakes::shared_data();
    if (data.empty()) {
        fmt::print("needs pictures and a trained network: the shared test data (BREAKEVEN_SHARED_DATA)\n");
        return 0;
    }
    int count = 100;
    std::vector<std::string> files;
    for (const std::string& word : words) {
        if (word.starts_with("pictures=")) {
            count = std::stoi(word.substr(9));
        } else {
            files.push_back(word);
        }
    }
    if (!files.empty()) {
        for (const std::string& file : files) study(file, count);
        return 0;
    }
    study(data / "models/onnx/imagenet_mobilenet_v2_1.0_224_fp32.onnx", count);
    const fs::path inception = fs::temp_directory_path() / "breakeven-bench-inception-v4-299.onnx";
    if (run_child({BREAKEVEN_PROGRAM, "zoo", "build", "inception-v4-299", "-o", inception.string()}, {.time = 300_s})
            .exit_code != 0) {
        throw Error(ErrorKind::internal, "build the zoo's Inception V4", "it failed");
    }
    study(inception, std::max(1, count / 4));
    fs::remove(inception);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return breakeven::bench_main("bench_findings", run, argc, argv);
}
