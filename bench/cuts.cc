// Predicted against measured: every Pareto cut that `split` finds, run end to end through the emulated links, its tail
// deployed to a server of ours. Beside each measurement stand
//   parts  what `split --at` says just before: both parts timed alone, and the TCP-aware model (aim: 5 % in the mean);
//   shares the same model with the head and the server's times of that very run, so what is left is the transfer.
// Usage: bench_cuts [MODEL.onnx...] [link=NAME...] [rounds=N] [runs=N]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench_main.h"
#include "breakeven/engine/child_process.h"
#include "breakeven/error.h"
#include "breakeven/link/profile.h"
#include "breakeven/plan/cost.h"
#include "breakeven/stats/summary.h"
#include "fakes/shared_data.h"

namespace {

using namespace breakeven;
using namespace breakeven::literals;
using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* address = "10.83.0.2:8001";

struct Options {
    std::vector<std::string> models;
    std::vector<std::string> links;
    int rounds = 3;
    int runs = 30;
};

Json answer_of(const std::vector<std::string>& command) {
    const ChildResult child = run_child(command, {.time = 300_s});
    if (child.exit_code != 0 || child.signal || child.timed_out) {
        throw Error(ErrorKind::internal, fmt::format("run '{}'", fmt::join(command, " ")), child.errors);
    }
    return Json::parse(child.output);
}

/// What one cut took, or should have, in seconds.
struct Sample {
    double parts;
    double shares;
    double measured;
};

Sample sample(const std::string& model, const std::string& link, const std::vector<std::string>& cut,
              const std::string& runs) {
    std::vector<std::string> predict{BREAKEVEN_PROGRAM, "split", model,    "--link", link,
                                     "--runs",          runs,    "--json", "--at"};
    predict.insert(predict.end(), cut.begin(), cut.end());
    const Json candidate = answer_of(predict).at("candidates").at(0);
    std::vector<std::string> measure{BREAKEVEN_PROGRAM, "measure", model,    "--server", address, "--runs", runs,
                                     "--store",         "none",    "--json", "--at"};
    measure.insert(measure.end(), cut.begin(), cut.end());
    const Json result = answer_of(measure).at("results").at(0);
    const auto median = [](const Json& distribution) { return distribution.at("p50_s").get<double>(); };
    const Shares shares{.device = DeviceShare{{Seconds(median(result.at("head_s"))), Origin::measured}, "cpu:1"},
                        .server = ServerShare{{Seconds(median(result.at("server").at("queue_s"))), Origin::measured},
                                              {Seconds(median(result.at("server").at("compute_s"))), Origin::measured},
                                              "grpc"},
                        .payload = {.up = Bytes(candidate.at("bytes_up").get<std::int64_t>()),
                                    .down = Bytes(candidate.at("bytes_down").get<std::int64_t>())}};
    Seconds modelled{0.0};
    for (const Stage& stage : modelled_stages(shares, {.link = *study_link(link), .tcp = TcpUse{}})) {
        modelled += stage.latency.value;
    }
    return {.parts = candidate.at("latency").at("total_s").at("value").get<double>(),
            .shares = modelled.count(),
            .measured = median(result.at("latency"))};
}

/// Role `device`, on the device's host: a line a sample, "cut parts shares measured".
int device(const std::string& model, const std::string& link, const std::string& rounds, const std::string& runs) {
    // The search's own choice is for a device 8 times slower, where all kinds of cuts pay; what is predicted is this
    // one.
    const Json answer =
        answer_of({BREAKEVEN_PROGRAM, "split", model, "--link", link, "--slowdown", "8", "--runs", runs, "--json"});
    for (int round = 0; round < std::stoi(rounds); ++round) {
        for (const Json& candidate : answer.at("candidates")) {
            if (candidate.at("tail_bytes") == 0) continue;  // nothing but the last reshape: no part worth a server
            const auto cut = candidate.at("cut").get<std::vector<std::string>>();
            const Sample each = sample(model, link, cut, runs);
            Json line{{"cut", cut},
                      {"bytes_up", candidate.at("bytes_up")},
                      {"parts", each.parts},
                      {"shares", each.shares},
                      {"measured", each.measured}};
            fmt::print("{}\n", line.dump());
            std::fflush(stdout);
        }
    }
    return 0;
}

double median(std::vector<double> values) {
    return summarize(values)->p50;
}

/// Absolute errors of both predictions.
struct Errors {
    std::vector<double> parts;
    std::vector<double> shares;
};

std::string mean_text(const std::vector<double>& values) {
    double sum = 0.0;
    for (const double value : values) sum += value;
    return fmt::format("{:.1f} % (worst {:.1f} %)", 100 * sum / static_cast<double>(values.size()),
                       100 * *std::ranges::max_element(values));
}

/// Medians over the rounds, cut by cut, in the order that `split` ranked them.
void print_cuts(const std::string& output, Errors& errors) {
    struct Cut {
        Json key;
        std::vector<double> parts, shares, measured;
    };
    std::vector<Cut> cuts;
    for (std::size_t at = 0; at < output.size();) {
        const std::size_t end = output.find('\n', at);
        const Json line = Json::parse(output.substr(at, end - at));
        at = end + 1;
        auto found = std::ranges::find_if(cuts, [&](const Cut& cut) { return cut.key.at("cut") == line.at("cut"); });
        if (found == cuts.end())
            found = cuts.insert(cuts.end(), {.key = line, .parts = {}, .shares = {}, .measured = {}});
        found->parts.push_back(line.at("parts"));
        found->shares.push_back(line.at("shares"));
        found->measured.push_back(line.at("measured"));
    }
    for (const Cut& cut : cuts) {
        const double measured = median(cut.measured);
        const double parts = median(cut.parts) / measured - 1.0;
        const double shares = median(cut.shares) / measured - 1.0;
        const auto names = cut.key.at("cut").get<std::vector<std::string>>();
        const std::string more = names.size() > 1 ? fmt::format(" +{}", names.size() - 1) : "";
        const auto [least, most] = std::ranges::minmax(cut.measured);
        fmt::print("  {:<24.24}{:>8}  {:>8.2f} [{:.2f}, {:.2f}] {:>8.2f} {:>+6.1f} % {:>8.2f} {:>+6.1f} %\n",
                   names.front() + more, cut.key.at("bytes_up").get<std::int64_t>(), measured * 1e3, least * 1e3,
                   most * 1e3, median(cut.parts) * 1e3, parts * 100, median(cut.shares) * 1e3, shares * 100);
        errors.parts.push_back(std::abs(parts));
        errors.shares.push_back(std::abs(shares));
    }
}

void measure_network(const std::string& model, const std::string& link, const Options& options,
                     const fs::path& repository, Errors& all) {
    const std::string self = fs::read_symlink("/proc/self/exe");
    const std::string server = fmt::format("exec '{}' serve '{}' --listen 0.0.0.0:8001 --platform cpu:1 --allow-load",
                                           BREAKEVEN_PROGRAM, repository.string());
    const ChildResult child = run_child(
        {BREAKEVEN_PROGRAM, "link", "run", link, "--tcp", "cubic", "--server-cmd", server, "--server-port", "8001",
         "--", self, "device", model, link, std::to_string(options.rounds), std::to_string(options.runs)},
        {.time = 3000_s});
    fmt::print("{} over {}\n", fs::path(model).stem().string(), link);
    Errors errors;
    print_cuts(child.output, errors);
    if (child.exit_code != 0) fmt::print("  not all was measured: {}\n", child.errors);
    if (errors.parts.empty()) return;
    fmt::print("  mean absolute error: parts {}, shares {}\n", mean_text(errors.parts), mean_text(errors.shares));
    std::fflush(stdout);
    all.parts.insert(all.parts.end(), errors.parts.begin(), errors.parts.end());
    all.shares.insert(all.shares.end(), errors.shares.begin(), errors.shares.end());
}

/// Trained networks where the test data is there, else the zoo's.
std::vector<std::string> networks(const fs::path& folder) {
    const fs::path data = fakes::shared_data();
    if (!data.empty()) {
        return {data / "models/onnx/imagenet_mobilenet_v2_1.0_224_fp32.onnx",
                data / "models/onnx/squeezenet_v1.0_from_deepcompression_fp32.onnx"};
    }
    std::vector<std::string> files;
    for (const char* name : {"mobilenet-v1-128", "inception-v3-128"}) {
        files.push_back(folder / (std::string(name) + ".onnx"));
        (void)run_child({BREAKEVEN_PROGRAM, "zoo", "build", name, "-o", files.back()}, {});
    }
    return files;
}

int run(const std::vector<std::string>& words) {
    if (words.size() == 5 && words[0] == "device") return device(words[1], words[2], words[3], words[4]);
    std::string name = (fs::temp_directory_path() / "breakeven-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw Error(ErrorKind::unavailable, "make a folder", name);
    const fs::path folder = name;
    fs::create_directory(folder / "repository");
    Options options;
    for (const std::string& word : words) {
        if (word.starts_with("link=")) {
            options.links.push_back(word.substr(5));
        } else if (word.starts_with("rounds=")) {
            options.rounds = std::stoi(word.substr(7));
        } else if (word.starts_with("runs=")) {
            options.runs = std::stoi(word.substr(5));
        } else {
            options.models.push_back(word);
        }
    }
    if (options.links.empty()) options.links = {"ethernet", "wifi", "5g"};
    if (options.models.empty()) options.models = networks(folder);
    fmt::print("medians of {} rounds of {} runs each; measured: [least, most] round; cubic, warm, head on cpu:1\n",
               options.rounds, options.runs);
    fmt::print("  {:<24}{:>8}  {:>8} {:>16} {:>8} {:>8} {:>8} {:>8}\n", "cut at", "bytes", "measured", "ms", "parts",
               "off by", "shares", "off by");
    Errors all;
    for (const std::string& model : options.models) {
        for (const std::string& link : options.links) measure_network(model, link, options, folder / "repository", all);
    }
    if (!all.parts.empty()) {
        fmt::print("all {} cuts: mean absolute error: parts {} (aim: 5 %), shares {}\n", all.parts.size(),
                   mean_text(all.parts), mean_text(all.shares));
    }
    fs::remove_all(folder);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return breakeven::bench_main("bench_cuts", run, argc, argv);
}
