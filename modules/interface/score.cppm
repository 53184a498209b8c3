module;
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
export module repal.score;

namespace repal {

export enum class Status : std::uint8_t {
    ok,
    not_applicable,  ///< the metric does not define a value for this pair
    not_converged,   ///< an iteration stopped before its criterion was met
    failed,          ///< anything else; the cause is in Score::detail
};
export std::string_view to_string(Status status);

/// How far two systems are apart. The angle is a number only if the status is ok. What it holds is described once, in
/// score_columns().
export struct Score {
    static Score of(double angle_rad, std::optional<double> lower_bound_rad = {});
    static Score without_value(Status status, std::string detail);

    /// angle / (pi/2), the one scale of all metrics.
    double dissimilarity() const;

    Status status = Status::ok;
    double angle_rad = 0;                        ///< rad
    std::optional<double> lower_bound_rad = {};  ///< rad; no alignment whatever gives a smaller angle
    std::string detail = {};                     ///< cause, if the status is not ok
    /// What the field calls the measure, e.g. CKA itself: as many as MetricInfo::values, NaN where it is not defined.
    std::vector<double> values = {};
    /// E.g. over time; each of the same length for all pairs of systems of one shape.
    std::vector<std::vector<double>> curves = {};
    std::vector<std::string> warnings = {};  ///< what the user should know of this pair

    bool operator==(const Score&) const = default;
};

/// A value of a score, or that it has none.
export using ScoreValue = std::variant<std::monostate, double, std::string, std::vector<double>,
                                       std::vector<std::vector<double>>, std::vector<std::string>>;

/// What a score has, as tables, files and other processes know it.
export struct ScoreColumn {
    std::string_view name;   ///< in CSV and JSON
    std::string_view title;  ///< for readers; empty: it stands in no table
    ScoreValue (*get)(const Score& score);
    void (*set)(Score& score, const ScoreValue& value);  ///< null: it follows from the others
};

/// The columns in the order of the tables. Setting all that can be set, in this order, makes the score again.
export std::span<const ScoreColumn> score_columns();

}  // namespace repal
