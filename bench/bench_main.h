// bench_main: what every benchmark's main does: words in, a status out, an error in one line.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace breakeven {

template <class Run>
int bench_main(const char* name, Run run, int argc, char** argv) {
    try {
        return run(std::vector<std::string>{argv + 1, argv + argc});
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}: {}\n", name, error.what());
        return 1;
    }
}

}  // namespace breakeven
