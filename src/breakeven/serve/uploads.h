// Uploads: files that clients send in pieces, kept in memory until they are whole. Bounded in number, size and time.
// An upload is known by what the file will be: its SHA-256 and its size; whose it is does not matter.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "breakeven/serve/refusal.h"
#include "breakeven/time/clock.h"
#include "breakeven/units/units.h"

namespace breakeven {

struct UploadLimits {
    /// Uploads at once. More let more clients send at a time, and a hostile one keep more of them waiting.
    std::size_t count = 4;
    /// Of all files that are being sent, by their announced sizes.
    Bytes total{std::int64_t{1} << 30};
    /// After this long without a piece an upload is forgotten. Longer survives longer interruptions.
    Seconds forgotten_after{600.0};
    /// After this long without a piece an upload makes room for a new one. Longer protects slow clients, and lets
    /// abandoned uploads keep others out.
    Seconds displaced_after{30.0};
};

/// What a file will be.
struct SentFile {
    std::string sha256;
    Bytes size;
    friend auto operator<=>(const SentFile&, const SentFile&) = default;
};

struct SentPiece {
    Bytes offset;
    std::string_view bytes;
    std::string sha256;
};

/// From any thread.
class Uploads final {
   public:
    Uploads(const Clock& clock, UploadLimits limits) : clock_(clock), limits_(limits) {}

    using Received = std::variant<Bytes, Refusal>;
    /// How much of the file is here, after room was made for the rest of it.
    Received begin(const SentFile& file);
    /// Adds the piece if it is the next one; in any case says how much is here.
    Received add(const SentFile& file, const SentPiece& piece);

    /// The whole file, for whoever asks first; the upload stays until forget(), so that a client that has lost the
    /// reply does not send it again. A file that is not what it was announced to be is forgotten at once.
    struct TakenAlready {};
    std::variant<std::string, TakenAlready, Refusal> take(const SentFile& file);
    void forget(const SentFile& file);

   private:
    struct Upload {
        std::string bytes;
        Bytes received;
        Seconds last;  ///< when a piece came
        bool taken = false;
    };
    using Entries = std::map<SentFile, Upload>;

    std::variant<Upload*, Refusal> find_or_begin(const SentFile& file);
    void forget_old();
    bool displace_one();
    Bytes announced() const;

    const Clock& clock_;
    UploadLimits limits_;
    std::mutex mutex_;
    Entries uploads_;
};

}  // namespace breakeven
