// Joulescope's file: chunks one after the other, each with a header of 32 bytes. Samples of the power are averaged into
// bins while walking, so that a long recording stays small. See recordings.h for the format's source.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>

#include "breakeven/error.h"
#include "breakeven/meters/recordings.h"

namespace breakeven {
namespace {

constexpr std::string_view identification{"jlsfmt\r\n \n \x1a  \xb2\x1c", 16};
/// The programs before 2022 wrote another file under the same suffix; it begins so.
constexpr std::string_view old_identification{"\xd3tagfmt", 7};
constexpr std::size_t file_header_size = 32;
constexpr std::size_t chunk_header_size = 32;
constexpr std::size_t crc_size = 4;
constexpr std::size_t payload_header_size = 16;
constexpr unsigned signal_tag = 0x02;
constexpr unsigned data_tag = 0x22;     // a fixed-rate track's data
constexpr unsigned summary_tag = 0x24;  // its summaries
constexpr unsigned utc_tag = 0x3a;      // the calendar's times of some samples
constexpr std::uint32_t float32_type = 0x2004;
constexpr std::uint32_t float64_type = 0x4004;
constexpr double bins_a_second = 10'000.0;
/// The format counts calendar time in 2^-30 s since 2018-01-01.
constexpr double time_second = 1073741824.0;
constexpr double time_epoch = 1514764800.0;
constexpr std::int64_t sample_max = std::int64_t{1} << 53;  // exact as a double; 285 years at 1 MHz

template <class T>
T number_at(std::string_view bytes, std::size_t offset) {
    static_assert(std::endian::native == std::endian::little);
    T value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

/// Longer chunks than this no writer makes; a damaged length must not eat the memory.
constexpr std::size_t payload_max = std::size_t{256} << 20;

struct Chunk {
    unsigned tag = 0;
    unsigned signal = 0;
    unsigned level = 0;
    std::size_t payload_at = 0;
    std::size_t payload_size = 0;
};

class Chunks final {
   public:
    explicit Chunks(const ByteSource& bytes) : bytes_(bytes) {}

    /// False at the end; also where the file ends within a chunk, as one does that was not closed.
    bool next(Chunk& chunk) {
        if (bytes_.size() < at_ + chunk_header_size) return false;
        std::array<char, chunk_header_size> buffer{};
        bytes_.read(at_, buffer);
        const std::string_view header(buffer.data(), buffer.size());
        const auto meta = number_at<std::uint16_t>(header, 18);
        const std::size_t length = number_at<std::uint32_t>(header, 20);
        chunk.tag = number_at<std::uint8_t>(header, 16);
        chunk.signal = meta & 0xffU;
        chunk.level = meta >> 12U;
        chunk.payload_at = at_ + chunk_header_size;
        chunk.payload_size = length;
        const std::size_t on_disk = length == 0 ? 0 : (length + crc_size + 7) / 8 * 8;
        if (bytes_.size() - chunk.payload_at < on_disk) return false;
        at_ = chunk.payload_at + on_disk;
        return true;
    }

    /// Valid until the next call.
    std::string_view payload(const Chunk& chunk) {
        buffer_.resize(std::min(chunk.payload_size, payload_max));
        bytes_.read(chunk.payload_at, buffer_);
        return {buffer_.data(), buffer_.size()};
    }

   private:
    const ByteSource& bytes_;
    std::size_t at_ = file_header_size;
    std::vector<char> buffer_;
};

struct Signal {
    unsigned id = 0;
    std::string name;
    std::uint32_t type = 0;
    double rate = 0.0;
    std::int64_t samples_a_summary = 0;
};

/// The mean of so many samples from `first` on.
struct Bin {
    std::int64_t first = 0;
    std::int64_t count = 0;
    double mean = 0.0;
};

/// One signal's samples on their way into bins.
class Binned final {
   public:
    Binned(const Signal& signal)
        : signal_(signal), size_(std::max<std::int64_t>(1, std::llround(signal.rate / bins_a_second))) {}

    const Signal& signal() const { return signal_; }

    void add_data(std::int64_t first, std::size_t count, std::string_view values) {
        const bool wide = signal_.type == float64_type;
        for (std::size_t i = 0; i < count; ++i) {
            add(first + static_cast<std::int64_t>(i),
                wide ? number_at<double>(values, i * sizeof(double)) : number_at<float>(values, i * sizeof(float)));
        }
        if (!stretches_.empty() && stretches_.back().second == first) {
            stretches_.back().second = first + static_cast<std::int64_t>(count);
        } else {
            stretches_.emplace_back(first, first + static_cast<std::int64_t>(count));
        }
    }

    /// Means of stretches whose samples the file left out.
    void add_summaries(std::int64_t first, std::size_t count, std::string_view values) {
        const std::size_t width = signal_.type == float64_type ? sizeof(double) : sizeof(float);
        for (std::size_t i = 0; i < count; ++i) {
            const std::int64_t from = first + static_cast<std::int64_t>(i) * signal_.samples_a_summary;
            const std::size_t at = i * 4 * width;  // mean, deviation, least, largest
            const double mean = width == sizeof(double) ? number_at<double>(values, at) : number_at<float>(values, at);
            if (std::isfinite(mean)) summaries_.push_back({from, signal_.samples_a_summary, mean});
        }
    }

    /// In order, none overlapping.
    std::vector<Bin> finish() {
        flush();
        for (const Bin& summary : summaries_) {
            if (!has_samples(summary)) bins_.push_back(summary);
        }
        std::sort(bins_.begin(), bins_.end(), [](const Bin& a, const Bin& b) { return a.first < b.first; });
        std::vector<Bin> result;
        for (const Bin& bin : bins_) {
            if (result.empty() || result.back().first + result.back().count <= bin.first) result.push_back(bin);
        }
        return result;
    }

   private:
    void add(std::int64_t id, double value) {
        if (!std::isfinite(value)) return flush();  // the instrument skipped it
        if (open_.count > 0 && (id != open_.first + open_.count || open_.count == size_)) flush();
        if (open_.count == 0) open_ = {id, 0, 0.0};
        open_.mean += value;  // a sum until it is flushed
        ++open_.count;
    }
    void flush() {
        if (open_.count == 0) return;
        open_.mean /= static_cast<double>(open_.count);
        bins_.push_back(open_);
        open_ = {};
    }
    bool has_samples(const Bin& summary) const {
        return std::any_of(stretches_.begin(), stretches_.end(), [&](const auto& stretch) {
            return stretch.first < summary.first + summary.count && summary.first < stretch.second;
        });
    }

    const Signal& signal_;
    std::int64_t size_;
    Bin open_;
    std::vector<Bin> bins_;
    std::vector<Bin> summaries_;
    std::vector<std::pair<std::int64_t, std::int64_t>> stretches_;
};

class File final {
   public:
    File(const ByteSource& source, const std::string& name) : bytes_(source), name_(name) {
        std::array<char, file_header_size> buffer{};
        const std::size_t size = std::min(source.size(), buffer.size());
        source.read(0, std::span(buffer).first(size));
        const std::string_view bytes(buffer.data(), size);
        if (bytes.starts_with(old_identification)) {
            throw refusal("it is of the programs before 2022; open it with a newer Joulescope UI and save it again");
        }
        if (!bytes.starts_with(identification) || bytes.size() < file_header_size) {
            throw refusal("it does not begin as a Joulescope file does");
        }
        const auto major = number_at<std::uint8_t>(bytes, 27);
        if (major != 1) throw refusal(fmt::format("its format is {}, known is 1", major));
        Chunks chunks(bytes_);
        for (Chunk chunk; chunks.next(chunk);) {
            if (chunk.tag == signal_tag) add_signal(chunk, chunks.payload(chunk));
        }
    }

    Recording recording() {
        if (const Signal* power = named("power")) return with_time(bins_of(*power), *power);
        const Signal* current = named("current");
        const Signal* voltage = named("voltage");
        if (current == nullptr || voltage == nullptr) {
            throw refusal("it has neither a signal 'power' nor both 'current' and 'voltage'");
        }
        if (current->rate != voltage->rate) throw refusal("current and voltage have different rates");
        return with_time(product(bins_of(*current), bins_of(*voltage)), *current);
    }

   private:
    Error refusal(const std::string& reason) const {
        return Error(ErrorKind::input, fmt::format("read Joulescope file '{}'", name_), reason);
    }

    void add_signal(const Chunk& chunk, std::string_view definition) {
        constexpr std::size_t fixed = 128;  // of a definition, before its words
        if (definition.size() < fixed || number_at<std::uint8_t>(definition, 2) != 0) return;  // not of a fixed rate
        Signal signal;
        signal.id = chunk.signal;
        signal.type = number_at<std::uint32_t>(definition, 4) & 0xffffU;
        signal.rate = number_at<std::uint32_t>(definition, 8);
        signal.samples_a_summary = number_at<std::uint32_t>(definition, 16);
        signal.name = std::string(definition.substr(fixed, definition.find('\0', fixed) - fixed));
        signals_.push_back(std::move(signal));
    }

    const Signal* named(std::string_view name) const {
        const Signal* found = nullptr;
        for (const Signal& signal : signals_) {
            if (signal.name != name) continue;
            if (found != nullptr) throw refusal(fmt::format("several instruments recorded '{}'; save one alone", name));
            if (signal.type != float32_type && signal.type != float64_type) {
                throw refusal(fmt::format("its signal '{}' is not of floating point", name));
            }
            if (signal.rate < 1.0 || signal.samples_a_summary < 1) throw refusal("a signal has no sample rate");
            found = &signal;
        }
        return found;
    }

    std::vector<Bin> bins_of(const Signal& signal) const {
        Binned binned(signal);
        Chunks chunks(bytes_);
        for (Chunk chunk; chunks.next(chunk);) {
            if (chunk.signal != signal.id || chunk.payload_size < payload_header_size) continue;
            const bool is_summary = chunk.tag == summary_tag && chunk.level == 1;
            if (chunk.tag != data_tag && !is_summary) continue;
            const std::string_view payload = chunks.payload(chunk);
            const auto first = number_at<std::int64_t>(payload, 0);
            const std::size_t count = number_at<std::uint32_t>(payload, 8);
            const std::string_view values = payload.substr(payload_header_size);
            const std::size_t width = (signal.type == float64_type ? 8U : 4U) * (is_summary ? 4U : 1U);
            if (values.size() / width < count || first < -sample_max || first > sample_max) {
                throw refusal("a chunk is shorter than it says; the file is damaged");
            }
            is_summary ? binned.add_summaries(first, count, values) : binned.add_data(first, count, values);
        }
        return binned.finish();
    }

    /// Bins of two signals of one rate, where both have them.
    static std::vector<Bin> product(const std::vector<Bin>& a, const std::vector<Bin>& b) {
        std::vector<Bin> result;
        for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
            if (a[i].first == b[j].first && a[i].count == b[j].count) {
                result.push_back({a[i].first, a[i].count, a[i].mean * b[j].mean});
            }
            const bool a_first = a[i].first <= b[j].first;
            const bool b_first = b[j].first <= a[i].first;
            i += a_first ? 1 : 0;
            j += b_first ? 1 : 0;
        }
        return result;
    }

    /// Samples to seconds of the calendar, by the first and the last stamp the file has for the signal.
    struct Calendar {
        double sample = 0.0;
        double second = 0.0;
        double seconds_a_sample = 0.0;
    };
    std::optional<Calendar> calendar_of(const Signal& signal) const {
        std::optional<std::pair<double, double>> first;
        std::optional<std::pair<double, double>> last;
        Chunks chunks(bytes_);
        for (Chunk chunk; chunks.next(chunk);) {
            if (chunk.tag != utc_tag || chunk.signal != signal.id) continue;
            if (chunk.payload_size < payload_header_size + sizeof(std::int64_t)) continue;
            const std::string_view payload = chunks.payload(chunk);
            const auto sample = static_cast<double>(number_at<std::int64_t>(payload, 0));
            const auto time = static_cast<double>(number_at<std::int64_t>(payload, payload_header_size));
            last = {sample, time / time_second + time_epoch};
            if (!first) first = last;
        }
        if (!first) return std::nullopt;
        Calendar calendar{first->first, first->second, 1.0 / signal.rate};
        const double samples = last->first - first->first;
        const double measured = (last->second - first->second) / samples;
        // A clock that differs by more than 1 % is no clock: the stamps are then of another kind.
        if (samples > 10.0 * signal.rate && std::abs(measured * signal.rate - 1.0) < 0.01) {
            calendar.seconds_a_sample = measured;
        }
        return calendar;
    }

    Recording with_time(const std::vector<Bin>& bins, const Signal& signal) const {
        if (bins.empty()) throw refusal(fmt::format("its signal '{}' has no samples", signal.name));
        const std::optional<Calendar> calendar = calendar_of(signal);
        const Calendar clock =
            calendar.value_or(Calendar{static_cast<double>(bins.front().first), 0.0, 1.0 / signal.rate});
        const auto seconds = [&](std::int64_t sample) {
            return Seconds(clock.second + (static_cast<double>(sample) - clock.sample) * clock.seconds_a_sample);
        };
        std::vector<PowerPiece> pieces;
        pieces.reserve(bins.size());
        for (const Bin& bin : bins) {
            const PowerPiece piece{seconds(bin.first), seconds(bin.first + bin.count), watts(bin.mean)};
            if (piece.from < piece.to && (pieces.empty() || pieces.back().to <= piece.from)) pieces.push_back(piece);
        }
        return {.trace = PowerTrace(std::move(pieces)), .has_calendar_time = calendar.has_value()};
    }

    const ByteSource& bytes_;
    const std::string& name_;
    std::vector<Signal> signals_;
};

/// Bytes that are there already.
class Held final : public ByteSource {
   public:
    explicit Held(std::string_view bytes) : bytes_(bytes) {}
    std::size_t size() const override { return bytes_.size(); }
    void read(std::size_t offset, std::span<char> to) const override {
        BREAKEVEN_ASSERT(offset <= bytes_.size() && to.size() <= bytes_.size() - offset);
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
    }

   private:
    std::string_view bytes_;
};

}  // namespace

Recording parse_jls(const ByteSource& bytes, const std::string& name) {
    return File(bytes, name).recording();
}

Recording parse_jls(std::string_view bytes, const std::string& name) {
    return parse_jls(Held(bytes), name);
}

}  // namespace breakeven
