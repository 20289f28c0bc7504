// ONNX Runtime's execution providers: see onnxruntime_providers.h.
#include "breakeven/engine/onnxruntime_providers.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <thread>
#include <unordered_map>
#include <utility>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr std::string_view name_ending = "ExecutionProvider";

/// A provider that users ask for by name, and where a library with it comes from.
struct Known {
    std::string_view unit;
    std::string_view title;
    std::string_view where;
};
constexpr std::array known{
    Known{"cuda", "CUDA", "PyPI's onnxruntime-gpu has it: BREAKEVEN_ONNXRUNTIME=.../capi/libonnxruntime.so.VERSION"},
    Known{"tensorrt", "TensorRT",
          "PyPI's onnxruntime-gpu has it: BREAKEVEN_ONNXRUNTIME=.../capi/libonnxruntime.so.VERSION"},
    Known{"xnnpack", "XNNPACK",
          "ONNX Runtime built with --use_xnnpack has it: BREAKEVEN_ONNXRUNTIME=.../libonnxruntime.so"},
    Known{"qnn", "QNN", "Qualcomm's builds have it: BREAKEVEN_ONNXRUNTIME=.../libonnxruntime.so"},
    Known{"vsinpu", "VSINPU", "the board vendor's build has it: BREAKEVEN_ONNXRUNTIME=.../libonnxruntime.so"},
    Known{"openvino", "OpenVINO",
          "PyPI's onnxruntime-ep-openvino has it: BREAKEVEN_ONNXRUNTIME_PLUGINS=.../"
          "libonnxruntime_providers_openvino_plugin.so"},
};

/// "CUDAExecutionProvider" is the unit "cuda".
std::string unit_of(std::string_view name) {
    if (name.ends_with(name_ending)) name.remove_suffix(name_ending.size());
    std::string unit;
    for (const char c : name) unit += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return unit;
}

std::string title_of(const std::string& unit) {
    const auto found = std::ranges::find(known, unit, &Known::unit);
    return found == known.end() ? unit : std::string(found->title);
}

std::string attempt_to_use(const Platform& platform) {
    return "use " + to_text(platform);
}

/// The library's messages begin with its source's folders, lines and functions.
std::string reason_of(const Ort::Exception& error) {
    constexpr std::string_view mark = ": FAIL : ";
    constexpr std::size_t length_max = 400;
    std::string text = error.what();
    if (const std::size_t found = text.rfind(mark); found != std::string::npos) text.erase(0, found + mark.size());
    return text.substr(0, length_max);
}

/// Options in the two arrays that C functions take.
struct KeysAndValues {
    std::vector<std::pair<std::string, std::string>> pairs;
    std::vector<const char*> keys;
    std::vector<const char*> values;

    explicit KeysAndValues(std::vector<std::pair<std::string, std::string>> given) : pairs(std::move(given)) {
        for (const auto& [key, value] : pairs) {
            keys.push_back(key.c_str());
            values.push_back(value.c_str());
        }
    }
};

/// An option that names no entry of the session's own.
bool is_providers(const std::string& key) {
    return key.find('.') == std::string::npos;
}

KeysAndValues provider_options(const Platform& platform) {
    std::vector<std::pair<std::string, std::string>> options;
    const auto give = [&](const char* key) { options.emplace_back(key, fmt::format("{}", platform.number)); };
    if (platform.unit == "cuda" || platform.unit == "tensorrt") give("device_id");
    if (platform.unit == "xnnpack") give("intra_op_num_threads");
    for (auto& [key, value] : options_of(platform)) {
        if (is_providers(key)) options.emplace_back(std::move(key), std::move(value));
    }
    return KeysAndValues(std::move(options));
}

void add_cuda(Ort::SessionOptions& session, const KeysAndValues& options) {
    OrtCUDAProviderOptionsV2* raw = nullptr;
    const OrtApi& api = Ort::GetApi();
    Ort::ThrowOnError(api.CreateCUDAProviderOptions(&raw));
    const std::unique_ptr<OrtCUDAProviderOptionsV2, void (*)(OrtCUDAProviderOptionsV2*)> made(
        raw, api.ReleaseCUDAProviderOptions);
    Ort::ThrowOnError(
        api.UpdateCUDAProviderOptions(raw, options.keys.data(), options.values.data(), options.keys.size()));
    session.AppendExecutionProvider_CUDA_V2(*raw);
}

void add_tensorrt(Ort::SessionOptions& session, const KeysAndValues& options) {
    OrtTensorRTProviderOptionsV2* raw = nullptr;
    const OrtApi& api = Ort::GetApi();
    Ort::ThrowOnError(api.CreateTensorRTProviderOptions(&raw));
    const std::unique_ptr<OrtTensorRTProviderOptionsV2, void (*)(OrtTensorRTProviderOptionsV2*)> made(
        raw, api.ReleaseTensorRTProviderOptions);
    Ort::ThrowOnError(
        api.UpdateTensorRTProviderOptions(raw, options.keys.data(), options.values.data(), options.keys.size()));
    session.AppendExecutionProvider_TensorRT_V2(*raw);
}

/// It has no entry in the table of functions, only a symbol of its own (its provider's factory header).
void add_vsinpu(Ort::SessionOptions& session, void* library) {
    using Add = OrtStatus* (*)(OrtSessionOptions*);
    const auto add = reinterpret_cast<Add>(dlsym(library, "OrtSessionOptionsAppendExecutionProvider_VSINPU"));
    if (add == nullptr) throw Ort::Exception("the library does not export it", ORT_NOT_IMPLEMENTED);
    Ort::ThrowOnError(add(session));
}

}  // namespace

OnnxRuntimeProviders::OnnxRuntimeProviders(Library library, const Plugins& plugins)
    : library_(std::move(library)), newer_(newer_functions(*library_.base)) {
    for (const std::string& name : Ort::GetAvailableProviders()) built_in_[unit_of(name)] = name;
    // Its own processor is `cpu:N`; Azure's is a remote service that takes no network.
    for (const char* none : {"cpu", "azure"}) built_in_.erase(none);
    if (!plugins.files.empty() && !newer_.has_plugins()) {
        broken_plugins_.push_back(fmt::format("ONNX Runtime {} takes no plugins; 1.22 and newer do", library_.version));
        return;
    }
    for (const std::filesystem::path& plugin : plugins.files) {
        const std::string refusal = plugins.trial ? plugins.trial(plugin) : "";
        if (refusal.empty()) {
            register_plugin(plugin);
        } else {
            broken_plugins_.push_back("plugin " + refusal);
        }
    }
}

void OnnxRuntimeProviders::register_plugin(const std::filesystem::path& plugin) {
    try {
        Ort::ThrowOnError(
            newer_.RegisterExecutionProviderLibrary(library_.environment, plugin.stem().c_str(), plugin.c_str()));
        const void* const* found = nullptr;
        std::size_t count = 0;
        Ort::ThrowOnError(newer_.GetEpDevices(library_.environment, &found, &count));
        const std::size_t before = devices_.size();
        for (std::size_t i = 0; i < count; ++i) {
            const std::string unit = unit_of(newer_.EpDevice_EpName(found[i]));
            const bool known_already = std::ranges::find(devices_, found[i], &Device::device) != devices_.end();
            if (unit != "cpu" && !known_already) devices_.push_back({unit, found[i]});
        }
        if (devices_.size() > before) return;
        broken_plugins_.push_back(fmt::format("plugin '{}' finds no device of its own here", plugin.string()));
    } catch (const Ort::Exception& error) {
        broken_plugins_.push_back(fmt::format("plugin '{}' does not load: {}", plugin.string(), error.what()));
    }
}

bool OnnxRuntimeProviders::is_built_in(const std::string& unit) const {
    return built_in_.contains(unit);
}

std::vector<const void*> OnnxRuntimeProviders::devices_of(const std::string& unit) const {
    std::vector<const void*> found;
    for (const Device& device : devices_) {
        if (device.unit == unit) found.push_back(device.device);
    }
    return found;
}

std::string OnnxRuntimeProviders::why_missing(const std::string& unit) const {
    const auto found = std::ranges::find(known, unit, &Known::unit);
    if (found == known.end()) {
        std::vector<std::string_view> units{"cpu"};
        for (const Known& each : known) units.push_back(each.unit);
        for (const auto& [own, name] : built_in_) {
            if (std::ranges::find(units, own) == units.end()) units.push_back(own);
        }
        return fmt::format("ONNX Runtime has no unit '{}'; units are {}", unit, fmt::join(units, ", "));
    }
    if (unit == "openvino" && !broken_plugins_.empty()) return broken_plugins_.front();
    return fmt::format("this ONNX Runtime ({}) is built without {}; {}", library_.version, found->title, found->where);
}

PlatformStatus OnnxRuntimeProviders::status(const std::string& unit, int number) const {
    PlatformStatus status;
    status.platform.engine = "onnxruntime";
    status.platform.unit = unit;
    status.platform.number = number;
    try {
        Ort::SessionOptions tried;
        add_to(tried, status.platform);
        status.available = true;
    } catch (const Error& error) {
        status.reason = std::string(error.what()).substr(attempt_to_use(status.platform).size() + 2);
    }
    return status;
}

std::vector<PlatformStatus> OnnxRuntimeProviders::platforms() const {
    std::vector<std::string> units;
    const auto name = [&](const std::string& unit) {
        if (std::ranges::find(units, unit) == units.end()) units.push_back(unit);
    };
    for (const Known& each : known) name(std::string(each.unit));
    for (const auto& [unit, own] : built_in_) name(unit);
    for (const Device& device : devices_) name(device.unit);
    std::vector<PlatformStatus> all;
    for (const std::string& unit : units) {
        if (unit == "xnnpack") {  // its number is one of threads
            all.push_back(status(unit, static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))));
            continue;
        }
        const std::size_t count = std::max<std::size_t>(1, devices_of(unit).size());
        for (std::size_t i = 0; i < count; ++i) all.push_back(status(unit, static_cast<int>(i)));
    }
    for (const std::string& problem : broken_plugins_) {
        if (std::ranges::find(all, problem, &PlatformStatus::reason) != all.end()) continue;
        PlatformStatus broken;
        broken.platform.engine = "onnxruntime";
        broken.platform.unit = "plugin";
        broken.reason = problem;
        all.push_back(std::move(broken));
    }
    return all;
}

void OnnxRuntimeProviders::add_plugin(Ort::SessionOptions& session, const Platform& platform,
                                      const void* device) const {
    const KeysAndValues options = provider_options(platform);
    Ort::ThrowOnError(newer_.SessionOptionsAppendExecutionProvider_V2(
        session, library_.environment, &device, 1, options.keys.data(), options.values.data(), options.keys.size()));
}

void OnnxRuntimeProviders::add_to(Ort::SessionOptions& session, const Platform& platform) const {
    const std::string& unit = platform.unit;
    const std::string attempt = attempt_to_use(platform);
    const std::vector<const void*> devices = devices_of(unit);
    if (devices.empty() && !is_built_in(unit)) throw Error(ErrorKind::unsupported, attempt, why_missing(unit));
    const auto index = static_cast<std::size_t>(platform.number);
    if (!devices.empty() && index >= devices.size()) {
        throw Error(ErrorKind::unsupported, attempt,
                    fmt::format("{} has {} device{} here, counted from 0", title_of(unit), devices.size(),
                                devices.size() == 1 ? "" : "s"));
    }
    try {
        if (newer_.tells_placement()) session.AddConfigEntry("session.record_ep_graph_assignment_info", "1");
        if (!devices.empty()) return add_plugin(session, platform, devices[index]);
        const KeysAndValues options = provider_options(platform);
        if (unit == "cuda") return add_cuda(session, options);
        if (unit == "tensorrt") return add_tensorrt(session, options);
        if (unit == "vsinpu") return add_vsinpu(session, library_.handle);
        std::string name = built_in_.at(unit);
        if (name.ends_with(name_ending)) name.resize(name.size() - name_ending.size());
        if (unit == "xnnpack") name = "XNNPACK";
        std::unordered_map<std::string, std::string> map;
        for (const auto& [key, value] : options.pairs) map[key] = value;
        session.AppendExecutionProvider(name, map);
    } catch (const Ort::Exception& error) {
        throw Error(ErrorKind::unsupported, attempt,
                    fmt::format("{} is not usable here: {}", title_of(unit), reason_of(error)));
    }
}

std::optional<Placement> OnnxRuntimeProviders::placement(const OrtSession* session, const Platform& platform) const {
    if (!newer_.tells_placement() || platform.unit == "cpu") return std::nullopt;
    Placement placement{.provider = title_of(platform.unit)};
    std::map<std::string, std::size_t> left;
    const void* const* parts = nullptr;
    std::size_t count = 0;
    Ort::ThrowOnError(newer_.Session_GetEpGraphAssignmentInfo(session, &parts, &count));
    for (std::size_t i = 0; i < count; ++i) {
        const char* provider = nullptr;
        const void* const* nodes = nullptr;
        std::size_t node_count = 0;
        Ort::ThrowOnError(newer_.EpAssignedSubgraph_GetEpName(parts[i], &provider));
        Ort::ThrowOnError(newer_.EpAssignedSubgraph_GetNodes(parts[i], &nodes, &node_count));
        placement.total += node_count;
        if (unit_of(provider) == platform.unit) {
            placement.there += node_count;
            continue;
        }
        for (std::size_t n = 0; n < node_count; ++n) {
            const char* type = nullptr;
            Ort::ThrowOnError(newer_.EpAssignedNode_GetOperatorType(nodes[n], &type));
            ++left[type];
        }
    }
    for (const auto& [op, times] : left) placement.left.push_back({op, times});
    std::ranges::stable_sort(placement.left, std::ranges::greater{}, &Placement::Left::count);
    return placement;
}

}  // namespace breakeven
