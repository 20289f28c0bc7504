// A stand-in for NVIDIA's library with the functions that nvml.h declares: GPU 0 counts energy, GPU 1 tells only power.
#include <cstring>

namespace {
int devices[2];
unsigned long long energy = 1000;
}  // namespace

extern "C" {
int nvmlInit_v2() {
    return 0;
}
int nvmlShutdown() {
    return 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
    *count = 2;
    return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
    *device = &devices[index];
    return 0;
}
int nvmlDeviceGetName(void* device, char* name, unsigned length) {
    std::strncpy(name, device == &devices[0] ? "Fake Volta" : "Fake Maxwell", length);
    return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void* device, unsigned long long* millijoules) {
    if (device != &devices[0]) return 3;  // NVML_ERROR_NOT_SUPPORTED
    *millijoules = energy += 1500;
    return 0;
}
int nvmlDeviceGetPowerUsage(void* /*device*/, unsigned* milliwatts) {
    *milliwatts = 42500;
    return 0;
}
const char* nvmlErrorString(int /*result*/) {
    return "Not Supported";
}
}
