// Memory use: see memory_use.h.
#include "breakeven/measure/memory_use.h"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace breakeven {

Bytes resident_memory() {
    std::ifstream file("/proc/self/statm");
    std::int64_t size = 0;
    std::int64_t resident = 0;
    std::int64_t of_files = 0;
    if (!(file >> size >> resident >> of_files)) return Bytes();
    return Bytes((resident - of_files) * sysconf(_SC_PAGESIZE));
}

std::optional<Bytes> available_memory() {
    std::ifstream file("/proc/meminfo");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string key;
        std::int64_t kibibytes = 0;
        if (words >> key >> kibibytes && key == "MemAvailable:") return Bytes(kibibytes * 1024);
    }
    return std::nullopt;
}

}  // namespace breakeven
