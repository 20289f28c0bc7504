// The forms of 8-bit integers that `breakeven compress --forms` tried: as JSON, and for people.
#pragma once

#include <filesystem>
#include <string>

#include "breakeven/advise/number_forms.h"
#include "cli/shell.h"

namespace breakeven::cli {

/// Writes each form into `folder`, as STEM-FORM.onnx.
void write_forms(const FormsTried& tried, const std::string& stem, const std::filesystem::path& folder);
Json forms_json(const FormsTried& tried, const std::string& stem, const std::filesystem::path& folder);
std::string forms_text(const FormsTried& tried, const Platform& platform);

}  // namespace breakeven::cli
