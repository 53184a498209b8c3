module;
#include <fmt/format.h>

#include <Eigen/QR>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.neurotask_recorded;

import repal.checkpoint;

namespace repal {
namespace {

/// The record for which `distance` is smallest; the earliest one of several.
template <class Distance>
const EpochRecord& nearest(const std::vector<EpochRecord>& records, Distance distance) {
    return *std::ranges::min_element(records, {}, distance);
}

const EpochRecord& at_fraction(const std::vector<EpochRecord>& records, double fraction) {
    const double wanted = fraction * static_cast<double>(records.back().updates);
    return nearest(records,
                   [&](const EpochRecord& record) { return std::abs(static_cast<double>(record.updates) - wanted); });
}

/// (trial, time, unit) of states that are ordered (sequence, time, unit), one trial in each sequence, with the
/// observations that drove them.
Trajectories window_of(const Dataset& dataset, const std::vector<float>& states, Eigen::Index units,
                       const Window& window) {
    const auto sequences = static_cast<Eigen::Index>(dataset.sequences);
    const Eigen::Index sequence_steps = std::ssize(states) / (sequences * units);
    const auto skipped = static_cast<Eigen::Index>(std::llround(window.skip_ms / dataset.step_ms));
    const Period* first = find_period(dataset.trials.front().periods, window.period);
    const Eigen::Index steps = first == nullptr ? 0 : first->end_step - first->first_step - skipped;
    if (steps < 2) throw InvalidTrajectories(fmt::format("the period '{}' leaves fewer than two steps", window.period));

    using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::Map<const Floats> all(states.data(), sequences * sequence_steps, units);
    const auto trials = static_cast<Eigen::Index>(dataset.trials.size());
    RowMatrix rows(trials * steps, units);
    RowMatrix inputs(trials * steps, std::ssize(dataset.channels));
    for (Eigen::Index k = 0; k < trials; ++k) {
        const PackedTrial& trial = dataset.trials[static_cast<std::size_t>(k)];
        const Period* period = find_period(trial.periods, window.period);
        if (period == nullptr || period->end_step - period->first_step - skipped != steps)
            throw InvalidTrajectories(fmt::format("the period '{}' is not equally long in all trials", window.period));
        const Eigen::Index start = static_cast<Eigen::Index>(trial.sequence) * sequence_steps + period->first_step;
        rows.middleRows(k * steps, steps) = all.middleRows(start + skipped, steps).cast<double>();
        inputs.middleRows(k * steps, steps) =
            dataset.observations_of(trial).middleRows(period->first_step - trial.first_step + skipped, steps);
    }
    return Trajectories::from_rows({trials, steps, units}, std::move(rows)).with_inputs(std::move(inputs));
}

Trajectories changed(Trajectories x, Change change) {
    if (change == Change::none || change == Change::itself) return x;
    Stream stream = Stream(0).child(to_string(change));
    const Shape& shape = x.shape();
    RowMatrix rows = x.rows();
    if (change == Change::permuted_units) {
        const auto order = stream.permutation(static_cast<std::size_t>(shape.channels));
        for (Eigen::Index unit = 0; unit < shape.channels; ++unit)
            rows.col(unit) = x.rows().col(static_cast<Eigen::Index>(order[static_cast<std::size_t>(unit)]));
    }
    if (change == Change::rotated_units) {
        Eigen::MatrixXd gaussian(shape.channels, shape.channels);
        for (double& value : gaussian.reshaped()) value = stream.normal();
        const Eigen::MatrixXd rotation = Eigen::HouseholderQR<Eigen::MatrixXd>(gaussian).householderQ();
        rows = x.rows() * rotation;
    }
    if (change == Change::shuffled_time) {
        auto order = stream.permutation(static_cast<std::size_t>(shape.steps));
        // Of few steps, it may be that in which they are.
        if (std::ranges::is_sorted(order)) std::ranges::rotate(order, order.begin() + 1);
        for (Eigen::Index trial = 0; trial < shape.trials; ++trial)
            for (Eigen::Index step = 0; step < shape.steps; ++step)
                rows.row(trial * shape.steps + step) =
                    x.trial(trial).row(static_cast<Eigen::Index>(order[static_cast<std::size_t>(step)]));
    }
    return x.with_rows(std::move(rows));
}

std::string_view to_string(Match match) {
    constexpr std::array<std::string_view, 3> names = {"fraction", "performance", "samples"};
    return names[static_cast<std::size_t>(match)];
}

}  // namespace

std::string_view to_string(Change change) {
    constexpr std::array<std::string_view, 5> names = {"none", "itself", "permuted_units", "rotated_units",
                                                       "shuffled_time"};
    return names[static_cast<std::size_t>(change)];
}

Recorded::Recorded(const NeurotaskNetworks& networks, const NetworkItem& network, Window window, TrainingPoint point,
                   Change change)
    : networks_(networks), network_(network), window_(std::move(window)), point_(point), change_(change) {
    // Equal states have equal texts, so that they are embedded once.
    const bool is_matched = point_.match != Match::fraction && point_.fraction > 0 && point_.fraction < 1;
    if (!is_matched || point_.reference == &network_) point_.reference = nullptr;
}

std::string Recorded::identity() const {
    std::string text = fmt::format("recorded-1 network={} data={} rule={} period={} skip={} trials={} at={} {}",
                                   network_.key, window_.data.key, window_.rule, window_.period, window_.skip_ms,
                                   window_.trials, point_.fraction, to_string(change_));
    const bool is_within = point_.fraction > 0 && point_.fraction < 1;
    if (is_within && networks_.keep() != Keep::all)
        text += fmt::format(" of {}", keep_names[static_cast<std::size_t>(networks_.keep())]);
    if (point_.reference != nullptr) text += fmt::format(" {}={}", to_string(point_.match), point_.reference->key);
    return text;
}

bool Recorded::is_ready(const std::filesystem::path& results) const {
    const auto has_ended = [&](const NetworkItem& network) {
        return NeurotaskNetworks::state(network, results) != ItemState::missing;
    };
    return has_ended(network_) && (point_.reference == nullptr || has_ended(*point_.reference));
}

/// The records of the epochs that have a checkpoint.
std::vector<EpochRecord> Recorded::states(const NetworkItem& network, const std::filesystem::path& results) const {
    if (NeurotaskNetworks::state(network, results) == ItemState::failed) {
        const auto json = ItemFiles(results).read(network).value_or(nlohmann::json::object());
        throw SystemFailed(fmt::format("the training of {} failed: {}", network.name, json.value("cause", "")));
    }
    return CheckpointFolder(NeurotaskNetworks::folder(network, results), network.key).kept(networks_.keep());
}

double Recorded::performance(const EpochRecord& record, const NetworkItem& network) const {
    const auto place = std::ranges::find(network.rules, window_.rule) - network.rules.begin();
    if (place == std::ssize(network.rules))
        throw InvalidTrajectories(
            fmt::format("{} did not learn this task, so that none of its states can be matched "
                        "by performance",
                        network.name));
    return record.performance[static_cast<std::size_t>(place)];
}

const EpochRecord& Recorded::chosen(const std::vector<EpochRecord>& own, const std::filesystem::path& results) const {
    if (point_.fraction <= 0 || own.size() == 1) return own.front();
    if (point_.fraction >= 1) return own.back();
    if (point_.reference == nullptr) return at_fraction(own, point_.fraction);
    const std::vector<EpochRecord> others = states(*point_.reference, results);
    const EpochRecord& other = at_fraction(others, point_.fraction);
    if (point_.match == Match::samples)
        return nearest(
            own, [&](const EpochRecord& record) { return std::abs(record.sequences_seen - other.sequences_seen); });
    const double wanted = performance(other, *point_.reference);
    return nearest(own, [&](const EpochRecord& record) { return std::abs(performance(record, network_) - wanted); });
}

std::size_t Recorded::bytes() const {
    return sizeof(double) * window_.trials * static_cast<std::size_t>(window_.steps) *
           static_cast<std::size_t>(network_.setting->n_rnn);
}

Network Recorded::network_at(const std::vector<EpochRecord>& own, const EpochRecord& record,
                             const std::filesystem::path& results) const {
    const CheckpointFolder checkpoints(NeurotaskNetworks::folder(network_, results), network_.key);
    const rnn::NetworkShape shape = networks_.shape_of(network_);
    return {shape, record.epoch == own.back().epoch ? checkpoints.final_parameters(shape)
                                                    : checkpoints.parameters(shape, record.epoch)};
}

Observed Recorded::observe(const std::filesystem::path& results) const {
    const std::vector<EpochRecord> own = states(network_, results);
    const EpochRecord& record = chosen(own, results);
    const Network network = network_at(own, record, results);
    const Dataset dataset = leading(NeurotaskData::load(window_.data, results), window_.trials);
    const NetworkAtWork recording = repal::record(dataset, window_.rule, network_.ruleset->tasks.size(), network);
    Trajectories trajectories = window_of(dataset, recording.responses.states, network.shape.hidden, window_);
    trajectories = changed(std::move(trajectories), change_);
    ObservedState state{fmt::format("epoch {}", record.epoch), {}};
    if (const double performance = performance_of(dataset, recording); std::isfinite(performance))
        state.performance = performance;
    return {std::move(trajectories), std::move(state)};
}

}  // namespace repal
