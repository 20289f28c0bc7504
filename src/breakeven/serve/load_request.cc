// Reading load requests: see load_request.h. Names, types and refusals follow Triton's server
// (github.com/triton-inference-server/server, docs/protocol/extension_model_repository.md).
#include "breakeven/serve/load_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "breakeven/wire/deploy.h"

namespace breakeven {
namespace {

using Json = nlohmann::json;
using inference::ModelRepositoryParameter;

constexpr std::size_t config_length_max = 64 << 10;
constexpr std::size_t name_length_max = 200;

Refusal invalid(std::string reason) {
    return {RefusalCode::invalid_argument, std::move(reason)};
}

Refusal wrong_type(const std::string& name, std::string_view expected) {
    return invalid(fmt::format("invalid value type for load parameter {}, expected {}", in_quotes(name), expected));
}

/// A name is never a path here, and no name that would be one is taken: elsewhere it may become one.
std::optional<Refusal> refuse_name(const std::string& name) {
    const bool plain = std::none_of(name.begin(), name.end(), [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == '/' || c == '\\' || c == '\x7f';
    });
    if (!name.empty() && name.size() <= name_length_max && plain && name.front() != '.') return std::nullopt;
    return invalid(fmt::format("{} is no name for a model: 1 to {} characters, no slash, no dot in front",
                               in_quotes(name), name_length_max));
}

bool is_sha256(const std::string& text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

struct Config {
    std::string filename;  ///< empty: either of the usual ones
    std::string sha256;
};

/// What of the configuration concerns us. What would change the network's meaning and is not done here is refused;
/// how many instances run and how they batch is the server's own business.
std::variant<Config, Refusal> read_config(const std::string& text, const std::string& model) {
    if (text.size() > config_length_max) return invalid("the config is longer than 64 KiB");
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return invalid("Invalid config override: it is not a JSON object");
    const auto text_of = [&](const char* key) {
        const auto found = json.find(key);
        return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    if (const std::string name = text_of("name"); !name.empty() && name != model) {
        return invalid(fmt::format("the config is of model {}, the request of {}", in_quotes(name), in_quotes(model)));
    }
    const std::string platform = text_of("platform"), backend = text_of("backend");
    const auto is_any_of = [](const std::string& word, std::initializer_list<std::string_view> words) {
        return word.empty() || std::ranges::find(words, word) != words.end();
    };
    if (!is_any_of(platform, {"onnxruntime_onnx", "onnx_onnxv1", "tensorflow_tflite"}) ||
        !is_any_of(backend, {"onnxruntime", "openvino"})) {
        return Refusal{RefusalCode::unimplemented,
                       "this server takes ONNX and TFLite models only (backends onnxruntime and openvino)"};
    }
    for (const char* key : {"ensemble_scheduling", "sequence_batching", "model_transaction_policy"}) {
        if (json.contains(key) && !json[key].empty() && json[key] != Json{{"decoupled", false}}) {
            return Refusal{RefusalCode::unimplemented, fmt::format("a config with {} is not supported", key)};
        }
    }
    Config config;
    config.filename = text_of("default_model_filename");
    const Json::json_pointer hash("/parameters/" + std::string(sha256_parameter) + "/string_value");
    const Json parameters = json.value("parameters", Json::object());
    if (parameters.is_object() && json.contains(hash)) {
        if (!json[hash].is_string() || !is_sha256(json[hash])) {
            return invalid(fmt::format("{} in the config is no SHA-256", sha256_parameter));
        }
        config.sha256 = json[hash];
    }
    return config;
}

/// Of "VERSION/FILENAME", as it follows "file:".
std::optional<std::int64_t> version_of(std::string_view path, std::string_view filename) {
    std::int64_t version = 0;
    const auto read = std::from_chars(path.data(), path.data() + path.size(), version);
    const std::string_view rest(read.ptr, path.data() + path.size());
    const bool whole = read.ec == std::errc() && version > 0 && rest.starts_with('/');
    const std::string_view given = whole ? rest.substr(1) : "";
    const bool named = filename.empty() ? given == model_filename || given == tflite_filename : given == filename;
    return whole && named ? std::optional(version) : std::nullopt;
}

LoadRequest read_piece(inference::RepositoryModelLoadRequest& request) {
    LoadPiece out;
    SentPiece piece;
    bool has_piece = false, has_offset = false;
    for (const auto& [name, value] : request.parameters()) {
        const auto kind = value.parameter_choice_case();
        if (name == sha256_parameter || name == upload::piece_sha256_parameter) {
            if (kind != ModelRepositoryParameter::kStringParam) return wrong_type(name, "string_param");
            if (!is_sha256(value.string_param())) return invalid(in_quotes(name) + " is no SHA-256");
            (name == sha256_parameter ? out.file.sha256 : piece.sha256) = value.string_param();
        } else if (name == upload::size_parameter || name == upload::offset_parameter) {
            if (kind != ModelRepositoryParameter::kInt64Param) return wrong_type(name, "int64_param");
            (name == upload::size_parameter ? out.file.size : piece.offset) = Bytes(value.int64_param());
            has_offset |= name == upload::offset_parameter;
        } else if (name == upload::piece_parameter) {
            if (kind != ModelRepositoryParameter::kBytesParam) return wrong_type(name, "bytes_param");
            piece.bytes = value.bytes_param();
            has_piece = true;
        } else {
            return invalid(fmt::format("unrecognized load parameter {} beside a piece", in_quotes(name)));
        }
    }
    if (out.file.sha256.empty() || out.file.size <= Bytes()) {
        return invalid(fmt::format("an upload in pieces needs {} and {}", sha256_parameter, upload::size_parameter));
    }
    if (has_piece != has_offset || has_piece == piece.sha256.empty()) {
        return invalid(fmt::format("a piece needs {}, {} and {}", upload::offset_parameter, upload::piece_parameter,
                                   upload::piece_sha256_parameter));
    }
    if (has_piece) out.piece = std::move(piece);
    return out;
}

}  // namespace

LoadRequest read_load_request(inference::RepositoryModelLoadRequest& request) {
    if (!request.repository_name().empty()) {
        return Refusal{RefusalCode::unimplemented, "'repository_name' specification is not supported"};
    }
    if (auto refusal = refuse_name(request.model_name())) return *refusal;
    const auto is_ours = [](const auto& parameter) { return parameter.first.starts_with("breakeven_"); };
    if (std::ranges::any_of(request.parameters(), is_ours)) return read_piece(request);

    std::optional<Config> config;
    std::string file;
    for (const auto& [name, value] : request.parameters()) {
        const auto kind = value.parameter_choice_case();
        if (name == config_parameter) {
            if (kind != ModelRepositoryParameter::kStringParam) return wrong_type(name, "string_param");
            auto read = read_config(value.string_param(), request.model_name());
            if (auto* refusal = std::get_if<Refusal>(&read)) return std::move(*refusal);
            config = std::get<Config>(std::move(read));
        } else if (name.starts_with(file_prefix)) {
            if (kind != ModelRepositoryParameter::kBytesParam) return wrong_type(name, "bytes_param");
            if (!file.empty()) {
                return Refusal{RefusalCode::unimplemented, "one file and one version a request: weights go inside it"};
            }
            file = name;
        } else {
            return invalid(fmt::format("unrecognized load parameter {}", in_quotes(name)));
        }
    }
    if (file.empty()) return LoadFromFolder{};
    if (!config) return invalid("Load parameter 'config' must be specified for model file override");
    const std::optional<std::int64_t> version =
        version_of(std::string_view(file).substr(file_prefix.size()), config->filename);
    if (!version) {
        const std::string_view filename = config->filename.empty() ? model_filename : config->filename;
        return invalid(fmt::format("{} is not {}VERSION/{}", in_quotes(file), file_prefix, filename));
    }
    return LoadFile{.version = *version,
                    .bytes = (*request.mutable_parameters())[file].mutable_bytes_param(),
                    .sha256 = std::move(config->sha256)};
}

}  // namespace breakeven
