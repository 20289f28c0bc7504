// Any bytes given as a model end in a model whose facts agree with each other, or in one Error of one line.
//   fuzz_model -dict=tests/fuzz/model.dict -rss_limit_mb=4096 -timeout=20 CORPUS tests/fuzz/corpus/model
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "breakeven/error.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/model/model.h"

namespace {

using namespace breakeven;

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

void check_facts(const Model& model) {
    std::int64_t parameters = 0;
    for (const Layer& layer : model.layers()) {
        require(layer.parameters >= 0 && !layer.name.empty(), "a layer has a name and no negative parameters");
        require(!layer.macs || *layer.macs >= 0, "multiply-adds are not negative");
        parameters += layer.parameters;
    }
    require(parameters == model.facts().parameters, "the layers' parameters are the model's");
    require(model.layers().size() <= model.facts().nodes, "layers are nodes");
    for (const Cut& cut : model.cuts()) {
        require(!cut.tensors.empty(), "something crosses a cut");
        require(cut.layers_before > 0 && cut.layers_before < model.layers().size(), "a cut has two sides");
        require(!cut.size || cut.size->count() >= 0, "a size is not negative");
        for (const std::string& tensor : cut.tensors) (void)model.tensor(tensor);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    try {
        const std::string_view bytes(reinterpret_cast<const char*>(data), size);
        const Model model = Model::parse(bytes, "fuzzed", {.memory = Bytes(256 << 20)});
        check_facts(model);
        const Model again = Model::parse(model.serialized(), "again");
        require(again.facts().parameters == model.facts().parameters, "a model survives being written");
        check_facts(with_u8_input(model, preprocess_of(model)));
    } catch (const Error& error) {
        const std::string_view text = error.what();
        require(error.kind() != ErrorKind::internal, "no input is our fault");
        require(text.find('\n') == std::string_view::npos && text.size() < 2000, "an error is one line");
    }
    return 0;
}
