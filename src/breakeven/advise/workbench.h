// Workbench: a temporary folder with what an embedded server serves: the network as given and, where its input is a
// picture, the form that takes 8-bit pixels. Removed with the object.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/files/model_file.h"
#include "breakeven/link/transfer.h"
#include "breakeven/tensor/preprocess.h"

namespace breakeven {

/// The network in one form that can be offloaded.
struct OffloadForm {
    std::string name;            ///< under which a server has it
    std::string codec;           ///< "raw" or "u8"
    std::filesystem::path path;  ///< its file on the workbench
    std::vector<TensorSpec> inputs;
    std::vector<TensorSpec> outputs;
};

class Workbench final {
   public:
    /// Throws Error{unavailable} when no temporary folder can be made.
    explicit Workbench(const ModelFile& model, const std::optional<Preprocess>& preprocess);
    ~Workbench();
    Workbench(const Workbench&) = delete;
    Workbench& operator=(const Workbench&) = delete;

    const std::filesystem::path& repository() const { return repository_; }
    const std::vector<OffloadForm>& forms() const { return forms_; }
    /// Why there is no `u8` form; empty when there is.
    const std::string& no_pixels_reason() const { return no_pixels_reason_; }

    /// Puts the tail of a cut into the repository, once, and returns its size there.
    Bytes add_tail(const ModelFile& whole, const std::vector<std::string>& cut);

    /// Writes a file of that name into the folder, beside the repository.
    std::filesystem::path write(const std::string& name, const std::string& text) const;

   private:
    void add_as_given(const ModelFile& model);
    void add_pixels(const ModelFile& model, const std::optional<Preprocess>& preprocess);

    std::filesystem::path folder_;
    std::filesystem::path repository_;
    std::vector<OffloadForm> forms_;
    std::string no_pixels_reason_;
};

/// What one inference of that form moves: the bytes of its tensors, for one sample. Throws Error{unsupported} when the
/// model leaves a shape open that is needed to tell.
Payload payload_of(const OffloadForm& form);

}  // namespace breakeven
