// `breakeven link energy`: what an exchange over a link takes: of the device's radio with its states, of a device that
// sleeps while it waits, and of everybody: network and server in energy, CO2 and money. `link fit`, `link factors`.
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "breakeven/files/files.h"
#include "breakeven/link/power_fit.h"
#include "breakeven/link/radio.h"
#include "breakeven/plan/factors.h"
#include "breakeven/units/text.h"
#include "cli/inputs.h"
#include "cli/link.h"

namespace breakeven::cli {
namespace {

constexpr Bytes factors_file_max{std::int64_t{1} << 20};
constexpr Bytes trace_file_max{std::int64_t{256} << 20};

Factors read_factors(const std::string& file) {
    return parse_factors(file.empty() ? std::string() : read_file(file, factors_file_max),
                         file.empty() ? "shipped" : file);
}

struct Options {
    std::string link;
    std::string up;
    std::string down;
    std::string radio;
    std::string server_time;
    std::string every;
    std::string idle_power;
    std::string suspended_power;
    std::string wake_time;
    std::string wake_power;
    std::string network = "mobile";
    std::string server = "cpu";
    std::string factors;
};

/// What the command answers, before it is printed.
struct Answer {
    LinkProfile link;
    RadioUse use;
    std::optional<Radio> radio;
    std::optional<RadioEnergy> energy;  ///< of the radio's states
    std::optional<Joules> constant;     ///< by the link's joules per byte
    std::optional<WaitingCost> waiting;
    Seconds wait{0.0};
    SystemUse system_use;
    std::string device_what;  ///< what the device's part is made of
    SystemCost system;
    Factors factors;
};

std::optional<WaitingCost> waiting_of(const Options& options, Seconds wait) {
    const bool any = !options.suspended_power.empty() || !options.wake_time.empty() || !options.wake_power.empty();
    if (!any) return std::nullopt;
    if (options.suspended_power.empty() || options.wake_time.empty() || options.wake_power.empty() ||
        options.idle_power.empty()) {
        throw Error(ErrorKind::usage, "tell what suspending costs",
                    "it takes --idle-power, --suspended-power, --wake-time and --wake-power");
    }
    const Seconds wake = parse_seconds(options.wake_time, "--wake-time");
    return waiting_cost(wait, parse_watts(options.idle_power, "--idle-power"),
                        {.power = parse_watts(options.suspended_power, "--suspended-power"),
                         .wake_time = wake,
                         .wake_energy = parse_watts(options.wake_power, "--wake-power") * wake});
}

Answer answer_of(const Options& options) {
    Answer answer;
    answer.factors = read_factors(options.factors);
    answer.link = read_link(options.link);
    answer.use.payload = {parse_bytes(options.up, "--up"), parse_bytes(options.down, "--down")};
    answer.use.time = transfer_time(answer.link, answer.use.payload);
    if (!options.server_time.empty()) answer.use.server = parse_seconds(options.server_time, "--server-time");
    if (!options.every.empty()) answer.use.every = parse_seconds(options.every, "--every");
    answer.constant = network_energy(answer.link, answer.use.payload);
    if (!options.radio.empty()) {
        answer.radio = answer.factors.radio(options.radio);
        answer.energy = radio_energy(*answer.radio, answer.use);
    }
    answer.wait = answer.use.time.total() + answer.use.server;
    answer.waiting = waiting_of(options, answer.wait);

    // The device's part: its radio, and what it draws while it waits unless the radio's figures have that in them.
    answer.system_use = {.device = joules(0), .payload = answer.use.payload, .server = answer.use.server};
    if (answer.energy) {
        answer.system_use.device += answer.energy->total();
        answer.device_what = "radio " + answer.radio->name;
    } else if (answer.constant) {
        answer.system_use.device += *answer.constant;
        answer.device_what = "the link's J/B";
    }
    const bool has_device = answer.radio && answer.radio->scope == PowerScope::whole_device;
    if (!options.idle_power.empty() && !has_device) {
        const Watts idle = parse_watts(options.idle_power, "--idle-power");
        answer.system_use.device +=
            answer.waiting ? std::min(answer.waiting->awake, answer.waiting->suspended) : idle * answer.wait;
        answer.device_what += answer.device_what.empty() ? "waiting" : ", waiting";
    }
    answer.system = system_cost(answer.system_use, answer.factors.system(options.network, options.server));
    return answer;
}

Json joules_json(const std::optional<Joules>& energy) {
    return energy ? Json(energy->in(joules)) : Json(nullptr);
}

Json shares_json(const SystemShares& shares) {
    return {{"device_j", shares.device.in(joules)}, {"network_j", shares.network.in(joules)},
            {"server_j", shares.server.in(joules)}, {"energy_j", shares.energy().in(joules)},
            {"co2_kg", shares.co2.in(kilograms)},   {"cost", shares.cost.in(money)}};
}

Json document(const Answer& answer, const Options& options) {
    Json radio = nullptr;
    if (answer.energy) {
        radio = {{"name", answer.radio->name},
                 {"source", answer.radio->source},
                 {"scope", answer.radio->scope == PowerScope::radio ? "radio" : "whole_device"},
                 {"promotion_j", answer.energy->promotion.in(joules)},
                 {"transfer_j", answer.energy->transfer.in(joules)},
                 {"waiting_j", answer.energy->waiting.in(joules)},
                 {"tail_j", answer.energy->tail.in(joules)},
                 {"energy_j", answer.energy->total().in(joules)},
                 {"promotion_s", answer.energy->promotion_time.count()}};
    }
    Json waiting = nullptr;
    if (answer.waiting) {
        waiting = {
            {"wait_s", answer.wait.count()},
            {"awake_j", answer.waiting->awake.in(joules)},
            {"suspended_j", answer.waiting->suspended.in(joules)},
            {"wake_delay_s", answer.waiting->delay.count()},
            {"pays_from_s", answer.waiting->pays_from ? Json(answer.waiting->pays_from->count()) : Json(nullptr)}};
    }
    Json figures = Json::array();
    for (const Factor& factor : answer.factors.figures) {
        const std::string& path = factor.path;
        const bool used = path.starts_with("grid.") || path.starts_with("networks." + options.network + ".") ||
                          path.starts_with("servers." + options.server + ".");
        if (!used) continue;
        figures.push_back({{"name", path},
                           {"value", factor.value},
                           {"low", factor.low ? Json(*factor.low) : Json(nullptr)},
                           {"high", factor.high ? Json(*factor.high) : Json(nullptr)},
                           {"source", factor.source}});
    }
    return {{"link", answer.link.name},
            {"bytes_up", answer.use.payload.up.count()},
            {"bytes_down", answer.use.payload.down.count()},
            {"origin", name(Origin::modelled)},
            {"network_energy_j", joules_json(answer.constant)},
            {"radio", radio},
            {"suspending", waiting},
            {"whole_system",
             {{"network", options.network},
              {"server", options.server},
              {"currency", answer.factors.currency},
              {"attributed", shares_json(answer.system.attributed)},
              {"marginal", shares_json(answer.system.marginal)},
              {"factors", figures}}}};
}

std::string radio_text(const Answer& answer) {
    if (!answer.energy) return "";
    const RadioEnergy& energy = *answer.energy;
    const std::string delay =
        energy.promotion_time > Seconds(0) ? fmt::format("{} later", to_text(energy.promotion_time)) : "";
    return "\n" +
           table({"radio " + answer.radio->name, "energy", ""},
                 {{"promotion", to_text(energy.promotion), delay},
                  {"transfer", to_text(energy.transfer), ""},
                  {"waiting, connected", to_text(energy.waiting), ""},
                  {"tail", to_text(energy.tail), answer.use.every ? "until the next" : "whole"},
                  {"sum", to_text(energy.total()), "modelled"}}) +
           (answer.constant ? fmt::format("by the link's constant per byte it would be {}\n", to_text(*answer.constant))
                            : "");
}

std::string waiting_text(const Answer& answer) {
    if (!answer.waiting) return "";
    const WaitingCost& cost = *answer.waiting;
    const std::string from = cost.pays_from
                                 ? fmt::format("suspending pays for waits beyond {}", to_text(*cost.pays_from))
                                 : std::string("suspending never pays: it draws no less");
    return fmt::format("\nwaiting {}: {} awake, {} suspended and {} later; {}\n", to_text(answer.wait),
                       to_text(cost.awake), to_text(cost.suspended), to_text(cost.delay), from);
}

/// "12.3 ug", "1.2 mg".
std::string mass_text(Kilograms mass) {
    const double grams = mass.in(kilograms)*1e3;
    if (grams >= 1.0) return fmt::format("{:.3g} g", grams);
    return grams >= 1e-3 ? fmt::format("{:.3g} mg", grams * 1e3) : fmt::format("{:.3g} ug", grams * 1e6);
}

std::string text_of(const Answer& answer, const Options& options) {
    const SystemShares& all = answer.system.attributed;
    const SystemShares& more = answer.system.marginal;
    const auto cost = [&](const SystemShares& shares) {
        return fmt::format("{:.3g} {}", shares.cost.in(money)*1e6, answer.factors.currency);
    };
    return fmt::format("{} for the whole system, {} more for one more (modelled)\n", to_text(all.energy()),
                       to_text(more.energy())) +
           table({"an exchange", "attributed", "marginal"},
                 {{"device" + (answer.device_what.empty() ? std::string() : " (" + answer.device_what + ")"),
                   to_text(all.device), to_text(more.device)},
                  {"network, " + options.network, to_text(all.network), to_text(more.network)},
                  {"server, " + options.server, to_text(all.server), to_text(more.server)},
                  {"sum", to_text(all.energy()), to_text(more.energy())},
                  {"CO2", mass_text(all.co2), mass_text(more.co2)},
                  {"a million cost", cost(all), cost(more)}}) +
           radio_text(answer) + waiting_text(answer) +
           "\nevery figure with its source: `breakeven link factors`; your own: --factors FILE\n";
}

void run_fit(const Shell& shell, const std::vector<std::string>& files) {
    Json fits = Json::array();
    std::vector<std::vector<std::string>> rows;
    std::vector<PowerPoint> all;
    bool both[2] = {false, false};
    for (const std::string& file : files) {
        const std::vector<PowerPoint> points = parse_power_points(read_file(file, trace_file_max), file);
        const DataDirection direction = busier(points);
        const PowerFit fit = fit_power(points, direction, file);
        both[direction == DataDirection::up ? 0 : 1] = true;
        all.insert(all.end(), points.begin(), points.end());
        const std::string way = direction == DataDirection::up ? "up" : "down";
        fits.push_back({{"file", file},
                        {"direction", way},
                        {"n", fit.n},
                        {"base_w", fit.base.in(watts)},
                        {"slope_j_per_byte", fit.slope.in(joules_per_byte)},
                        {"slope_ci95_j_per_byte",
                         {fit.slope_ci95.low.in(joules_per_byte), fit.slope_ci95.high.in(joules_per_byte)}},
                        {"r_squared", fit.r_squared},
                        {"rmse_w", fit.rmse.in(watts)},
                        {"rate_max_bytes_per_s", fit.rate_max.in(bytes_per_second)},
                        {"held_out_error", fit.held_out_error}});
        rows.push_back({std::filesystem::path(file).stem().string(), way, to_text(fit.base),
                        fmt::format("{:.3g} nJ/B", fit.slope.in(joules_per_byte)*1e9),
                        fmt::format("{:.2f}", fit.r_squared), to_text(fit.rmse),
                        fmt::format("{:+.1f} %", 100 * fit.held_out_error)});
    }
    Json joint = nullptr;
    std::string text = table({"recording", "way", "base", "slope", "R2", "rmse", "held out"}, rows);
    if (both[0] && both[1]) {
        const JointPowerFit fit = fit_power_jointly(all, "all of them");
        joint = {{"n", fit.n},
                 {"base_w", fit.base.in(watts)},
                 {"up_j_per_byte", fit.up.in(joules_per_byte)},
                 {"down_j_per_byte", fit.down.in(joules_per_byte)},
                 {"r_squared", fit.r_squared},
                 {"rmse_w", fit.rmse.in(watts)}};
        text += fmt::format("together: {} + {:.3g} nJ/B up + {:.3g} nJ/B down, R2 {:.2f}\n", to_text(fit.base),
                            fit.up.in(joules_per_byte)*1e9, fit.down.in(joules_per_byte)*1e9, fit.r_squared);
    }
    text +=
        "R2: the share of the power's changes that the rate explains; held out: the second\nhalf's energy as the first "
        "half's line predicts it\n";
    shell.answer({{"fits", fits}, {"joint", joint}}, text);
}

void add_energy(CLI::App& link, Shell& shell) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        add_command(link, shell, "energy", "what an exchange takes of the device's radio, the network and the server",
                    "breakeven link energy wifi --up 49152B --down 400B --radio lte --every 60s --server-time 8ms",
                    [&shell, options] {
                        const Answer answer = answer_of(*options);
                        shell.answer(document(answer, *options), text_of(answer, *options));
                    });
    command->add_option("LINK", options->link, "ethernet, wifi, 5g, or a profile's path")->required();
    command->add_option("--up", options->up, "what the device sends, like 49152B")->required();
    command->add_option("--down", options->down, "what comes back, like 400B")->required();
    command->add_option("--radio", options->radio,
                        "a radio of the factors: lte, 3g, wifi, 5g-mmwave (default: the link's constant per byte)");
    command->add_option("--every", options->every,
                        "an exchange comes so often, like 10s (default: the radio sleeps in between)");
    command->add_option("--server-time", options->server_time, "how long the server computes, like 8ms");
    command->add_option("--idle-power", options->idle_power, "what the device draws while it waits, like 900mW");
    command->add_option("--suspended-power", options->suspended_power, "what it draws suspended, like 50mW");
    command->add_option("--wake-time", options->wake_time, "how long it takes to wake, like 200ms");
    command->add_option("--wake-power", options->wake_power, "what it draws while it wakes, like 2W");
    command->add_option("--network", options->network, "mobile, fixed, or one of your factors")->capture_default_str();
    command->add_option("--server-kind", options->server, "cpu, gpu, or one of your factors")->capture_default_str();
    command->add_option("--factors", options->factors,
                        "JSON file: what replaces the shipped factors; see `link factors`");
}

}  // namespace

void add_link_energy(CLI::App& link, Shell& shell) {
    add_energy(link, shell);
    const auto files = std::make_shared<std::vector<std::string>>();
    CLI::App* fit = add_command(link, shell, "fit", "a device's power against its link's rate, from recordings of both",
                                "breakeven link fit walk.csv", [&shell, files] { run_fit(shell, *files); });
    fit->add_option("FILE", *files, "CSV with uplink_Bps, downlink_Bps and device_power_W")->required();
    add_command(link, shell, "factors",
                "the shipped factors of `link energy`, each with its source, as a file to change",
                "breakeven link factors > mine.json",
                [&shell] { shell.answer(Json::parse(shipped_factors()), std::string(shipped_factors())); });
}

}  // namespace breakeven::cli
