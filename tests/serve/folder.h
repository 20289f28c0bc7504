// A throw-away folder of files.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace breakeven::fakes {

struct Folder {
    std::filesystem::path path;

    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "breakeven-serve-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) std::abort();
        path = pattern;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    void write(const std::string& name, const std::string& bytes = "x") const {
        std::filesystem::create_directories((path / name).parent_path());
        std::ofstream(path / name) << bytes;
    }
};

}  // namespace breakeven::fakes
