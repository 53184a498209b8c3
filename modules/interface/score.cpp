module;
#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <numbers>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
module repal.score;

namespace repal {
namespace {

constexpr std::array<std::string_view, 4> status_names = {"ok", "not_applicable", "not_converged", "failed"};

Status status_of(const std::string& name) {
    const auto place = std::ranges::find(status_names, name);
    if (place == status_names.end()) throw std::runtime_error("there is no status '" + name + "' of a score");
    return static_cast<Status>(place - status_names.begin());
}

ScoreValue if_ok(const Score& score, std::optional<double> value) {
    return score.status == Status::ok && value ? ScoreValue(*value) : ScoreValue();
}

template <class T>
ScoreValue unless_empty(const std::vector<T>& values) {
    return values.empty() ? ScoreValue() : ScoreValue(values);
}

template <class T>
void set(std::vector<T>& values, const ScoreValue& value) {
    if (const auto* held = std::get_if<std::vector<T>>(&value)) values = *held;
}

constexpr std::array columns = {
    ScoreColumn{"angle_rad", "angle (rad)", [](const Score& score) { return if_ok(score, score.angle_rad); },
                [](Score& score, const ScoreValue& value) {
                    const double* angle = std::get_if<double>(&value);
                    score.angle_rad = angle != nullptr ? *angle : std::numeric_limits<double>::quiet_NaN();
                }},
    ScoreColumn{"dissimilarity", "dissimilarity",
                [](const Score& score) { return if_ok(score, score.dissimilarity()); }, nullptr},
    ScoreColumn{"lower_bound_rad", "lower bound (rad)",
                [](const Score& score) { return if_ok(score, score.lower_bound_rad); },
                [](Score& score, const ScoreValue& value) {
                    if (const double* bound = std::get_if<double>(&value)) score.lower_bound_rad = *bound;
                }},
    ScoreColumn{"status", "status", [](const Score& score) { return ScoreValue(std::string(to_string(score.status))); },
                [](Score& score, const ScoreValue& value) { score.status = status_of(std::get<std::string>(value)); }},
    ScoreColumn{"values", "", [](const Score& score) { return unless_empty(score.values); },
                [](Score& score, const ScoreValue& value) { set(score.values, value); }},
    ScoreColumn{"curves", "", [](const Score& score) { return unless_empty(score.curves); },
                [](Score& score, const ScoreValue& value) { set(score.curves, value); }},
    ScoreColumn{"warnings", "", [](const Score& score) { return unless_empty(score.warnings); },
                [](Score& score, const ScoreValue& value) { set(score.warnings, value); }},
    ScoreColumn{"detail", "", [](const Score& score) { return ScoreValue(score.detail); },
                [](Score& score, const ScoreValue& value) {
                    if (const auto* detail = std::get_if<std::string>(&value)) score.detail = *detail;
                }},
};

}  // namespace

std::string_view to_string(Status status) {
    return status_names[static_cast<std::size_t>(status)];
}

Score Score::of(double angle_rad, std::optional<double> lower_bound_rad) {
    return {.status = Status::ok, .angle_rad = angle_rad, .lower_bound_rad = lower_bound_rad};
}

Score Score::without_value(Status status, std::string detail) {
    return {.status = status, .angle_rad = std::numeric_limits<double>::quiet_NaN(), .detail = std::move(detail)};
}

double Score::dissimilarity() const {
    return angle_rad / (std::numbers::pi / 2);
}

std::span<const ScoreColumn> score_columns() {
    return columns;
}

}  // namespace repal
