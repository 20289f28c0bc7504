// ONNX Runtime's execution providers by name: `cuda:0`, `tensorrt:0`, `xnnpack:2`, `qnn:0`, `vsinpu:0`, and what plugin
// libraries bring, such as OpenVINO's. Which of them a library has, why one is missing, and how many nodes it really
// takes. Included by the engine alone.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/engine/onnxruntime_newer.h"

namespace breakeven {

class OnnxRuntimeProviders final {
   public:
    /// Of a library that was loaded.
    struct Library {
        void* handle = nullptr;
        const OrtApiBase* base = nullptr;
        OrtEnv* environment = nullptr;
        std::string version;
    };
    struct Plugins {
        std::vector<std::filesystem::path> files;
        std::function<std::string(const std::filesystem::path&)> trial;  ///< as OnnxRuntimeOptions has it
    };
    /// A plugin that does not load is named by platforms(), and harms no other.
    OnnxRuntimeProviders(Library library, const Plugins& plugins);

    /// The providers that are known by name or here; of those that are not, why.
    std::vector<PlatformStatus> platforms() const;

    /// Has the session use `platform`, with its options. Throws Error{unsupported} with what is missing, {usage} for an
    /// option that is none.
    void add_to(Ort::SessionOptions& session, const Platform& platform) const;

    /// Of a session made so; nothing where the library does not tell.
    std::optional<Placement> placement(const OrtSession* session, const Platform& platform) const;

   private:
    struct Device {
        std::string unit;
        const void* device = nullptr;
    };
    void register_plugin(const std::filesystem::path& plugin);
    PlatformStatus status(const std::string& unit, int number) const;
    bool is_built_in(const std::string& unit) const;
    std::vector<const void*> devices_of(const std::string& unit) const;
    std::string why_missing(const std::string& unit) const;
    void add_plugin(Ort::SessionOptions& session, const Platform& platform, const void* device) const;

    Library library_;
    OnnxRuntimeNewer newer_;
    std::map<std::string, std::string> built_in_;  ///< by unit, the library's own name for it
    std::vector<Device> devices_;
    std::vector<std::string> broken_plugins_;  ///< why
};

}  // namespace breakeven
