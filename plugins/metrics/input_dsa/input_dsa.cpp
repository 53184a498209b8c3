#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.dsa.alignment;
import repal.linalg;
import repal.metric;
import repal.subspace;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using repal::Option;

/// The dynamics of a system and what inputs do to them.
struct Driven {
    bool precedes(const Driven& other) const {
        if (a.size() == 0 || other.a.size() == 0) return a.size() < other.a.size();
        return repal::precedes(a, other.a) || (!repal::precedes(other.a, a) && repal::precedes(b, other.b));
    }

    std::string cause = {};    ///< why there are none; empty: there are
    std::string warning = {};  ///< of inputs that never vary, or tell hardly anything
    Index n_inputs = 0;
    std::vector<Index> inputs = {};  ///< those that vary
    MatrixXd a = {};                 ///< (rank, rank)
    MatrixXd b = {};                 ///< (rank, input) of norm 1
    MatrixXd reached = {};           ///< [B, A B, ..., A^(h-1) B] of norm 1
    std::optional<repal::AlignmentOperator> linear_operator = {};
};

/// How alike two linear systems with inputs are, x(t+1) = A x(t) + B u(t) + offset. compare: state, DSA's angle of A;
/// input, the angle of B after the best rotation, arccos(|B1 B2^T|_* / (|B1| |B2|)); joint, the same of K = [B, A B,
/// ..., A^(h-1) B]: what an impulse of each input does over h steps. Systems are identified from trajectories and
/// inputs, and put into balanced coordinates, in which they are unique up to an orthogonal matrix. Source: Huang,
/// Ostrow et al. 2025 (InputDSA); Van Overschee & De Moor 1996 (identification); Moore 1981 (coordinates).
class InputDsa final : public repal::MetricOf<Driven> {
 public:
    struct Options {
        std::string compare = "joint";
        std::int64_t n_delays = 10;
        std::int64_t rank = 4;
        std::int64_t horizon = 0;
        std::string fit = "subspace";
        std::string coordinates = "balanced";

        static auto table() {
            return std::tuple{
                Option{&Options::compare,
                       {.name = "compare",
                        .summary = "the dynamics alone, what inputs enter alone, or what inputs do over time",
                        .choices = {"joint", "state", "input"}}},
                Option{&Options::n_delays,
                       {.name = "n_delays",
                        .unit = "steps",
                        .summary = "of the past and of the future that the state is found from",
                        .minimum = 1,
                        .maximum = 10'000}},
                Option{&Options::rank,
                       {.name = "rank", .summary = "dimension of the state", .minimum = 2, .maximum = 1000}},
                Option{&Options::horizon,
                       {.name = "horizon",
                        .unit = "steps",
                        .summary = "of joint; 0: the rank",
                        .minimum = 0,
                        .maximum = 10'000}},
                Option{&Options::fit,
                       {.name = "fit",
                        .summary = "regression is right only where delays hold the state without noise",
                        .choices = {"subspace", "regression"}}},
                Option{&Options::coordinates,
                       {.name = "coordinates",
                        .summary = "those of the data depend on the statistics of the inputs",
                        .choices = {"balanced", "data"}}}};
        }
    };

    static repal::MetricInfo info() {
        using enum repal::Invariance;
        const auto angle = [](const char* name, const char* summary) {
            return repal::ValueInfo{.name = name,
                                    .summary = summary,
                                    .unit = "rad",
                                    .minimum = 0,
                                    .maximum = std::numbers::pi,
                                    .larger_is_alike = false};
        };
        return {.name = "input_dsa",
                .version = "2",
                .family = repal::Family::dynamics,
                .summary = "dynamics that are driven by inputs: the state, what enters it, or both",
                .source = "Huang, Ostrow et al. 2025, InputDSA; Van Overschee & De Moor 1996; Moore 1981",
                .invariances = {translation, orthogonal, scaling, trial_order},
                .has_triangle_inequality = true,
                .needs_equal_steps = false,
                .has_common_form = false,
                .values = {angle("joint_rad", "of K"), angle("state_rad", "of A"), angle("input_rad", "of B")},
                .options = repal::option_infos<Options>()};
    }

    explicit InputDsa(Options options) : options_(std::move(options)) {
        if (options_.horizon > 0 && options_.compare != "joint")
            throw repal::InputError("", fmt::format("horizon does nothing with compare {}", options_.compare),
                                    "it is of compare joint");
    }

    Index least_steps() const override { return 2 * options_.n_delays + 1; }

 protected:
    Driven features(const repal::Trajectories& x) const override {
        Driven driven{.n_inputs = x.inputs().cols(), .inputs = repal::varying_inputs(x)};
        const Index n_varying = std::ssize(driven.inputs);
        const bool has_constant = n_varying > 0 && n_varying < driven.n_inputs;
        if (has_constant)
            driven.warning = fmt::format("{} of {} inputs never vary and are left out", driven.n_inputs - n_varying,
                                         driven.n_inputs);
        const repal::Trajectories used = has_constant ? x.with_inputs(x.inputs()(Eigen::all, driven.inputs)) : x;
        repal::Realisation found = options_.fit == "subspace"
                                       ? repal::identified(used, options_.n_delays, options_.rank)
                                       : repal::regressed(used, options_.n_delays, options_.rank);
        if (options_.coordinates == "balanced") found = repal::balanced(std::move(found));
        if (const std::string uneven = warning_of_units(used.inputs()); !uneven.empty()) {
            driven.warning += (driven.warning.empty() ? "" : "; ") + uneven;
            if (!found.cause.empty()) found.cause += "; " + uneven;
        }
        driven.cause = found.cause;
        if (!driven.cause.empty()) return driven;
        constexpr double hardly = 0.05;
        if (found.share_of_inputs < hardly)
            driven.warning += fmt::format(
                "{}inputs tell {:.0f} % of what the activity before leaves open: are they of this system and its "
                "steps?",
                driven.warning.empty() ? "" : "; ", 100 * std::max(0.0, found.share_of_inputs));
        if (!found.a.allFinite() || !found.b.allFinite() || !(found.b.norm() > 0) || !(found.a.norm() > 0)) {
            driven.cause = "inputs do nothing to the state that was found";
            return driven;
        }
        const Index horizon = options_.horizon > 0 ? options_.horizon : options_.rank;
        driven.reached.resize(found.a.rows(), horizon * found.b.cols());
        MatrixXd later = found.b;
        for (Index h = 0; h < horizon; ++h) {
            driven.reached.middleCols(h * found.b.cols(), found.b.cols()) = later;
            later = found.a * later;
        }
        driven.reached /= driven.reached.norm();
        driven.b = found.b / found.b.norm();
        driven.a = std::move(found.a);
        driven.linear_operator.emplace(driven.a);
        return driven;
    }

    repal::Score distance(const Driven& a, const Driven& b) const override {
        const std::string& cause = a.cause.empty() ? b.cause : a.cause;
        if (!cause.empty()) return repal::Score::without_value(repal::Status::not_applicable, cause);
        if (a.inputs != b.inputs || a.n_inputs != b.n_inputs)
            return repal::Score::without_value(
                repal::Status::not_applicable,
                a.n_inputs == b.n_inputs
                    ? "inputs must be the same, but some vary in one of the systems only"
                    : fmt::format("inputs must be the same, but one system has {} and the other {}", a.n_inputs,
                                  b.n_inputs));
        const repal::Alignment state = repal::align(*a.linear_operator, *b.linear_operator);
        const double of_state = state.is_converged ? state.angle_rad : std::numeric_limits<double>::quiet_NaN();
        // A rotation lays any two columns on each other.
        const bool has_one_input = a.b.cols() == 1;
        if (has_one_input && options_.compare == "input")
            return repal::Score::without_value(
                repal::Status::not_applicable,
                "with one input B is one column, and any two can be turned onto each other; "
                "compare joint knows what the input does");
        const double of_input = has_one_input ? std::numeric_limits<double>::quiet_NaN() : angle_of(a.b, b.b);
        const double joint = angle_of(a.reached, b.reached);
        repal::Score score = repal::Score::of(options_.compare == "input" ? of_input : joint);
        if (options_.compare == "state") {
            if (!state.is_converged)
                return repal::Score::without_value(repal::Status::not_converged, "the alignment did not converge");
            score = repal::Score::of(of_state, state.lower_bound_rad);
        }
        score.values = {joint, of_state, of_input};
        return score;
    }

 private:
    /// Inputs have one scale, that of what enters: of those in small units little is seen.
    static std::string warning_of_units(const repal::RowMatrix& inputs) {
        constexpr double uneven = 30;
        if (inputs.cols() < 2) return {};
        const Eigen::RowVectorXd widths = inputs.colwise().maxCoeff() - inputs.colwise().minCoeff();
        if (widths.maxCoeff() <= uneven * widths.minCoeff()) return {};
        return fmt::format(
            "inputs differ {:.0f}-fold in scale, and the small ones count little in input and joint: "
            "write them in comparable units, the same for all systems",
            widths.maxCoeff() / widths.minCoeff());
    }

    /// After the best rotation of the rows of y; both have norm 1.
    static double angle_of(const MatrixXd& x, const MatrixXd& y) {
        const MatrixXd product = x * y.transpose();
        return repal::aligned_angle(repal::nuclear_norm(product),
                                    [&] { return (x - repal::polar_factor(product) * y).norm(); });
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<InputDsa>;
