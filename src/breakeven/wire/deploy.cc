// Deploying: see deploy.h.
#include "breakeven/wire/deploy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "breakeven/error.h"
#include "breakeven/model/sha256.h"
#include "breakeven/model/tflite.h"

namespace breakeven {
namespace {

/// Protobuf's limit on one message, less what goes around the file.
constexpr std::int64_t whole_max = std::numeric_limits<std::int32_t>::max() - (1 << 20);

constexpr Bytes piece_min{64 << 10};
/// Larger pieces keep a fast link busy between the server's replies, and cost more when one is lost.
constexpr Bytes piece_max{32 << 20};
constexpr Seconds piece_grows_below{1.0};
constexpr Seconds piece_shrinks_above{4.0};

/// The slowest link for which a whole file is given the time it needs.
constexpr double slowest_bytes_per_second = 100e3;

/// Of the hash in a name: 64 bits; nobody meets two networks that share them by chance.
constexpr std::size_t hash_in_name = 16;

/// The failure of one call as that of another.
template <class Answer, class From>
Outcome<Answer> failure(Outcome<From>& outcome) {
    if (auto* refused = std::get_if<Refused>(&outcome)) return std::move(*refused);
    if (auto* lost = std::get_if<Lost>(&outcome)) return std::move(*lost);
    return std::get<Late>(outcome);
}

class Deployment {
   public:
    Deployment(Client& client, Clock& clock, const std::string& name, const ModelImage& image,
               const DeployOptions& options)
        : client_(client), clock_(clock), name_(name), bytes_(image.bytes), options_(options) {
        made_.sha256 = sha256(bytes_);
    }

    Outcome<Deployed> run() {
        const Seconds start = clock_.now();
        int failures = 0;
        for (;;) {
            advanced_ = false;
            Outcome<Deployed> outcome = attempt();
            if (auto* deployed = std::get_if<Deployed>(&outcome)) {
                deployed->time = clock_.now() - start;
                return outcome;
            }
            if (std::holds_alternative<Refused>(outcome)) return outcome;
            failures = advanced_ ? 1 : failures + 1;
            if (failures >= options_.tries || made_.sent > size() * options_.tries) return outcome;
            if (!client_.wait_until_connected(options_.patience)) return outcome;
        }
    }

   private:
    Outcome<Deployed> attempt() {
        Outcome<ServerDescription> server = client_.describe_server();
        const auto* described = std::get_if<ServerDescription>(&server);
        if (described == nullptr) return failure<Deployed>(server);
        made_.held_against_hash = described->has(sha256_extension);
        Outcome<bool> there = already_there();
        const bool* same = std::get_if<bool>(&there);
        if (same == nullptr) return failure<Deployed>(there);
        if (*same) {
            made_.how = made_.sent > Bytes() ? made_.how : Deployed::How::already_there;
            return made_;
        }
        if (!described->has(repository_extension)) {
            return Refused{.kind = ErrorKind::unavailable,
                           .reason =
                               "the server does not let clients load networks; start it with --allow-load, or "
                               "copy the file into its repository"};
        }
        const bool pieces = described->has(pieces_extension) && size() > options_.first_piece;
        return pieces ? send_pieces() : send_whole();
    }

    /// Whether the server serves this very file under the name.
    Outcome<bool> already_there() {
        Outcome<std::string> told = std::string();
        if (made_.held_against_hash) {
            Outcome<ModelDescription> described = client_.describe_model(name_);
            auto* description = std::get_if<ModelDescription>(&described);
            told = description != nullptr ? description->sha256 : failure<std::string>(described);
        } else {
            told = client_.configured_sha256(name_);
        }
        if (const auto* hash = std::get_if<std::string>(&told)) return *hash == made_.sha256;
        const auto* lost = std::get_if<Lost>(&told);
        // Not there, or the server does not tell; or there and not ready.
        if (std::holds_alternative<Refused>(told) || (lost != nullptr && lost->server_says)) return false;
        return failure<bool>(told);
    }

    /// Where a server forbids loading, or has too much of it to do, it says UNAVAILABLE, as one that is gone would.
    static Outcome<Deployed> failed_load(Outcome<LoadReply>& outcome) {
        const auto* lost = std::get_if<Lost>(&outcome);
        if (lost != nullptr && lost->server_says) {
            return Refused{.kind = ErrorKind::unavailable, .reason = lost->reason};
        }
        return failure<Deployed>(outcome);
    }

    Outcome<Deployed> send_whole() {
        if (size().count() > whole_max) {
            return Refused{.kind = ErrorKind::unsupported,
                           .reason = fmt::format("'{}' is longer than one message may be (2 GiB)", name_)};
        }
        // The name is the request's; what is not said here, Triton completes from the network.
        const bool tflite = is_tflite(bytes_);
        const std::string_view filename = tflite ? tflite_filename : model_filename;
        const nlohmann::json config{{"backend", tflite ? "openvino" : "onnxruntime"},
                                    {"default_model_filename", filename},
                                    {"parameters", {{sha256_parameter, {{"string_value", made_.sha256}}}}}};
        const std::array<LoadParameter, 2> parameters{
            LoadParameter{std::string(config_parameter), config.dump()},
            LoadParameter{fmt::format("{}1/{}", file_prefix, filename), bytes_of(bytes_)}};
        const Seconds on_the_way(static_cast<double>(size().count()) / slowest_bytes_per_second);
        tell(Bytes());
        made_.how = Deployed::How::sent_whole;
        Outcome<LoadReply> outcome = client_.load_model(name_, parameters, options_.load_timeout + on_the_way);
        made_.sent += size();
        if (!std::holds_alternative<LoadReply>(outcome)) return failed_load(outcome);
        tell(size());
        return made_;
    }

    Outcome<Deployed> send_pieces() {
        made_.how = Deployed::How::sent_in_pieces;
        const std::array<LoadParameter, 2> question{file_hash(), file_size()};
        Outcome<LoadReply> reply = client_.load_model(name_, question, options_.piece_timeout);
        if (std::holds_alternative<LoadReply>(reply) && made_.sent == Bytes()) {
            made_.resumed = std::get<LoadReply>(reply).received;
        }
        Bytes piece = options_.first_piece;
        for (;;) {
            const auto* there = std::get_if<LoadReply>(&reply);
            if (there == nullptr) return failed_load(reply);
            const Bytes offset = there->received;
            if (offset < Bytes() || offset > size()) return Lost{.reason = "the server's reply makes no sense"};
            tell(offset);
            if (offset == size() && loaded_) return made_;
            piece = std::min({piece, piece_max, std::max(there->piece_max, piece_min)});
            const Bytes length = std::min(piece, size() - offset);
            const Seconds before = clock_.now();
            reply = send_piece(offset, length);
            if (const auto* now = std::get_if<LoadReply>(&reply)) {
                advanced_ = now->received > offset;
                loaded_ = now->received == size();
                if (!advanced_ && !loaded_) return Lost{.reason = "the server does not keep what it is sent"};
                piece = next_piece(piece, clock_.now() - before);
            }
        }
    }

    static Bytes next_piece(Bytes piece, Seconds time) {
        if (time < piece_grows_below) return piece * 2;
        return time > piece_shrinks_above ? std::max(piece_min, Bytes(piece.count() / 2)) : piece;
    }

    Outcome<LoadReply> send_piece(Bytes offset, Bytes length) {
        const std::string_view piece =
            bytes_.substr(static_cast<std::size_t>(offset.count()), static_cast<std::size_t>(length.count()));
        const std::array<LoadParameter, 5> parameters{
            file_hash(), file_size(), LoadParameter{std::string(upload::offset_parameter), offset.count()},
            LoadParameter{std::string(upload::piece_sha256_parameter), sha256(piece)},
            LoadParameter{std::string(upload::piece_parameter), bytes_of(piece)}};
        const bool last = offset + length == size();
        made_.sent += length;
        return client_.load_model(name_, parameters,
                                  last ? options_.piece_timeout + options_.load_timeout : options_.piece_timeout);
    }

    static std::span<const std::byte> bytes_of(std::string_view text) {
        return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
    }
    Bytes size() const { return Bytes(static_cast<std::int64_t>(bytes_.size())); }
    LoadParameter file_hash() const { return {std::string(sha256_parameter), made_.sha256}; }
    LoadParameter file_size() const { return {std::string(upload::size_parameter), size().count()}; }
    void tell(Bytes there) const {
        if (options_.progress) options_.progress({.there = there, .total = size()});
    }

    Client& client_;
    Clock& clock_;
    const std::string& name_;
    std::string_view bytes_;
    const DeployOptions& options_;
    Deployed made_;
    bool advanced_ = false;  ///< a piece arrived in this attempt
    bool loaded_ = false;
};

}  // namespace

std::string content_name(std::string_view name, std::string_view sha256) {
    return fmt::format("{}-{}", name, sha256.substr(0, hash_in_name));
}

Outcome<Deployed> deploy(Client& client, Clock& clock, const std::string& name, const ModelImage& image,
                         const DeployOptions& options) {
    if (!is_in_one_file(image)) {
        throw Error(ErrorKind::unsupported, fmt::format("deploy '{}'", name),
                    "its weights lie in other files; only a network in one file can be sent");
    }
    return Deployment(client, clock, name, image, options).run();
}

}  // namespace breakeven
