// gram: see gram.h.
#include "breakeven/compress/gram.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "breakeven/compress/product.h"
#include "breakeven/error.h"
#include "breakeven/time/random.h"

namespace breakeven {

Gram::Gram(Eigen::Index inputs, Eigen::Index outputs)
    : inputs_(block_rows, inputs),
      outputs_(block_rows, outputs),
      xx_(Eigen::MatrixXd::Zero(inputs, inputs)),
      xy_(Eigen::MatrixXd::Zero(inputs, outputs)),
      x_(Eigen::RowVectorXd::Zero(inputs)),
      y_(Eigen::RowVectorXd::Zero(outputs)),
      yy_(Eigen::RowVectorXd::Zero(outputs)) {}

void Gram::add(const Matrix& inputs, const Matrix& outputs) {
    BREAKEVEN_ASSERT(inputs.rows() == outputs.rows() && inputs.cols() == inputs_.cols() &&
                     outputs.cols() == outputs_.cols());
    for (Eigen::Index done = 0; done < inputs.rows();) {
        const Eigen::Index count = std::min(block_rows - filled_, inputs.rows() - done);
        inputs_.middleRows(filled_, count) = inputs.middleRows(done, count);
        outputs_.middleRows(filled_, count) = outputs.middleRows(done, count);
        filled_ += count;
        done += count;
        if (filled_ == block_rows) flush();
    }
}

void Gram::flush() {
    if (filled_ == 0) return;
    if (rows_ == 0) {
        inputs_shift_ = inputs_.topRows(filled_).cast<double>().colwise().mean();
        outputs_shift_ = outputs_.topRows(filled_).cast<double>().colwise().mean();
    }
    const Matrix x = inputs_.topRows(filled_).rowwise() - inputs_shift_.cast<float>();
    const Matrix y = outputs_.topRows(filled_).rowwise() - outputs_shift_.cast<float>();
    Matrix xx = Matrix::Zero(x.cols(), x.cols());
    add_square(xx, x);
    xx_.triangularView<Eigen::Lower>() += xx.cast<double>();
    xy_ += product(Matrix(x.transpose()), y).cast<double>();
    x_ += x.cast<double>().colwise().sum();
    y_ += y.cast<double>().colwise().sum();
    yy_ += y.cast<double>().colwise().squaredNorm();
    rows_ += filled_;
    filled_ = 0;
}

Moments Gram::moments() {
    flush();
    if (rows_ == 0) {
        const Eigen::Index inputs = inputs_.cols();
        const Eigen::Index outputs = outputs_.cols();
        return {0,
                Matrix::Zero(inputs, inputs),
                Matrix::Zero(inputs, outputs),
                Vector::Zero(outputs),
                Vector::Zero(inputs),
                Vector::Zero(outputs)};
    }
    const auto n = static_cast<double>(rows_);
    const Eigen::RowVectorXd x = x_ / n;
    const Eigen::RowVectorXd y = y_ / n;
    // The sums are about the shifts as they were subtracted: in float.
    const Eigen::RowVectorXd inputs_shift = inputs_shift_.cast<float>().cast<double>();
    const Eigen::RowVectorXd outputs_shift = outputs_shift_.cast<float>().cast<double>();
    Moments moments;
    moments.rows = rows_;
    Eigen::MatrixXd xx = xx_ / n;
    xx.triangularView<Eigen::Lower>() -= x.transpose() * x;
    xx.triangularView<Eigen::StrictlyUpper>() = xx.transpose();
    moments.inputs = xx.cast<float>();
    moments.cross = (xy_ / n - x.transpose() * y).cast<float>();
    moments.outputs_variance = (yy_ / n - y.cwiseAbs2()).cwiseMax(0.0).transpose().cast<float>();
    moments.inputs_mean = (x + inputs_shift).transpose().cast<float>();
    moments.outputs_mean = (y + outputs_shift).transpose().cast<float>();
    return moments;
}

Moments about_zero(Moments moments) {
    moments.inputs += moments.inputs_mean * moments.inputs_mean.transpose();
    moments.cross += moments.inputs_mean * moments.outputs_mean.transpose();
    moments.outputs_variance += moments.outputs_mean.cwiseAbs2();
    return moments;
}

Moments joined(const SplitMoments& halves) {
    const auto& [even, odd] = halves;
    const std::int64_t rows = std::max<std::int64_t>(even.rows + odd.rows, 1);
    const auto share = static_cast<float>(static_cast<double>(odd.rows) / static_cast<double>(rows));
    // Within the halves, and between their means.
    const float between = share * (1.0F - share);
    const Vector x = odd.inputs_mean - even.inputs_mean;
    const Vector y = odd.outputs_mean - even.outputs_mean;
    Moments all;
    all.rows = even.rows + odd.rows;
    all.inputs = (1.0F - share) * even.inputs + share * odd.inputs + between * (x * x.transpose());
    all.cross = (1.0F - share) * even.cross + share * odd.cross + between * (x * y.transpose());
    all.outputs_variance =
        (1.0F - share) * even.outputs_variance + share * odd.outputs_variance + between * y.cwiseAbs2();
    all.inputs_mean = even.inputs_mean + share * x;
    all.outputs_mean = even.outputs_mean + share * y;
    return all;
}

namespace {

/// Positions spread over the whole output, one at a random place in each of `count` equal stretches.
std::vector<std::int64_t> sampled_positions(std::int64_t positions, std::int64_t count, std::uint64_t seed) {
    count = std::min(count, positions);
    Random random(seed);
    std::vector<std::int64_t> chosen(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t from = i * positions / count;
        const std::int64_t to = (i + 1) * positions / count;
        chosen[static_cast<std::size_t>(i)] =
            from + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(to - from)));
    }
    return chosen;
}

/// Runs a model and hands over tensors by name; one that is an input of the network comes from the sample.
class Tap {
   public:
    Tap(const Model& model, const std::vector<std::string>& names) : model_(model) {
        for (const std::string& name : names) {
            if (places_.contains(name)) continue;
            const auto& inputs = model.inputs();
            const auto input =
                std::find_if(inputs.begin(), inputs.end(), [&](const auto& i) { return i.name == name; });
            if (input != inputs.end()) {
                places_[name] = {true, static_cast<std::size_t>(input - inputs.begin())};
                from_sample_ = true;
            } else {
                places_[name] = {false, outputs_.size()};
                outputs_.push_back(name);
            }
        }
    }

    using Take = std::function<void(std::size_t index, const std::function<const Tensor&(const std::string&)>& tensor)>;

    void run(const Calibration& calibration, const Take& take) const {
        const auto hand_over = [&](std::size_t index, std::span<const Tensor> outputs) {
            const Sample sample = from_sample_ ? calibration.samples.at(index) : Sample{};
            take(index, [&](const std::string& name) -> const Tensor& {
                const Place& place = places_.at(name);
                BREAKEVEN_ASSERT(place.at < (place.in_sample ? sample.size() : outputs.size()));
                return place.in_sample ? sample[place.at] : outputs[place.at];
            });
        };
        if (outputs_.empty()) {
            for (std::size_t i = 0; i < calibration.samples.count; ++i) hand_over(i, {});
        } else {
            calibration.execute(with_outputs(model_, outputs_), calibration.samples, hand_over);
        }
    }

   private:
    struct Place {
        bool in_sample = false;
        std::size_t at = 0;
    };
    const Model& model_;
    std::map<std::string, Place> places_;
    std::vector<std::string> outputs_;
    bool from_sample_ = false;
};

/// What the original answered at the sampled positions of one layer, sample after sample.
struct Answers {
    std::vector<Extent> extents;
    std::vector<std::vector<std::int64_t>> positions;
    std::vector<Matrix> rows;
};

std::vector<Answers> answers_of(std::span<const LinearLayer> layers, const Model& original,
                                const Calibration& calibration, const GramOptions& options, const KeptOutputsOf& kept) {
    std::vector<Answers> answers(layers.size());
    std::vector<LinearLayer> before(layers.begin(), layers.end());
    for (LinearLayer& layer : before) {
        if (const auto found = kept.find(layer.output); found != kept.end()) layer.outputs = found->second.before;
    }
    std::vector<std::string> names;
    for (const LinearLayer& layer : layers) names.push_back(layer.output);
    const auto samples = static_cast<std::int64_t>(calibration.samples.count);
    const std::int64_t rows_a_sample = std::max<std::int64_t>((options.rows + samples - 1) / samples, 1);
    Tap(original, names).run(calibration, [&](std::size_t index, const auto& tensor) {
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const Tensor& output = tensor(layers[l].output);
            const std::int64_t positions = positions_of(before[l], output);
            const std::uint64_t seed = options.seed * 0x9E3779B97F4A7C15ULL + index;
            answers[l].positions.push_back(sampled_positions(positions, rows_a_sample, seed));
            answers[l].extents.push_back(extent_of(before[l], output));
            Matrix rows = output_rows(before[l], output, answers[l].positions.back());
            const auto left = kept.find(layers[l].output);
            if (left != kept.end()) rows = Matrix(rows(Eigen::all, left->second.indices));
            answers[l].rows.push_back(std::move(rows));
        }
    });
    return answers;
}

void check_finite(const SplitMoments& halves, const LinearLayer& layer) {
    for (const Moments* half : {&halves.even, &halves.odd}) {
        if (half->inputs.allFinite() && half->cross.allFinite() && half->outputs_variance.allFinite()) continue;
        throw Error(ErrorKind::input, fmt::format("look at layer '{}'", layer.node),
                    "on a calibration sample it sees or gives numbers that are not finite; leave such samples out");
    }
}

}  // namespace

std::vector<std::vector<SplitMoments>> moments_of(std::span<const LinearLayer> layers, const Model& original,
                                                  const Model& current, const Calibration& calibration,
                                                  const GramOptions& options, const KeptOutputsOf& kept) {
    if (calibration.samples.count == 0) {
        throw Error(ErrorKind::usage, fmt::format("calibrate '{}'", original.name()),
                    "there are no samples; give a folder of inputs (labels are not needed)");
    }
    const std::vector<Answers> answers = answers_of(layers, original, calibration, options, kept);
    struct Halves {
        Gram even, odd;
    };
    std::vector<std::vector<Halves>> grams(layers.size());
    std::vector<std::string> names;
    for (std::size_t l = 0; l < layers.size(); ++l) {
        names.push_back(layers[l].input);
        const Gram empty(layers[l].inputs, layers[l].outputs_per_group());
        grams[l].assign(static_cast<std::size_t>(layers[l].groups), {empty, empty});
    }
    Tap(current, names).run(calibration, [&](std::size_t index, const auto& tensor) {
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const Answers& answer = answers[l];
            BREAKEVEN_ASSERT(index < answer.rows.size());
            const std::int64_t width = layers[l].outputs_per_group();
            for (std::int64_t g = 0; g < layers[l].groups; ++g) {
                const Matrix rows =
                    input_rows(layers[l], g, tensor(layers[l].input), answer.extents[index], answer.positions[index]);
                Halves& halves = grams[l][static_cast<std::size_t>(g)];
                Gram& half = index % 2 == 0 ? halves.even : halves.odd;
                half.add(rows, answer.rows[index].middleCols(g * width, width));
            }
        }
    });
    std::vector<std::vector<SplitMoments>> moments(layers.size());
    for (std::size_t l = 0; l < layers.size(); ++l) {
        for (Halves& halves : grams[l]) {
            moments[l].push_back({halves.even.moments(), halves.odd.moments()});
            check_finite(moments[l].back(), layers[l]);
        }
    }
    return moments;
}

}  // namespace breakeven
