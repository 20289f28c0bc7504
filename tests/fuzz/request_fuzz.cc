// A ModelInfer request as it comes from the network, up to an engine in memory: parsing, typed contents, checking
// against a model, the response. And the same bytes as a reply that our client gets.
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cstdint>

#include "../fakes/scripted_engine.h"
#include "breakeven/serve/inference.h"
#include "breakeven/time/clock.h"

namespace {

using namespace breakeven;

constexpr std::array datatypes{DType::boolean,  DType::uint8,   DType::int8,    DType::uint16, DType::int16,
                               DType::uint32,   DType::int32,   DType::uint64,  DType::int64,  DType::float16,
                               DType::bfloat16, DType::float32, DType::float64, DType::string};

/// One model for each datatype, of its name: one input "x" of any length, answered as it came.
struct World {
    fakes::ScriptedEngine engine;
    Repository repository{engine, [](const std::filesystem::path&) { return ModelImage(); }, {}};
    Admission admission{{.running = 1, .waiting = 1}};
    VirtualClock clock;
    Inference inference{{.repository = repository, .admission = admission, .clock = clock, .log = {}}};

    World() {
        for (const DType dtype : datatypes) {
            const std::string model(protocol_name(dtype));
            engine.scripts[model] = fakes::identity({{"x", dtype, {-1}}});
            repository.add(ModelImage{.name = model, .bytes = {}, .path = {}, .sha256 = {}});
        }
    }
};

/// Slices of a message as gRPC hands them over: the parser must not care where they end.
Parsed parse_in_slices(std::string_view bytes, int slice) {
    google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()), slice);
    return parse(MessageKind::request, stream, Bytes(static_cast<std::int64_t>(bytes.size())));
}

void require(bool condition) {
    if (!condition) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static World world;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    Parsed parsed = parse(MessageKind::request, bytes);
    require(parsed.index() == parse_in_slices(bytes, 3).index());
    if (auto* message = std::get_if<ParsedMessage>(&parsed); message != nullptr && !message->tensors.empty()) {
        message->tensors[0].name = "x";
        message->model = message->tensors[0].datatype;
        message->version.clear();
    }
    const Answered answered = world.inference.answer(std::move(parsed), {});
    if (const auto* refusal = std::get_if<Refusal>(&answered)) {
        require(!refusal->reason.empty() && refusal->reason.size() < 4000);
        require(refusal->code != RefusalCode::internal);
    }
    Parsed reply = parse(MessageKind::response, bytes);
    if (auto* message = std::get_if<ParsedMessage>(&reply)) {
        try {
            (void)take_tensors(*message);
        } catch (const Error&) {  // more memory than there is
        }
    }
    return 0;
}
