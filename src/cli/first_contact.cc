// `breakeven first-contact` (hidden): loads a model and runs it once, in the child process that engine/first_contact.h
// starts. Whatever a hostile model does to an engine, it does it here.
#include "breakeven/engine/first_contact.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include "breakeven/files/files.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/sample_input.h"
#include "cli/engines.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

/// A model that asks for more than the machine has ends in an error here, not in the kernel's out-of-memory killer.
void limit_memory() {
    const auto bytes = static_cast<rlim_t>(memory_limit().count());
    const rlimit limit{bytes, bytes};
    setrlimit(RLIMIT_AS, &limit);
}

void forbid_core_dumps() {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
}

void run_first_contact(const Shell& shell, const std::string& model, const std::string& platform) {
    forbid_core_dumps();
    const Platform where = parse_platform(platform);
    if (where.unit == "cpu") limit_memory();  // a GPU's driver reserves far more addresses than there is memory
    const ModelFile file = load_model(model);
    const Engines engines = make_engines(shell);
    const auto runner = engines.load(file.image, where, {});
    const std::vector<Tensor> inputs = sample_inputs(runner->inputs(), 1);
    (void)runner->run(inputs);
    fmt::print("{}\n", first_contact_survived);
}

void run_library_contact(const Shell& shell, const std::string& library, const std::string& engine) {
    forbid_core_dumps();
    try_library(shell, library, engine);
    fmt::print("{}\n", library_survived);
}

}  // namespace

void add_first_contact(CLI::App& app, Shell& shell) {
    struct Options {
        std::string model;
        std::string platform = "cpu:1";
        std::string library;
    };
    auto options = std::make_shared<Options>();
    CLI::App* command = add_command(app, shell, "first-contact", "load a model and run it once, in this process",
                                    "breakeven first-contact model.onnx --platform cpu:1", [&shell, options] {
                                        if (options->library.empty()) {
                                            run_first_contact(shell, options->model, options->platform);
                                        } else {
                                            run_library_contact(shell, options->model, options->library);
                                        }
                                    });
    command->add_option("MODEL", options->model)->required();
    command->add_option("--library", options->library, "MODEL is a library of this engine: load that");
    command->add_option("--platform", options->platform);
    command->group("");  // not listed: other commands call it
}

}  // namespace breakeven::cli
