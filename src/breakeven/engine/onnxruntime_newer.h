// What ONNX Runtime's libraries have had since 1.22 (plugin providers, devices) and 1.24 (which node runs where), and
// the headers that distributions bring have not. Its table of functions only ever grows at the end, and a function's
// place in it never changes (onnxruntime_c_api.h, "OrtApi"); so they are found by their places. Included by the engine
// alone.
#pragma once

#ifndef ORT_API_MANUAL_INIT
#define ORT_API_MANUAL_INIT
#endif
#include <onnxruntime_cxx_api.h>

#include <charconv>
#include <cstddef>
#include <string>
#include <type_traits>

namespace breakeven {

/// Each member is the C function of its name; null where the library is too old for it. Its own types are opaque.
struct OnnxRuntimeNewer {
    using Status = OrtStatus*;
    Status (*RegisterExecutionProviderLibrary)(OrtEnv*, const char* name, const char* path) = nullptr;
    Status (*GetEpDevices)(const OrtEnv*, const void* const** devices, std::size_t* count) = nullptr;
    Status (*SessionOptionsAppendExecutionProvider_V2)(OrtSessionOptions*, OrtEnv*, const void* const* devices,
                                                       std::size_t device_count, const char* const* keys,
                                                       const char* const* values, std::size_t count) = nullptr;
    const char* (*EpDevice_EpName)(const void* device) = nullptr;
    Status (*Session_GetEpGraphAssignmentInfo)(const OrtSession*, const void* const** parts,
                                               std::size_t* count) = nullptr;
    Status (*EpAssignedSubgraph_GetEpName)(const void* part, const char** name) = nullptr;
    Status (*EpAssignedSubgraph_GetNodes)(const void* part, const void* const** nodes, std::size_t* count) = nullptr;
    Status (*EpAssignedNode_GetOperatorType)(const void* node, const char** type) = nullptr;

    bool has_plugins() const { return GetEpDevices != nullptr; }
    bool tells_placement() const { return Session_GetEpGraphAssignmentInfo != nullptr; }
};

/// From the library's own entry.
inline OnnxRuntimeNewer newer_functions(const OrtApiBase& base) {
    static_assert(offsetof(OrtApi, SetEpDynamicOptions) == 284 * sizeof(void*), "the table has another order");
#if ORT_API_VERSION >= 22
    static_assert(offsetof(OrtApi, GetEpDevices) == 303 * sizeof(void*), "the table has another order");
#endif
#if ORT_API_VERSION >= 24
    static_assert(offsetof(OrtApi, Session_GetEpGraphAssignmentInfo) == 407 * sizeof(void*),
                  "the table has another order");
#endif
    constexpr unsigned plugins_since = 22;
    constexpr unsigned placement_since = 24;
    OnnxRuntimeNewer newer;
    // Asked for what it has not, the library writes to stderr; its version "1.N.x" has the interface N.
    const std::string version = base.GetVersionString();
    unsigned minor = 0;
    if (version.starts_with("1.")) std::from_chars(version.data() + 2, version.data() + version.size(), minor);
    const auto api_of = [&](unsigned needed) { return minor >= needed ? base.GetApi(needed) : nullptr; };
    const auto take = [](const OrtApi* api, auto& function, std::size_t place) {
        function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(
            const_cast<void*>(reinterpret_cast<const void* const*>(api)[place]));
    };
    if (const OrtApi* api = api_of(plugins_since); api != nullptr) {
        take(api, newer.RegisterExecutionProviderLibrary, 301);
        take(api, newer.GetEpDevices, 303);
        take(api, newer.SessionOptionsAppendExecutionProvider_V2, 304);
        take(api, newer.EpDevice_EpName, 312);
    }
    if (const OrtApi* api = api_of(placement_since); api != nullptr) {
        take(api, newer.Session_GetEpGraphAssignmentInfo, 407);
        take(api, newer.EpAssignedSubgraph_GetEpName, 408);
        take(api, newer.EpAssignedSubgraph_GetNodes, 409);
        take(api, newer.EpAssignedNode_GetOperatorType, 412);
    }
    return newer;
}

}  // namespace breakeven
