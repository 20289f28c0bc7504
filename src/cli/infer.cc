// `breakeven infer`: one inference, here or there: a picture in, labels out, and how long it took where.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "breakeven/files/files.h"
#include "breakeven/files/samples.h"
#include "breakeven/measure/accuracy.h"
#include "breakeven/measure/data_set.h"
#include "breakeven/tensor/npy.h"
#include "breakeven/units/text.h"
#include "cli/engines.h"
#include "cli/loaded.h"
#include "cli/security.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

/// Larger outputs stay out of the JSON: -o writes them.
constexpr std::int64_t values_printed_max = 4096;

struct Options {
    std::string model;
    std::vector<std::string> inputs;
    Place place;
    std::size_t top = 5;
    std::string preprocess;
    std::string labels;
    std::string output;
};

/// The file of each input, in the order of the network's inputs.
std::vector<std::string> files_of(const std::vector<TensorSpec>& specs, const std::vector<std::string>& texts) {
    std::vector<std::string> files(specs.size());
    for (const std::string& text : texts) {
        const std::string name = text.substr(0, text.find('='));
        auto spec = std::ranges::find(specs, name, &TensorSpec::name);
        std::string file = text;
        if (spec != specs.end() && name.size() < text.size()) {
            file = text.substr(name.size() + 1);
        } else if (specs.size() == 1) {
            spec = specs.begin();
        } else {
            throw Error(
                ErrorKind::usage, fmt::format("read --input '{}'", text),
                fmt::format("write NAME=FILE; the network has {} inputs, '{}' is none of them", specs.size(), name));
        }
        std::string& slot = files[static_cast<std::size_t>(spec - specs.begin())];
        if (!slot.empty())
            throw Error(ErrorKind::usage, fmt::format("read --input '{}'", text), "the input is given twice");
        slot = file;
    }
    for (std::size_t i = 0; i < specs.size(); ++i) {
        if (files[i].empty()) {
            throw Error(ErrorKind::usage, fmt::format("find input '{}'", specs[i].name),
                        fmt::format("give it as --input {}=FILE", specs[i].name));
        }
    }
    return files;
}

/// Whether an output is one score for each class: all its dimensions but one are 1.
bool is_scores(const Tensor& output) {
    if (output.dtype() == DType::string || output.elements() < 2) return false;
    return std::ranges::count_if(output.shape(), [](std::int64_t n) { return n != 1; }) == 1;
}

/// Names of classes, by the network's own index: networks with a background class have one more output than names.
class ClassNames {
   public:
    ClassNames(const std::string& file, std::int64_t offset) : file_(file), offset_(offset) {
        if (!file.empty()) names_ = read_class_names(file);
    }
    std::string of(std::size_t index, std::int64_t classes) const {
        if (names_.empty()) return {};
        const auto count = static_cast<std::int64_t>(names_.size());
        const std::int64_t offset = count == classes ? 0 : offset_;
        if (count + offset != classes) {
            throw Error(ErrorKind::input, fmt::format("read class names '{}'", file_),
                        fmt::format("it has {} names, the network {} classes", count, classes));
        }
        const std::int64_t at = static_cast<std::int64_t>(index) - offset;
        return at < 0 ? "(background)" : names_[static_cast<std::size_t>(at)];
    }

   private:
    std::string file_;
    std::int64_t offset_;
    std::vector<std::string> names_;
};

struct Times {
    Seconds total{0.0};
    std::optional<ServerTimes> server;
    std::optional<Seconds> head;
    bool remote = false;

    /// What neither side computes: without the server's word, nothing is known.
    Seconds network() const { return total - head.value_or(Seconds(0)) - server->queue - server->compute; }
};

Json times_json(const Times& times) {
    Json json{{"total", times.total.count()}, {"network", nullptr}, {"queue", nullptr}, {"compute", nullptr}};
    if (!times.remote) {
        json["network"] = 0.0;
        json["queue"] = 0.0;
        json["compute"] = times.total.count();
    } else if (times.server) {
        json["network"] = times.network().count();
        json["queue"] = times.server->queue.count();
        json["compute"] = times.server->compute.count();
    }
    if (times.head) json["head"] = times.head->count();
    return json;
}

std::string times_text(const Times& times, const std::string& where) {
    std::string text = fmt::format("ran on {} in {}", where, to_text(times.total));
    if (times.remote && times.server) {
        text += fmt::format(": {}network {}, queue {}, compute {}",
                            times.head ? fmt::format("head {}, ", to_text(*times.head)) : "", to_text(times.network()),
                            to_text(times.server->queue), to_text(times.server->compute));
    } else if (times.remote) {
        text += " (the server does not tell its own share)";
    }
    return text + "; a first run: `breakeven measure` times steady ones\n";
}

struct Output {
    Json json;
    std::string text;
};

Output describe(const TensorSpec& spec, const Tensor& tensor, const Options& options, const ClassNames& names) {
    Output out;
    out.json = {{"name", spec.name}, {"dtype", name(tensor.dtype())}, {"shape", tensor.shape()}};
    const std::string title = fmt::format("{} {} {}", spec.name, name(tensor.dtype()), to_text(tensor.shape()));
    if (!is_scores(tensor)) {
        out.text = fmt::format("{}: no class scores; -o FILE.npy writes it\n", title);
    } else {
        const bool given = are_probabilities(tensor);
        const std::vector<double> probabilities = to_doubles(given ? tensor : softmax(tensor));
        Json top = Json::array();
        for (const ClassScore& entry : best_classes(tensor, options.top)) {  // by score: softmax rounds small ones to 0
            const double probability = probabilities[entry.index];
            const std::string label = names.of(entry.index, tensor.elements());
            top.push_back({{"index", entry.index},
                           {"label", label.empty() ? Json(nullptr) : Json(label)},
                           {"probability", probability},
                           {"score", entry.score}});
            out.text += fmt::format("{:5.1f} %  {}\n", 100.0 * probability,
                                    label.empty() ? fmt::format("class {}", entry.index) : label);
        }
        out.json["top"] = std::move(top);
        out.json["probabilities"] = given ? "given" : "softmax";
        out.text += fmt::format(
            "{}: {}\n", title,
            given ? "probabilities, as the network gives them" : "scores; the probabilities are their softmax");
    }
    if (tensor.dtype() != DType::string && tensor.elements() <= values_printed_max)
        out.json["data"] = to_doubles(tensor);
    return out;
}

/// One output goes to the file named; of several each to a file of its own, FILE.NAME.npy.
void write_outputs(const std::string& path, const std::vector<TensorSpec>& specs, const std::vector<Tensor>& outputs) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        std::filesystem::path file = path;
        if (outputs.size() > 1) {
            std::string part = specs[i].name;
            std::ranges::replace_if(
                part, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
            file.replace_extension("." + part + file.extension().string());
        }
        write_file(file, to_npy(outputs[i]));
    }
}

void run_infer(const Shell& shell, const Options& options) {
    const Engines engines = make_engines(shell);
    const Loaded loaded = load(shell, engines, options.model, options.place);
    const Preprocess preprocess = preprocess_for(loaded, options.preprocess);
    const ClassNames names(options.labels, preprocess.label_offset);

    const std::vector<TensorSpec>& specs = loaded.runner->inputs();
    const std::vector<std::string> files = files_of(specs, options.inputs);
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < specs.size(); ++i) inputs.push_back(read_input(files[i], specs[i], preprocess));

    const Seconds start = shell.clock.now();
    const RunResult result = loaded.runner->run(inputs);
    const Times times{.total = shell.clock.now() - start,
                      .server = result.server,
                      .head = result.head,
                      .remote = loaded.platform.is_remote() || result.head.has_value()};

    if (!options.output.empty()) write_outputs(options.output, loaded.runner->outputs(), result.outputs);
    Json outputs = Json::array();
    std::string text;
    for (std::size_t i = 0; i < result.outputs.size(); ++i) {
        Output output = describe(loaded.runner->outputs()[i], result.outputs[i], options, names);
        outputs.push_back(std::move(output.json));
        text += output.text;
    }
    const std::string& where = loaded.where;
    Json document{{"model", loaded.name}, {"outputs", outputs}, {"where", where}, {"latency_s", times_json(times)}};
    const bool untrained = loaded.model && is_untrained(*loaded.model);
    document["untrained"] = untrained;
    if (untrained) text += "untrained: its weights are seeded, what it answers means nothing\n";
    shell.answer(document, text + times_text(times, where));
}

}  // namespace

void add_infer(CLI::App& app, Shell& shell) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        add_command(app, shell, "infer", "one inference, here or on a server",
                    "breakeven infer mobilenet.onnx --input cat.jpg --labels classes.txt --server edge:8001",
                    [&shell, options] { run_infer(shell, *options); });
    command->add_option("MODEL", options->model, "an .onnx file, or with --server the name of a network there")
        ->required();
    command
        ->add_option("--input", options->inputs,
                     "FILE or NAME=FILE: a JPEG or PNG picture, .npy or raw .bin; repeatable")
        ->required()
        ->allow_extra_args(false);
    add_place_options(*command, options->place);
    command->add_option("--top", options->top, "how many classes to show")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1000}))
        ->capture_default_str();
    command->add_option(
        "--preprocess", options->preprocess,
        "preprocess.json: how pictures become inputs (default: what the model says, else pixels 0 to 255)");
    command->add_option("--labels", options->labels, "names of the classes, one a line");
    command->add_option("-o,--output", options->output, "write the output as .npy");
    add_security_options(*command, shell);
    add_transport_option(*command, shell);
}

}  // namespace breakeven::cli
