// Machine: this host's facts, as far as they change a result. They key the store and stand in every report.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "breakeven/units/units.h"

namespace breakeven {

/// Where the kernel's text files lie; tests bring their own.
struct SystemFiles {
    std::filesystem::path proc = "/proc";
    std::filesystem::path sys = "/sys";
    std::filesystem::path etc = "/etc";
};

/// A limit in whole processors: 1.5 of them.
using Processors = Quantity<struct ProcessorsTag>;
inline constexpr Unit<Processors> processors{1.0};

struct Machine {
    std::string name;                 ///< the host name
    std::string identity;             ///< a hash of the machine id, so that two hosts of one name differ
    std::string cpu;                  ///< the model as the kernel prints it
    int cores = 0;                    ///< physical, of the whole machine
    int threads = 0;                  ///< logical processors this process may use
    std::optional<Processors> quota;  ///< what the control group grants, where it limits
    Bytes memory;
    std::string kernel;
    std::optional<std::string> governor;  ///< of processor 0; nothing where the kernel tells none (most VMs)
};

Machine this_machine(const SystemFiles& files = {});

/// One line with everything in it that changes a result: the store's host key.
std::string fingerprint(const Machine& machine);

/// One line for people: "lab (AMD EPYC, 2 threads, 24 GB, Linux 6.1)".
std::string to_text(const Machine& machine);

/// The first line of a file, without the line break; empty where it cannot be read.
std::string first_line(const std::filesystem::path& path);

}  // namespace breakeven
