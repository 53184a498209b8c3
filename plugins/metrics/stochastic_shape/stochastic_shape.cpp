#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.linalg;
import repal.metric;
import repal.random;
import repal.repeats;
import repal.thin_basis;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using repal::Option;

/// Samples of the repeats of each image, a step of a condition.
struct Images {
    bool precedes(const Images& other) const {
        return channels() < other.channels() || (channels() == other.channels() && repal::precedes(all, other.all));
    }
    Index channels() const { return samples.empty() ? 0 : samples.front().cols(); }

    repal::Shape shape;
    std::string cause = {};                     ///< why it cannot be compared; empty: it can
    std::string warning = {};                   ///< that not all images are in it
    std::vector<std::int64_t> conditions = {};  ///< labels
    std::vector<MatrixXd> samples = {};         ///< of each image (repeat, channel), of mean 0 and mean squared norm 1
    MatrixXd all = {};                          ///< these one below the other
    double unit = 1;                            ///< what 1 is in the data
    std::vector<MatrixXd> roots = {};           ///< of each covariance (channel, channel)
    MatrixXd means = {};                        ///< (image, channel)
    std::size_t bytes = sizeof(Images);
};

/// With channels of 0 beside its own.
MatrixXd padded(const MatrixXd& x, Index channels) {
    MatrixXd wide = MatrixXd::Zero(x.rows(), channels);
    wide.leftCols(x.cols()) = x;
    return wide;
}

MatrixXd padded_square(const MatrixXd& x, Index channels) {
    MatrixXd large = MatrixXd::Zero(channels, channels);
    large.topLeftCorner(x.rows(), x.cols()) = x;
    return large;
}

MatrixXd root_of(const MatrixXd& covariance) {
    const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(covariance);
    return solver.eigenvectors() * solver.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal() *
           solver.eigenvectors().transpose();
}

/// Centred samples by their principal axes, each with its longer tail to the right, of norm 1: the same whatever the
/// axes of the channels are, so that every search begins alike.
MatrixXd principal_coordinates(const repal::RowMatrix& x) {
    const repal::ThinBasis basis = repal::thin_basis(x);
    MatrixXd rows = basis.vectors * basis.singular_values.asDiagonal();
    for (auto column : rows.colwise())
        if (column.array().cube().sum() < 0) column = -column;
    return rows;
}

/// Rotations to begin with: from the means, principal axes on each other, and drawn, of both determinants in turn.
std::vector<MatrixXd> starts_of(const MatrixXd& from_means, std::int64_t n) {
    const Index channels = from_means.rows();
    std::vector<MatrixXd> starts = {repal::polar_factor(from_means), MatrixXd::Identity(channels, channels)};
    for (std::uint64_t i = 2; i < static_cast<std::uint64_t>(n); ++i) {
        repal::Stream draws = repal::Stream(0).child("rotation").child(i);
        MatrixXd normal(from_means.rows(), from_means.cols());
        for (double& value : normal.reshaped()) value = draws.normal();
        MatrixXd rotation = repal::polar_factor(normal);
        if ((rotation.determinant() < 0) != (i % 2 == 1)) rotation.col(0) *= -1;
        starts.push_back(std::move(rotation));
    }
    starts.resize(std::min(starts.size(), static_cast<std::size_t>(n)));
    return starts;
}

/// A rotation Q of y and what it reaches.
struct Aligned {
    MatrixXd rotation;
    double value = 0;
    bool is_converged = false;
};

/// Gives the next rotation, and the value of the one before.
using Improved = std::function<std::pair<MatrixXd, double>(const MatrixXd&)>;

/// At most so many steps of `improved`, each carried on in the direction of the last ones, until nothing is gained. A
/// step that goes down is taken back, and the next one is plain. Source: Nesterov 1983; O'Donoghue & Candes 2015
/// (restarts).
Aligned climbed(const MatrixXd& start, const Improved& improved, int most) {
    constexpr double tolerance = 1e-11;
    Aligned found{.rotation = start, .value = -std::numeric_limits<double>::infinity()};
    MatrixXd rotation = start;
    MatrixXd after_best;  // one plain step from the best rotation
    MatrixXd last;        // the plain step before
    double carried = 0;   // steps since the last plain one
    for (int step = 0; step < most; ++step) {
        const auto [next, value] = improved(rotation);
        const double gain = value - found.value;
        if (gain > 0) {
            found.value = value;
            found.rotation = rotation;
            after_best = next;
        }
        if (!(gain > tolerance * std::abs(value))) {
            found.is_converged = carried == 0;
            if (found.is_converged) break;
            carried = 0;
            rotation = after_best;
            last = after_best;
            continue;
        }
        if (carried > 0)
            rotation = repal::polar_factor(next + carried / (carried + 3) * (next - last));
        else
            rotation = next;
        last = next;
        ++carried;
    }
    return found;
}

/// The best of climbs from all starts, the first one of equal ones. A few steps tell which of them are worth the end.
Aligned best_of(const std::vector<MatrixXd>& starts, const Improved& improved) {
    constexpr int few = 12;
    constexpr int most = 2000;
    constexpr std::size_t least_finished = 16;
    std::vector<Aligned> climbs;
    for (const MatrixXd& start : starts) climbs.push_back(climbed(start, improved, few));
    std::vector<std::size_t> order(climbs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t i, std::size_t j) { return climbs[i].value > climbs[j].value; });
    order.resize(std::min(order.size(), std::max(least_finished, order.size() / 4)));
    Aligned best{.rotation = {}, .value = -std::numeric_limits<double>::infinity()};
    for (const std::size_t i : order) {
        Aligned found = climbs[i].is_converged ? climbs[i] : climbed(climbs[i].rotation, improved, most);
        if (found.is_converged && found.value > best.value) best = std::move(found);
    }
    return best;
}

/// Mean distance of the samples of an image, over images.
double mean_distance(const std::vector<MatrixXd>& x, const std::vector<MatrixXd>& y) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
        for (Index r = 0; r < x[i].rows(); ++r)
            sum += (y[i].rowwise() - x[i].row(r)).rowwise().norm().mean() / static_cast<double>(x[i].rows());
    return sum / static_cast<double>(x.size());
}

/// The same of different samples of an image.
double mean_distance_of_others(const std::vector<MatrixXd>& x) {
    double sum = 0;
    for (const MatrixXd& image : x) {
        const auto n = static_cast<double>(image.rows());
        sum += mean_distance({image}, {image}) * n / (n - 1);
    }
    return sum / static_cast<double>(x.size());
}

double mean_norm(const std::vector<MatrixXd>& x) {
    double sum = 0;
    for (const MatrixXd& image : x) sum += image.rowwise().norm().mean();
    return sum / static_cast<double>(x.size());
}

/// Shapes of noisy responses. An image i is a step of a condition; its repeats have the mean mu_i and the covariance
/// S_i in x, nu_i and T_i in y; the mean of all is taken off.
///
/// gaussian: cos = max over orthogonal Q of A(Q) / sqrt(A_x A_y), A(Q) = mean_i m mu_i . nu_i Q + (1 - m) |S_i^1/2 (Q^T
/// T_i Q)^1/2|_*, A_x that of x with itself, m = `means`: 1/2 is the 2-Wasserstein distance of the images, 1 Procrustes
/// of the means, 0 noise alone. Alternating best rotations, from `starts` starts; the bound replaces the best Q of the
/// sum by the best of each part.
///
/// energy: cos = (|x| + |y| - D(x, y Q)) / sqrt((2 |x| - D(x, x)) (2 |y| - D(y, y))) of mean norms and mean distances D
/// of the repeats of an image, both systems scaled to a mean squared norm of 1: the angle of the mean embeddings by the
/// kernel whose distance is the energy distance. Q by reweighted least squares.
///
/// Conditions and steps must correspond, repeats need not.
/// Source: Duong et al. 2023 (stochastic shape metrics).
class StochasticShape final : public repal::MetricOf<Images> {
 public:
    struct Options {
        std::string distribution = "gaussian";
        double means = 0.5;
        std::int64_t repeats = 0;
        double shrinkage = 0;
        std::int64_t starts = 32;
        std::int64_t max_images = 100;

        static auto table() {
            return std::tuple{
                Option{&Options::distribution,
                       {.name = "distribution",
                        .summary = "of repeats: their means and covariances, or all of it",
                        .choices = {"gaussian", "energy"}}},
                Option{&Options::means,
                       {.name = "means",
                        .summary = "of gaussian: weight of the means; 0: noise alone",
                        .minimum = 0,
                        .maximum = 1}},
                Option{&Options::repeats,
                       {.name = "repeats",
                        .unit = "trials",
                        .summary = "trials come in blocks of so many of one condition; 0: as the conditions of the "
                                   "trials say, all of one if there are none",
                        .minimum = 0}},
                Option{&Options::shrinkage,
                       {.name = "shrinkage",
                        .summary = "of gaussian: of covariances towards equal variances",
                        .minimum = 0,
                        .maximum = 1}},
                Option{
                    &Options::starts,
                    {.name = "starts", .summary = "of the search for the rotation", .minimum = 1, .maximum = 10'000}},
                Option{&Options::max_images,
                       {.name = "max_images",
                        .summary = "steps of all conditions that are compared, evenly spaced, of all",
                        .minimum = 1,
                        .maximum = 100'000}}};
        }
    };

    static repal::MetricInfo info() {
        return StochasticShape(Options()).described(
            {.name = "stochastic_shape",
             .version = "2",
             .family = repal::Family::geometry,
             .summary = "shape of responses and of their variability from trial to trial",
             .source = "Duong et al. 2023, Representational dissimilarity metric spaces for stochastic "
                       "neural networks",
             .invariances = {},
             .largest_rad = std::numbers::pi / 2,
             .corresponding = {repal::Correspondence::conditions},
             .has_common_form = false,
             .options = repal::option_infos<Options>()});
    }

    explicit StochasticShape(Options options) : options_(std::move(options)) {
        if (options_.repeats == 1)
            throw repal::InputError("", "one repeat of a condition tells no variability", "two or more");
        if (!is_gaussian() && (options_.means != Options().means || options_.shrinkage > 0))
            throw repal::InputError("", "means and shrinkage do nothing with distribution energy",
                                    "they are of distribution gaussian");
    }

    Index least_steps() const override { return 1; }

    repal::MetricInfo described(repal::MetricInfo info) const override {
        using enum repal::Invariance;
        info.invariances = {translation, orthogonal, scaling};
        if (options_.repeats == 0) info.invariances.push_back(trial_order);
        info.has_triangle_inequality = is_gaussian();
        const auto distance = [](const char* name, const char* summary) {
            return repal::ValueInfo{
                .name = name, .summary = summary, .unit = "of the data", .minimum = 0, .larger_is_alike = false};
        };
        if (is_gaussian())
            info.values = {distance("gaussian_distance", "sqrt(2 (A_x + A_y - 2 A(Q)))")};
        else
            info.values = {distance("energy_distance", "sqrt(D(x, yQ) - (D(x, x) + D(y, y)) / 2)"),
                           distance("energy_distance_u", "the same without the bias of equal repeats")};
        return info;
    }

 protected:
    Images features(const repal::Trajectories& x) const override {
        Images images{.shape = x.shape()};
        const repal::Repeats repeats = repal::repeats_of(x.shape().trials, options_.repeats, x.conditions());
        images.cause = repeats.cause;
        images.conditions = repeats.conditions;
        if (!images.cause.empty()) return images;
        const MatrixXd rows = principal_coordinates(x.rows());
        if (rows.size() == 0) {
            images.cause = "all samples of a system are equal";
            return images;
        }
        const double scale = std::sqrt(static_cast<double>(rows.rows()));  // mean squared norm 1
        images.unit = repal::centred_norm(x.rows()) / scale;
        for (const auto& [condition, step] : image_list(repeats, x.shape().steps, images)) {
            std::vector<Index> of_image;
            for (const Index trial : repeats.trials[condition]) of_image.push_back(trial * x.shape().steps + step);
            images.samples.emplace_back(rows(of_image, Eigen::all) * scale);
        }
        images.means.resize(std::ssize(images.samples), rows.cols());
        for (std::size_t i = 0; i < images.samples.size(); ++i)
            images.means.row(static_cast<Index>(i)) = images.samples[i].colwise().mean();
        // Images weigh alike, however many repeats each has.
        const Eigen::RowVectorXd centre = images.means.colwise().mean();
        images.means.rowwise() -= centre;
        for (MatrixXd& image : images.samples) image.rowwise() -= centre;
        Index n_rows = 0;
        for (const MatrixXd& image : images.samples) n_rows += image.rows();
        images.all.resize(n_rows, rows.cols());
        n_rows = 0;
        for (const MatrixXd& image : images.samples) {
            images.all.middleRows(n_rows, image.rows()) = image;
            n_rows += image.rows();
        }
        remark(x, repeats, images);
        if (is_gaussian()) add_roots(images);
        images.bytes += sizeof(double) * static_cast<std::size_t>(2 * images.all.size() +
                                                                  std::ssize(images.roots) * rows.cols() * rows.cols());
        return images;
    }

    repal::Score distance(const Images& a, const Images& b) const override {
        const std::string& cause = a.cause.empty() ? b.cause : a.cause;
        if (!cause.empty()) return repal::Score::without_value(repal::Status::not_applicable, cause);
        if (a.conditions != b.conditions || a.shape.steps != b.shape.steps)
            return repal::Score::without_value(
                repal::Status::not_applicable,
                fmt::format(
                    "conditions and steps must correspond, but one system has {} conditions and {} steps and the "
                    "other {} and {}, or other conditions",
                    a.conditions.size(), a.shape.steps, b.conditions.size(), b.shape.steps));
        return is_gaussian() ? gaussian(a, b) : energy(a, b);
    }

 private:
    bool is_gaussian() const { return options_.distribution == "gaussian"; }

    /// What may not be meant.
    void remark(const repal::Trajectories& x, const repal::Repeats& repeats, Images& images) const {
        const auto add = [&](const std::string& text) {
            images.warning += (images.warning.empty() ? "" : "; ") + text;
        };
        if (options_.repeats == 0 && x.conditions().empty())
            add(fmt::format(
                "all {} trials are taken as repeats of one condition: --conditions, or repeats, says otherwise",
                x.shape().trials));
        std::size_t fewest = repeats.trials.front().size();
        for (const auto& trials : repeats.trials) fewest = std::min(fewest, trials.size());
        if (is_gaussian() && options_.means < 1 && options_.shrinkage == 0 &&
            static_cast<Index>(fewest) <= x.shape().channels)
            add(
                fmt::format("{} repeats are few for covariances of {} channels, whose distance is too large then; set "
                            "shrinkage, or compare with a split of the repeats",
                            fewest, x.shape().channels));
    }

    /// (condition, step) of each.
    std::vector<std::pair<std::size_t, Index>> image_list(const repal::Repeats& repeats, Index steps,
                                                          Images& images) const {
        std::vector<std::pair<std::size_t, Index>> all;
        for (std::size_t condition = 0; condition < repeats.trials.size(); ++condition)
            for (Index step = 0; step < steps; ++step) all.emplace_back(condition, step);
        const Index most = options_.max_images;
        if (std::ssize(all) <= most) return all;
        images.warning = fmt::format("{} of {} steps of conditions are compared, evenly spaced: max_images is {}", most,
                                     all.size(), most);
        std::vector<std::pair<std::size_t, Index>> some;
        for (Index i = 0; i < most; ++i)
            some.push_back(all[static_cast<std::size_t>((2 * i + 1) * std::ssize(all) / (2 * most))]);
        return some;
    }

    void add_roots(Images& images) const {
        for (std::size_t i = 0; i < images.samples.size(); ++i) {
            const MatrixXd& samples = images.samples[i];
            const MatrixXd apart = samples.rowwise() - images.means.row(static_cast<Index>(i));
            MatrixXd covariance = apart.transpose() * apart / static_cast<double>(samples.rows() - 1);
            const double mean = covariance.trace() / static_cast<double>(covariance.rows());
            covariance *= 1 - options_.shrinkage;
            covariance.diagonal().array() += options_.shrinkage * mean;
            images.roots.push_back(root_of(covariance));
        }
        constexpr double rounding = 1e-20;  // of squares, of a mean squared norm of 1
        if (!(own(images) > rounding))
            images.cause =
                options_.means == 0 ? "the repeats of a system do not vary" : "the means of a system are equal";
    }

    /// A of a system with itself.
    double own(const Images& images) const {
        double noise = 0;
        for (const MatrixXd& root : images.roots) noise += root.squaredNorm();
        return (options_.means * images.means.squaredNorm() + (1 - options_.means) * noise) /
               static_cast<double>(images.means.rows());
    }

    repal::Score gaussian(const Images& a, const Images& b) const {
        const Index channels = std::max(a.channels(), b.channels());
        const double own_a = own(a);
        const double own_b = own(b);
        // Both of norm 1, so that A is the cosine.
        const auto scaled = [&](const Images& images, double norm) {
            std::pair<MatrixXd, std::vector<MatrixXd>> parts;
            const double unit = 1 / std::sqrt(norm * static_cast<double>(images.means.rows()));
            parts.first = padded(images.means, channels) * (std::sqrt(options_.means) * unit);
            for (const MatrixXd& root : images.roots)
                parts.second.emplace_back(padded_square(root, channels) * (std::sqrt(1 - options_.means) * unit));
            return parts;
        };
        const auto [mu, s] = scaled(a, own_a);
        const auto [nu, t] = scaled(b, own_b);
        const MatrixXd of_means = nu.transpose() * mu;
        // These have few channels and are many: nothing is allocated in the loop.
        MatrixXd turned(channels, channels);
        MatrixXd product(channels, channels);
        Eigen::JacobiSVD<MatrixXd, Eigen::NoQRPreconditioner> svd(channels, channels,
                                                                  Eigen::ComputeFullU | Eigen::ComputeFullV);
        const auto improved = [&](const MatrixXd& rotation) {
            MatrixXd sum = of_means;
            double value = of_means.cwiseProduct(rotation).sum();
            if (options_.means == 1) return std::pair(repal::polar_factor(sum), value);
            for (std::size_t i = 0; i < s.size(); ++i) {
                turned.noalias() = t[i] * rotation;
                product.noalias() = s[i] * turned.transpose();
                constexpr Index small = 16;
                if (channels < small) {
                    svd.compute(product);
                    value += svd.singularValues().sum();
                    turned.noalias() = svd.matrixV() * svd.matrixU().transpose();
                } else {
                    const MatrixXd best = repal::polar_factor(product);
                    value += best.cwiseProduct(product).sum();
                    turned = best.transpose();
                }
                product.noalias() = turned * s[i];
                sum.noalias() += t[i] * product;
            }
            return std::pair(repal::polar_factor(sum), value);
        };
        const Aligned best = best_of(starts_of(of_means, options_.starts), improved);
        if (!best.is_converged) return not_converged();

        const double angle = repal::aligned_angle(best.value, [&] {
            double square = (mu - nu * best.rotation).squaredNorm();
            for (std::size_t i = 0; i < s.size(); ++i) {
                const MatrixXd turned = t[i] * best.rotation;
                square += (s[i] - repal::polar_factor(s[i] * turned.transpose()) * turned).squaredNorm();
            }
            return std::sqrt(square);
        });
        const double bound = std::acos(std::clamp(bound_of(of_means, s, t), -1.0, 1.0));
        repal::Score score = repal::Score::of(angle, std::min(bound, angle));
        // In units of the data; |X - Y|^2 = (|X| - |Y|)^2 + 4 |X| |Y| sin^2(angle / 2).
        const double x = a.unit * std::sqrt(own_a);
        const double y = b.unit * std::sqrt(own_b);
        score.values = {std::numbers::sqrt2 * std::hypot(x - y, 2 * std::sqrt(x) * std::sqrt(y) * std::sin(angle / 2))};
        return score;
    }

    /// No rotation whatever reaches more: the best of the means and, of each image, sorted spectra.
    static double bound_of(const MatrixXd& of_means, const std::vector<MatrixXd>& s, const std::vector<MatrixXd>& t) {
        double bound = repal::nuclear_norm(of_means);
        const auto spectrum = [](const MatrixXd& root) -> VectorXd {
            return Eigen::SelfAdjointEigenSolver<MatrixXd>(root, Eigen::EigenvaluesOnly).eigenvalues();
        };
        for (std::size_t i = 0; i < s.size(); ++i) bound += spectrum(s[i]).dot(spectrum(t[i]));
        return bound;
    }

    repal::Score energy(const Images& a, const Images& b) const {
        const Index channels = std::max(a.channels(), b.channels());
        const auto scaled = [&](const Images& images, double scale) {
            std::vector<MatrixXd> samples;
            for (const MatrixXd& image : images.samples) samples.emplace_back(padded(image, channels) * scale);
            return samples;
        };
        const MatrixXd of_means = padded(b.means, channels).transpose() * padded(a.means, channels);
        const std::vector<MatrixXd> starts = starts_of(of_means, options_.starts);

        const std::vector<MatrixXd> x = scaled(a, 1 / root_mean_square(a.samples));
        const std::vector<MatrixXd> y = scaled(b, 1 / root_mean_square(b.samples));
        const Aligned best = nearest(x, y, starts);
        const std::vector<MatrixXd> x_data = scaled(a, a.unit);
        const std::vector<MatrixXd> y_data = scaled(b, b.unit);
        const Aligned in_data = nearest(x_data, y_data, starts);
        if (!best.is_converged || !in_data.is_converged) return not_converged();

        const double own_x = 2 * mean_norm(x) - mean_distance(x, x);
        const double own_y = 2 * mean_norm(y) - mean_distance(y, y);
        if (!(own_x > 0 && own_y > 0))
            return repal::Score::without_value(repal::Status::not_applicable, "the images of a system have no extent");
        const double cosine = (mean_norm(x) + mean_norm(y) + best.value) / std::sqrt(own_x * own_y);
        repal::Score score = repal::Score::of(std::acos(std::clamp(cosine, 0.0, 1.0)));
        const double own = (mean_distance(x_data, x_data) + mean_distance(y_data, y_data)) / 2;
        const double unbiased = (mean_distance_of_others(x_data) + mean_distance_of_others(y_data)) / 2;
        score.values = {std::sqrt(std::max(0.0, -in_data.value - own)),
                        std::sqrt(std::max(0.0, -in_data.value - unbiased))};
        return score;
    }

    static double root_mean_square(const std::vector<MatrixXd>& samples) {
        double sum = 0;
        for (const MatrixXd& image : samples) sum += image.squaredNorm() / static_cast<double>(image.rows());
        return std::sqrt(sum / static_cast<double>(samples.size()));
    }

    /// The rotation with the largest -D(x, y Q).
    static Aligned nearest(const std::vector<MatrixXd>& x, const std::vector<MatrixXd>& y,
                           const std::vector<MatrixXd>& starts) {
        return best_of(starts, [&](const MatrixXd& rotation) {
            constexpr double least = 1e-12;  // of a distance, whose inverse is a weight
            MatrixXd sum = MatrixXd::Zero(rotation.rows(), rotation.cols());
            double all = 0;
            for (std::size_t i = 0; i < x.size(); ++i) {
                const MatrixXd turned = y[i] * rotation;
                MatrixXd weights(x[i].rows(), y[i].rows());
                for (Index r = 0; r < x[i].rows(); ++r)
                    weights.row(r) = (turned.rowwise() - x[i].row(r)).rowwise().norm().transpose();
                all += weights.mean();
                weights = weights.cwiseMax(least).cwiseInverse().eval();
                sum += y[i].transpose() * weights.transpose() * x[i];
            }
            return std::pair(repal::polar_factor(sum), -all / static_cast<double>(x.size()));
        });
    }

    repal::Score not_converged() const {
        return repal::Score::without_value(
            repal::Status::not_converged,
            fmt::format("no search for the rotation ended, of {} starts", options_.starts));
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<StochasticShape>;
