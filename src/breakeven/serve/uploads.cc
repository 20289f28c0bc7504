// Uploads: see uploads.h.
#include "breakeven/serve/uploads.h"

#include <fmt/format.h>

#include <algorithm>

#include "breakeven/model/sha256.h"
#include "breakeven/units/text.h"

namespace breakeven {

Bytes Uploads::announced() const {
    Bytes total;
    for (const auto& [file, upload] : uploads_) total += file.size;
    return total;
}

void Uploads::forget_old() {
    const Seconds now = clock_.now();
    std::erase_if(uploads_, [&](const Entries::value_type& entry) {
        return !entry.second.taken && now - entry.second.last > limits_.forgotten_after;
    });
}

/// Forgets the upload that has waited longest, if that is long enough.
bool Uploads::displace_one() {
    auto oldest = uploads_.end();
    for (auto i = uploads_.begin(); i != uploads_.end(); ++i) {
        if (!i->second.taken && (oldest == uploads_.end() || i->second.last < oldest->second.last)) oldest = i;
    }
    if (oldest == uploads_.end() || clock_.now() - oldest->second.last <= limits_.displaced_after) return false;
    uploads_.erase(oldest);
    return true;
}

std::variant<Uploads::Upload*, Refusal> Uploads::find_or_begin(const SentFile& file) {
    forget_old();
    const auto found = uploads_.find(file);
    if (found != uploads_.end()) return &found->second;
    if (file.size > limits_.total) {
        return Refusal{RefusalCode::resource_exhausted, fmt::format("the file has {}, this server takes {} in pieces",
                                                                    to_text(file.size), to_text(limits_.total))};
    }
    while (uploads_.size() >= limits_.count || announced() + file.size > limits_.total) {
        if (!displace_one()) {
            return Refusal{RefusalCode::unavailable, "too many files are being sent to this server; try again later"};
        }
    }
    Upload upload{.bytes = {}, .received = {}, .last = clock_.now(), .taken = false};
    upload.bytes.reserve(static_cast<std::size_t>(file.size.count()));  // not touched until pieces arrive
    return &uploads_.emplace(file, std::move(upload)).first->second;
}

Uploads::Received Uploads::begin(const SentFile& file) {
    const std::scoped_lock lock(mutex_);
    auto upload = find_or_begin(file);
    if (auto* refusal = std::get_if<Refusal>(&upload)) return std::move(*refusal);
    return std::get<Upload*>(upload)->received;
}

Uploads::Received Uploads::add(const SentFile& file, const SentPiece& piece) {
    const Bytes length(static_cast<std::int64_t>(piece.bytes.size()));
    if (piece.offset < Bytes() || piece.offset > file.size || length > file.size - piece.offset) {
        return Refusal{RefusalCode::invalid_argument, "the piece does not lie inside the file"};
    }
    if (sha256(piece.bytes) != piece.sha256) {
        return Refusal{RefusalCode::data_loss,
                       "the piece is damaged: its SHA-256 is not the announced one; send again"};
    }
    const std::scoped_lock lock(mutex_);
    auto found = find_or_begin(file);
    if (auto* refusal = std::get_if<Refusal>(&found)) return std::move(*refusal);
    Upload& upload = *std::get<Upload*>(found);
    upload.last = clock_.now();
    if (!upload.taken && piece.offset == upload.received) {
        upload.bytes += piece.bytes;
        upload.received += length;
    }
    return upload.received;
}

std::variant<std::string, Uploads::TakenAlready, Refusal> Uploads::take(const SentFile& file) {
    std::string bytes;
    {
        const std::scoped_lock lock(mutex_);
        const auto found = uploads_.find(file);
        if (found == uploads_.end() || found->second.taken) return TakenAlready{};
        if (found->second.received != file.size) {
            return Refusal{RefusalCode::invalid_argument, "parts of the file are missing"};
        }
        found->second.taken = true;
        bytes = std::move(found->second.bytes);
    }
    if (sha256(bytes) == file.sha256) return bytes;
    forget(file);
    return Refusal{RefusalCode::data_loss, "the pieces make another file: its SHA-256 is not the announced one"};
}

void Uploads::forget(const SentFile& file) {
    const std::scoped_lock lock(mutex_);
    uploads_.erase(file);
}

}  // namespace breakeven
