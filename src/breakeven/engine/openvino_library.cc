// OpenVINO's C interface, found at run time: see openvino_library.h.
#include "breakeven/engine/openvino_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include "breakeven/engine/shared_library.h"
#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr std::array<std::pair<DType, ov_element_type_e>, 13> types{{
    {DType::boolean, ov_element_type_e::BOOLEAN},
    {DType::uint8, ov_element_type_e::U8},
    {DType::int8, ov_element_type_e::I8},
    {DType::uint16, ov_element_type_e::U16},
    {DType::int16, ov_element_type_e::I16},
    {DType::uint32, ov_element_type_e::U32},
    {DType::int32, ov_element_type_e::I32},
    {DType::uint64, ov_element_type_e::U64},
    {DType::int64, ov_element_type_e::I64},
    {DType::float16, ov_element_type_e::F16},
    {DType::bfloat16, ov_element_type_e::BF16},
    {DType::float32, ov_element_type_e::F32},
    {DType::float64, ov_element_type_e::F64},
}};

const std::string attempt_load = "load OpenVINO";

void* open_library(const OpenVinoOptions& options) {
    std::string problem = "its library is not here";
    for (const std::filesystem::path& path : options.libraries) {
        std::error_code ignored;
        if (path.has_parent_path() && !std::filesystem::exists(path, ignored)) continue;
        if (const std::string refusal = options.trial ? options.trial(path) : ""; !refusal.empty()) {
            problem = refusal;
            continue;
        }
        const SharedLibrary opened = open_shared(path);
        if (opened.handle != nullptr) return opened.handle;
        if (path.has_parent_path()) problem = opened.problem;
    }
    throw Error(ErrorKind::unsupported, attempt_load,
                problem + "; `./dev setup` fetches it, or set BREAKEVEN_OPENVINO to a libopenvino_c.so");
}

/// The reason in one line: the library's messages run over several, with its source's file names in front.
std::string one_line(const char* message) {
    constexpr std::string_view frame = "Exception from ", frame_end = ":\n";
    std::string_view text = message == nullptr ? "" : message;
    while (text.starts_with(frame) && text.find(frame_end) != std::string_view::npos) {
        text.remove_prefix(text.find(frame_end) + frame_end.size());
    }
    std::string line;
    for (const char* c = text.begin(); c != text.end() && line.size() < 300; ++c) {
        const bool blank = std::isspace(static_cast<unsigned char>(*c)) != 0;
        if (!blank) line += *c;
        if (blank && !line.empty() && line.back() != ' ') line += ' ';
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line.empty() ? "it gives no reason" : line;
}

}  // namespace

OpenVinoLibrary::OpenVinoLibrary(const OpenVinoOptions& options) {
    void* handle = open_library(options);
    const auto find = [handle](auto& function, const char* name) {
        void* address = dlsym(handle, name);
        if (address == nullptr) {
            throw Error(ErrorKind::unsupported, attempt_load,
                        fmt::format("the library lacks {}: it is none of OpenVINO's, or too old (2023.0 or newer is "
                                    "needed)",
                                    name));
        }
        function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
    };
#define BREAKEVEN_FIND(name) find(functions_.name, #name)
    BREAKEVEN_FIND(ov_get_openvino_version);
    BREAKEVEN_FIND(ov_version_free);
    BREAKEVEN_FIND(ov_get_last_err_msg);
    BREAKEVEN_FIND(ov_free);
    BREAKEVEN_FIND(ov_core_create);
    BREAKEVEN_FIND(ov_core_free);
    BREAKEVEN_FIND(ov_core_get_available_devices);
    BREAKEVEN_FIND(ov_available_devices_free);
    BREAKEVEN_FIND(ov_core_read_model);
    BREAKEVEN_FIND(ov_core_read_model_from_memory_buffer);
    BREAKEVEN_FIND(ov_core_compile_model);
    BREAKEVEN_FIND(ov_model_free);
    BREAKEVEN_FIND(ov_compiled_model_inputs_size);
    BREAKEVEN_FIND(ov_compiled_model_input_by_index);
    BREAKEVEN_FIND(ov_compiled_model_outputs_size);
    BREAKEVEN_FIND(ov_compiled_model_output_by_index);
    BREAKEVEN_FIND(ov_compiled_model_create_infer_request);
    BREAKEVEN_FIND(ov_compiled_model_free);
    BREAKEVEN_FIND(ov_output_const_port_free);
    BREAKEVEN_FIND(ov_port_get_any_name);
    BREAKEVEN_FIND(ov_port_get_element_type);
    BREAKEVEN_FIND(ov_port_get_partial_shape);
    BREAKEVEN_FIND(ov_partial_shape_free);
    BREAKEVEN_FIND(ov_infer_request_set_input_tensor_by_index);
    BREAKEVEN_FIND(ov_infer_request_get_output_tensor_by_index);
    BREAKEVEN_FIND(ov_infer_request_infer);
    BREAKEVEN_FIND(ov_infer_request_free);
    BREAKEVEN_FIND(ov_tensor_create_from_host_ptr);
    BREAKEVEN_FIND(ov_tensor_get_shape);
    BREAKEVEN_FIND(ov_shape_free);
    BREAKEVEN_FIND(ov_tensor_get_element_type);
    BREAKEVEN_FIND(ov_tensor_get_byte_size);
    BREAKEVEN_FIND(ov_tensor_data);
    BREAKEVEN_FIND(ov_tensor_free);
#undef BREAKEVEN_FIND
    check(functions_.ov_core_create(&core_), attempt_load);
}

OpenVinoLibrary::~OpenVinoLibrary() {
    if (core_ != nullptr) functions_.ov_core_free(core_);
}

std::string OpenVinoLibrary::version() const {
    ov_version_t version{};
    check(functions_.ov_get_openvino_version(&version), "ask OpenVINO for its version");
    std::string text = version.buildNumber == nullptr ? "unknown" : version.buildNumber;
    functions_.ov_version_free(&version);
    return text;
}

std::vector<std::string> OpenVinoLibrary::devices() const {
    ov_available_devices_t found{};
    check(functions_.ov_core_get_available_devices(core_, &found), "ask OpenVINO for its devices");
    std::vector<std::string> names(found.devices, found.devices + found.size);
    functions_.ov_available_devices_free(&found);
    return names;
}

void OpenVinoLibrary::check(ov_status_e status, const std::string& attempt) const {
    if (status == ov_status_e::OK) return;
    const ErrorKind kind = status == ov_status_e::NOT_FOUND ? ErrorKind::unsupported : ErrorKind::input;
    // The text is a copy of our own.
    const Owned<const char> text(functions_.ov_get_last_err_msg(), functions_.ov_free);
    throw Error(kind, attempt, "OpenVINO: " + one_line(text.get()));
}

DType dtype_of(ov_element_type_e type) {
    for (const auto& [ours, theirs] : types) {
        if (theirs == type) return ours;
    }
    throw Error(ErrorKind::unsupported, "run the model",
                fmt::format("an input or output has OpenVINO's element type {}, which cannot be sent or received",
                            static_cast<int>(type)));
}

ov_element_type_e openvino_type(DType dtype) {
    for (const auto& [ours, theirs] : types) {
        if (ours == dtype) return theirs;
    }
    throw Error(ErrorKind::unsupported, "run the model on OpenVINO", fmt::format("it takes no {}", name(dtype)));
}

}  // namespace breakeven
