// NVML: see nvml.h.
#include "breakeven/meters/nvml.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr double milli = 1e-3;
constexpr unsigned gpus_max = 64;

/// The functions we need, with the types that nvml.h gives them; a nvmlReturn_t of 0 is success.
class Library final {
   public:
    /// Throws Error{unavailable}.
    explicit Library(const std::filesystem::path& file) : handle_(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (handle_ == nullptr) {
            throw Error(ErrorKind::unavailable, "load NVML",
                        fmt::format("there is no {} (NVIDIA's driver brings it)", file.string()));
        }
        try {
            find(init_, "nvmlInit_v2");
            find(shutdown_, "nvmlShutdown");
            find(count_, "nvmlDeviceGetCount_v2");
            find(handle_of_, "nvmlDeviceGetHandleByIndex_v2");
            find(name_, "nvmlDeviceGetName");
            find(energy_, "nvmlDeviceGetTotalEnergyConsumption");
            find(power_, "nvmlDeviceGetPowerUsage");
            find(error_text_, "nvmlErrorString");
            check(init_(), "start NVML");
        } catch (...) {
            dlclose(handle_);
            throw;
        }
    }
    ~Library() {
        shutdown_();
        dlclose(handle_);
    }
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    using Device = void*;

    unsigned count() const {
        unsigned count = 0;
        check(count_(&count), "count the GPUs");
        return count;
    }
    Device device(unsigned index) const {
        Device device = nullptr;
        check(handle_of_(index, &device), fmt::format("open GPU {}", index));
        return device;
    }
    std::string name(Device device) const {
        std::array<char, 96> text{};  // NVML_DEVICE_NAME_V2_BUFFER_SIZE
        check(name_(device, text.data(), static_cast<unsigned>(text.size() - 1)), "read a GPU's name");
        return text.data();
    }
    bool counts_energy(Device device) const {
        unsigned long long energy = 0;
        return energy_(device, &energy) == 0;
    }
    Joules energy(Device device) const {
        unsigned long long energy = 0;
        check(energy_(device, &energy), "read a GPU's energy");
        return joules(static_cast<double>(energy) * milli);
    }
    bool tells_power(Device device) const {
        unsigned power = 0;
        return power_(device, &power) == 0;
    }
    Watts power(Device device) const {
        unsigned power = 0;
        check(power_(device, &power), "read a GPU's power");
        return watts(power * milli);
    }

   private:
    template <class Function>
    void find(Function& function, const char* symbol) {
        function = reinterpret_cast<Function>(dlsym(handle_, symbol));
        if (function == nullptr) {
            throw Error(ErrorKind::unavailable, "load NVML", fmt::format("it lacks {}; the driver is too old", symbol));
        }
    }
    void check(int result, const std::string& attempt) const {
        if (result == 0) return;
        const char* text = error_text_(result);
        throw Error(ErrorKind::unavailable, attempt, text != nullptr ? text : "unknown reason");
    }

    void* handle_;
    int (*init_)() = nullptr;
    int (*shutdown_)() = nullptr;
    int (*count_)(unsigned*) = nullptr;
    int (*handle_of_)(unsigned, Device*) = nullptr;
    int (*name_)(Device, char*, unsigned) = nullptr;
    int (*energy_)(Device, unsigned long long*) = nullptr;
    int (*power_)(Device, unsigned*) = nullptr;
    const char* (*error_text_)(int) = nullptr;
};

class GpuCounter final : public EnergyCounter {
   public:
    GpuCounter(std::shared_ptr<Library> library, Library::Device device)
        : library_(std::move(library)), device_(device) {}
    Joules read() override { return library_->energy(device_); }
    std::optional<Joules> full() const override { return std::nullopt; }

   private:
    std::shared_ptr<Library> library_;
    Library::Device device_;
};

class GpuSensor final : public PowerSensor {
   public:
    GpuSensor(std::shared_ptr<Library> library, Library::Device device)
        : library_(std::move(library)), device_(device) {}
    Watts read() override { return library_->power(device_); }

   private:
    std::shared_ptr<Library> library_;
    Library::Device device_;
};

}  // namespace

NvmlFindings find_nvml(const std::filesystem::path& file, const std::string& which) {
    NvmlFindings result;
    try {
        const auto library = std::make_shared<Library>(file);
        const unsigned count = std::min(library->count(), gpus_max);
        for (unsigned i = 0; i < count; ++i) {
            if (!which.empty() && which != fmt::format("{}", i)) continue;
            const Library::Device device = library->device(i);
            const std::string name = fmt::format("{} {}", i, library->name(device));
            if (library->counts_energy(device)) {
                result.counters.found.push_back({name, std::make_unique<GpuCounter>(library, device)});
            } else if (library->tells_power(device)) {
                result.sensors.found.push_back({name, std::make_unique<GpuSensor>(library, device)});
            } else {
                result.reason = fmt::format("GPU {} tells neither energy nor power", name);
            }
        }
        if (!result.counters.found.empty() || !result.sensors.found.empty()) {
            result.reason.clear();
        } else if (result.reason.empty()) {
            result.reason =
                which.empty() ? "NVML finds no GPU" : fmt::format("there is no GPU '{}' of {}", which, count);
        }
    } catch (const Error& error) {
        result.reason = error.what();
    }
    return result;
}

}  // namespace breakeven
