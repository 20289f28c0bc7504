// Deployments: see deployments.h.
#include "breakeven/serve/deployments.h"

namespace breakeven {
namespace {

std::optional<Refusal> turned_away(Admission::Turn turn) {
    switch (turn) {
        case Admission::Turn::granted: return std::nullopt;
        case Admission::Turn::full:
            return Refusal{RefusalCode::unavailable, "the server is busy loading other models; try again later"};
        case Admission::Turn::gone:  // nobody asks here
        case Admission::Turn::late:
            return Refusal{RefusalCode::deadline_exceeded, "the deadline passed while other models were loaded"};
    }
    return std::nullopt;
}

}  // namespace

std::variant<Deployments::Reply, Refusal> Deployments::load(inference::RepositoryModelLoadRequest& request,
                                                            Admission::Deadline deadline) {
    LoadRequest wanted = read_load_request(request);
    if (auto* refusal = std::get_if<Refusal>(&wanted)) return std::move(*refusal);
    if (const auto* piece = std::get_if<LoadPiece>(&wanted)) return take_piece(request.model_name(), *piece, deadline);
    std::optional<Refusal> refusal;
    if (auto* file = std::get_if<LoadFile>(&wanted)) {
        refusal = load_file(request.model_name(), *file, deadline);
    } else if (!(refusal = turned_away(turns_.enter(deadline)))) {
        const HeldTurn turn(turns_);
        refusal = repository_.load(request.model_name());
    }
    if (refusal) return std::move(*refusal);
    return Reply{};
}

std::optional<Refusal> Deployments::unload(const std::string& name, Admission::Deadline deadline) {
    if (auto refusal = turned_away(turns_.enter(deadline))) return refusal;
    const HeldTurn turn(turns_);
    return repository_.unload(name);
}

std::optional<Refusal> Deployments::load_file(const std::string& name, LoadFile& file, Admission::Deadline deadline) {
    if (auto refusal = turned_away(turns_.enter(deadline))) return refusal;
    const HeldTurn turn(turns_);
    return repository_.deploy(
        {.name = name, .version = file.version, .bytes = std::move(*file.bytes), .sha256 = std::move(file.sha256)});
}

std::variant<Deployments::Reply, Refusal> Deployments::take_piece(const std::string& name, const LoadPiece& piece,
                                                                  Admission::Deadline deadline) {
    if (repository_.serves(name, piece.file.sha256)) return Reply{.received = piece.file.size, .piece_max = piece_max_};
    // Before anything is sent: what will not fit need not come.
    if (auto refusal = repository_.refuse_size(piece.file.size)) return std::move(*refusal);
    Uploads::Received received = piece.piece ? uploads_.add(piece.file, *piece.piece) : uploads_.begin(piece.file);
    if (auto* refusal = std::get_if<Refusal>(&received)) return std::move(*refusal);
    const Reply reply{.received = std::get<Bytes>(received), .piece_max = piece_max_};
    const bool brings_last =
        piece.piece &&
        piece.piece->offset.count() + static_cast<std::int64_t>(piece.piece->bytes.size()) == piece.file.size.count();
    if (!brings_last || reply.received != piece.file.size) return reply;
    if (auto refusal = load_upload(name, piece.file, deadline)) return std::move(*refusal);
    return reply;
}

std::optional<Refusal> Deployments::load_upload(const std::string& name, const SentFile& file,
                                                Admission::Deadline deadline) {
    if (auto refusal = turned_away(turns_.enter(deadline))) return refusal;
    const HeldTurn turn(turns_);
    // A client that lost the reply to its last piece sends that again.
    if (repository_.serves(name, file.sha256)) return std::nullopt;
    auto taken = uploads_.take(file);
    if (auto* refusal = std::get_if<Refusal>(&taken)) return std::move(*refusal);
    auto* bytes = std::get_if<std::string>(&taken);
    if (bytes == nullptr) return Refusal{RefusalCode::data_loss, "the upload is gone; send it again"};
    std::optional<Refusal> refusal =
        repository_.deploy({.name = name, .version = 1, .bytes = std::move(*bytes), .sha256 = file.sha256});
    uploads_.forget(file);
    return refusal;
}

}  // namespace breakeven
