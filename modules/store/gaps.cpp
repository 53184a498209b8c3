module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.store;

import :gaps;

namespace repal {
namespace {

using Eigen::Index;

bool has_nan(const Eigen::Ref<const Eigen::RowVectorXd>& row) {
    for (const double value : row)
        if (std::isnan(value)) return true;
    return false;
}

/// "2, 5, 6 and 4 more"
std::string listed(const std::vector<Index>& numbers) {
    constexpr std::size_t shown = 5;
    const auto first = std::span(numbers).first(std::min(shown, numbers.size()));
    const std::string text = fmt::format("{}", fmt::join(first, ", "));
    return numbers.size() > shown ? fmt::format("{} and {} more", text, numbers.size() - shown) : text;
}

/// What is missing once padding is cut off.
struct Missing {
    std::size_t values = 0;
    std::vector<Index> by_channel;
    std::vector<Index> trials = {};  ///< numbers of those in which something is
    std::string first = {};          ///< "trial 2, step 7, channel 1"
    Index steps = 0;                 ///< of all trials
};

Missing missing_in(const std::vector<RowMatrix>& trials) {
    Missing missing{.by_channel = std::vector<Index>(static_cast<std::size_t>(trials.front().cols()), 0)};
    for (std::size_t k = 0; k < trials.size(); ++k) {
        const RowMatrix& trial = trials[k];
        missing.steps += trial.rows();
        bool is_named = false;
        for (Index t = 0; t < trial.rows(); ++t)
            for (Index c = 0; c < trial.cols(); ++c) {
                if (!std::isnan(trial(t, c))) continue;
                if (missing.first.empty()) missing.first = fmt::format("trial {}, step {}, channel {}", k, t, c);
                ++missing.values;
                ++missing.by_channel[static_cast<std::size_t>(c)];
                if (!is_named) missing.trials.push_back(static_cast<Index>(k));
                is_named = true;
            }
    }
    return missing;
}

/// Channels of which more than half is missing.
std::vector<Index> dead_channels(const Missing& missing) {
    std::vector<Index> dead;
    for (std::size_t c = 0; c < missing.by_channel.size(); ++c)
        if (2 * missing.by_channel[c] > missing.steps) dead.push_back(static_cast<Index>(c));
    return dead;
}

[[noreturn]] void refuse(const Missing& missing, std::size_t trials) {
    const std::vector<Index> dead = dead_channels(missing);
    std::size_t in_dead = 0;
    for (const Index c : dead) in_dead += static_cast<std::size_t>(missing.by_channel[static_cast<std::size_t>(c)]);
    const std::string count = missing.values == 1
                                  ? fmt::format("the only nan is at {}", missing.first)
                                  : fmt::format("{} values are nan, in {} of {} trials, the first at {}",
                                                missing.values, missing.trials.size(), trials, missing.first);
    if (!dead.empty() && in_dead == missing.values)
        throw InvalidTrajectories(fmt::format("{}: all of channel {}, as if {} were dead", count, listed(dead),
                                              dead.size() == 1 ? "it" : "they"),
                                  "leave out such channels, or --gaps split does so");
    throw InvalidTrajectories(
        fmt::format("{}: gaps{}", count,
                    dead.empty() ? std::string() : fmt::format(", and channel {} seems dead", listed(dead))),
        "leave out what is missing, or --gaps split cuts trials there");
}

/// Without what is missing in all channels from a step to the end; how many trials were longer.
std::size_t cut_padding(std::vector<RowMatrix>& trials) {
    std::size_t padded = 0;
    for (RowMatrix& trial : trials) {
        Index end = trial.rows();
        while (end > 0 && trial.row(end - 1).array().isNaN().all()) --end;
        if (end == trial.rows()) continue;
        ++padded;
        trial.conservativeResize(end, Eigen::NoChange);
    }
    return padded;
}

/// units: which trial each piece is of, rising.
std::string cut_text(std::size_t trials, const std::vector<std::size_t>& units, std::size_t pieces) {
    std::size_t left = units.empty() ? 0 : 1;
    for (std::size_t i = 1; i < units.size(); ++i) left += units[i] != units[i - 1] ? 1 : 0;
    if (left == trials) return fmt::format("{} trials are cut at gaps into {}", trials, pieces);
    return fmt::format("{} trials are cut at gaps into {}, and {} are left out since no two steps of theirs are whole",
                       trials, pieces, trials - left);
}

}  // namespace

Filled without_gaps(const std::vector<Block>& blocks, bool splits) {
    Filled filled;
    if (std::ranges::none_of(blocks, [](const Block& block) { return block.values.hasNaN(); })) return filled;
    std::vector<RowMatrix> trials;
    for (const Block& block : blocks)
        for (Index k = 0; k < block.shape.trials; ++k)
            trials.emplace_back(block.values.middleRows(k * block.shape.steps, block.shape.steps));
    const std::size_t all = trials.size();
    std::vector<std::size_t> places(all);
    std::iota(places.begin(), places.end(), std::size_t{0});
    if (const std::size_t padded = cut_padding(trials); padded > 0) {
        const auto is_empty = [](const RowMatrix& trial) { return trial.rows() == 0; };
        const auto empty = static_cast<std::size_t>(std::ranges::count_if(trials, is_empty));
        if (empty == trials.size()) throw InvalidTrajectories("every value is nan");
        if (padded > empty)
            filled.notes.push_back(
                fmt::format("{} of {} trials are padded with nan at their end", padded - empty, all));
        if (empty > 0)
            filled.notes.push_back(fmt::format("{} of {} trials are nan throughout and left out", empty, all));
        std::erase_if(places, [&](std::size_t place) { return is_empty(trials[place]); });
        std::erase_if(trials, is_empty);
        filled.is_cut = empty > 0;
    }
    const Missing missing = missing_in(trials);
    if (missing.values > 0 && !splits) refuse(missing, all);
    if (missing.values > 0) {
        const std::vector<Index> dead = dead_channels(missing);
        std::vector<Index> channels;
        for (Index c = 0; c < trials.front().cols(); ++c)
            if (std::ranges::find(dead, c) == dead.end()) channels.push_back(c);
        if (channels.empty()) throw InvalidTrajectories("more than half of every channel is nan");
        std::vector<RowMatrix> pieces;
        std::vector<std::size_t> units;
        constexpr Index shortest = 2;
        Index kept = 0;
        for (std::size_t k = 0; k < trials.size(); ++k) {
            const RowMatrix alive = trials[k](Eigen::all, channels);
            for (Index first = 0, end = 0; first < alive.rows(); first = end + 1) {
                for (end = first; end < alive.rows() && !has_nan(alive.row(end));) ++end;
                if (end - first >= shortest) {
                    kept += end - first;
                    pieces.emplace_back(alive.middleRows(first, end - first));
                    units.push_back(k);
                }
            }
        }
        if (pieces.empty()) throw InvalidTrajectories("no two steps in a row are without nan");
        if (!dead.empty())
            filled.notes.push_back(fmt::format("channel {} left out: more than half of it is nan", listed(dead)));
        filled.are_steps_cut = kept < missing.steps;
        filled.is_cut = filled.is_cut || filled.are_steps_cut;
        if (kept < missing.steps) filled.notes.push_back(cut_text(trials.size(), units, pieces.size()));
        if (pieces.size() != trials.size()) {
            // Numbered anew, since a trial may have no piece.
            std::vector<std::size_t> number(trials.size(), 0);
            for (std::size_t i = 1; i < units.size(); ++i)
                number[units[i]] = number[units[i - 1]] + (units[i] == units[i - 1] ? 0 : 1);
            for (const std::size_t unit : units) filled.units.push_back(number[unit]);
        }
        std::vector<std::size_t> of_pieces;
        for (const std::size_t unit : units) of_pieces.push_back(places[unit]);
        places = std::move(of_pieces);
        trials = std::move(pieces);
    }
    filled.trials = std::move(trials);
    filled.places = std::move(places);
    return filled;
}

}  // namespace repal
