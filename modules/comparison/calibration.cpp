module;
#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/eigen.hpp"
module repal.calibration;

import repal.inference;
import repal.jackknife;
import repal.parallel;

namespace repal {
namespace {

void adjust_one(std::span<PairCalibration> pairs, std::optional<double> PairCalibration::* p,
                std::optional<double> PairCalibration::* adjusted) {
    std::vector<double> values;
    for (const PairCalibration& pair : pairs)
        if (pair.*p) values.push_back(*(pair.*p));
    const std::vector<double> after = benjamini_hochberg(values);
    std::size_t next = 0;
    for (PairCalibration& pair : pairs)
        if (pair.*p) pair.*adjusted = after[next++];
}

}  // namespace

std::vector<std::size_t> trial_groups(Eigen::Index trials, std::size_t most, const std::string& system,
                                      const Stream& stream) {
    const auto n = static_cast<std::size_t>(trials);
    const std::vector<std::size_t> order = stream.child(system).permutation(n);
    std::vector<std::size_t> group(n);
    for (std::size_t i = 0; i < n; ++i) group[order[i]] = i % std::min(n, most);
    return group;
}

std::size_t count_of(const std::vector<std::size_t>& groups) {
    return groups.empty() ? 0 : 1 + std::ranges::max(groups);
}

void add_interval(PairCalibration& pair, double angle, std::span<const std::vector<double>> left_out, double confidence,
                  double largest) {
    const CorrectedDistance found = jackknife(angle, left_out, confidence, largest);
    pair.corrected_rad = found.value;
    pair.low_rad = found.interval.low;
    pair.high_rad = found.interval.high;
}

void add_note(PairCalibration& pair, const std::string& note) {
    pair.note += (pair.note.empty() ? "" : "; ") + note;
}

std::vector<double> null_quantiles(std::vector<double> nulls) {
    constexpr std::size_t most = 21;
    std::ranges::sort(nulls);
    if (nulls.size() <= most) return nulls;
    std::vector<double> quantiles;
    for (std::size_t i = 0; i < most; ++i) quantiles.push_back(nulls[i * (nulls.size() - 1) / (most - 1)]);
    return quantiles;
}

std::span<const CalibrationColumn> calibration_columns() {
    static constexpr std::array columns = {
        CalibrationColumn{"corrected_rad", &PairCalibration::corrected_rad},
        CalibrationColumn{"low_rad", &PairCalibration::low_rad},
        CalibrationColumn{"high_rad", &PairCalibration::high_rad},
        CalibrationColumn{"floor_rad", &PairCalibration::floor_rad},
        CalibrationColumn{"floor_channels_rad", &PairCalibration::floor_channels_rad},
        CalibrationColumn{"p_differ", &PairCalibration::p_differ},
        CalibrationColumn{"p_differ_adjusted", &PairCalibration::p_differ_adjusted},
        CalibrationColumn{"chance_rad", &PairCalibration::chance_rad},
        CalibrationColumn{"p_relate", &PairCalibration::p_relate},
        CalibrationColumn{"p_relate_adjusted", &PairCalibration::p_relate_adjusted}};
    return columns;
}

void adjust(std::span<PairCalibration> pairs, const CalibrationOptions& options) {
    adjust_one(pairs, &PairCalibration::p_differ, &PairCalibration::p_differ_adjusted);
    if (!options.is_family_wise) adjust_one(pairs, &PairCalibration::p_relate, &PairCalibration::p_relate_adjusted);
}

std::vector<PairCalibration> calibrate_pairs(const ChosenMetric& metric, const Part& part,
                                             const std::vector<SystemCalibration>& systems,
                                             const std::vector<std::optional<double>>& angles,
                                             const CalibrationOptions& options, const Stream& stream, int jobs,
                                             Progress& progress) {
    if (metric.compares_conditions())
        return std::vector<PairCalibration>(part.pairs.size(), {.note = std::string(repeats_are_no_draws)});
    return metric.compares_samples()
               ? calibrate_samples(metric, part, angles, options, stream, jobs, progress)
               : calibrate_dynamics(metric, part, systems, angles, options, stream, jobs, progress);
}

std::vector<PairCalibration> calibrate(const ChosenMetric& metric, const Part& part,
                                       const std::vector<std::optional<double>>& angles,
                                       const CalibrationOptions& options, const Stream& stream, int jobs,
                                       Progress& progress) {
    std::vector<SystemCalibration> systems;
    if (!metric.compares_samples() && !metric.compares_conditions()) {
        systems.resize(part.systems.size());
        progress.begin(metric.name + ": noise floors", systems.size());
        for_each_index(systems.size(), jobs, [&](std::size_t i) {
            progress.stop_if_requested();
            systems[i] = calibrate_system(metric, part.systems[i], options, stream);
            progress.advance();
        });
        progress.end();
    }
    std::vector<PairCalibration> pairs =
        calibrate_pairs(metric, part, systems, angles, options, stream, jobs, progress);
    adjust(pairs, options);
    return pairs;
}

}  // namespace repal
