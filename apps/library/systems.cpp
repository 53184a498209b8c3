#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "repal.h"

import library.handles;
import repal.recordings;
import repal.trajectories;

namespace library {
namespace {

/// Into steps * channels numbers, row by row.
template <class Number>
void copy_values(const repal_trial& trial, double* target) {
    const auto* step = static_cast<const std::byte*>(trial.values);
    const bool is_dense = std::is_same_v<Number, double> && trial.channel_stride == sizeof(double);
    for (std::int64_t t = 0; t < trial.steps; ++t, step += trial.step_stride, target += trial.channels) {
        if (is_dense) {
            std::memcpy(target, step, sizeof(double) * static_cast<std::size_t>(trial.channels));
            continue;
        }
        const std::byte* channel = step;
        for (std::int64_t c = 0; c < trial.channels; ++c, channel += trial.channel_stride) {
            Number value;
            std::memcpy(&value, channel, sizeof value);  // which may lie anywhere
            target[c] = static_cast<double>(value);
        }
    }
}

void copy_trial(const repal_trial& trial, double* target) {
    if (trial.type == REPAL_DOUBLE)
        copy_values<double>(trial, target);
    else
        copy_values<float>(trial, target);
}

void require_usable(const repal_trial& trial, std::size_t number) {
    const std::string where = fmt::format("trial {}", number);
    if (trial.type != REPAL_DOUBLE && trial.type != REPAL_FLOAT)
        throw repal::InputError(where, fmt::format("unknown type {}", trial.type), "REPAL_DOUBLE or REPAL_FLOAT");
    constexpr std::int64_t most = std::int64_t{1} << 40;
    if (trial.steps < 1 || trial.channels < 1 || trial.steps > most / trial.channels)
        throw repal::InputError(where, fmt::format("{} steps of {} channels", trial.steps, trial.channels));
    require(trial.values != nullptr, "values");
}

repal::Trajectories copied(const repal_trial* trials, std::size_t n) {
    if (n > 0) require(trials != nullptr, "trials");
    const std::span all(trials, n);
    for (std::size_t k = 0; k < n; ++k) require_usable(all[k], k);
    const auto is_like_first = [&](const repal_trial& trial) {
        return trial.steps == all.front().steps && trial.channels == all.front().channels;
    };
    if (n > 0 && std::ranges::all_of(all, is_like_first)) {
        const repal::Shape shape{static_cast<Eigen::Index>(n), all.front().steps, all.front().channels};
        repal::RowMatrix values(shape.trials * shape.steps, shape.channels);
        for (std::size_t k = 0; k < n; ++k)
            copy_trial(all[k], values.row(static_cast<Eigen::Index>(k) * shape.steps).data());
        return repal::Trajectories::from_rows(shape, std::move(values));
    }
    std::vector<repal::RowMatrix> matrices;
    for (const repal_trial& trial : all) copy_trial(trial, matrices.emplace_back(trial.steps, trial.channels).data());
    return repal::Trajectories::from_trials(matrices);
}

/// Runs a function; its errors are about the system.
template <class Function>
auto about(const std::string& system, Function function) {
    try {
        return function();
    } catch (const repal::InputError& error) {
        throw error.at(system + (error.where().empty() ? "" : ", " + error.where()));
    }
}

/// Tables and pages are in it.
void require_utf8(const std::string& name) {
    try {
        (void)nlohmann::json(name).dump();
    } catch (const nlohmann::json::type_error&) {
        throw repal::InputError("name", "the name of a system is no UTF-8");
    }
}

repal::NamedSystem named(const std::string& name, repal::Trajectories x) {
    std::string reading = to_string(x.shape());
    return repal::recorded({.name = name, .x = std::move(x), .reading = std::move(reading)});
}

repal::Observed observed(const repal_system* handle) {
    require(handle != nullptr, "system");
    return handle->system.system->observe({});
}

/// The system with what a function makes of its trajectories.
template <class Function>
void change(repal_system* handle, Function function) {
    const repal::Observed before = observed(handle);
    const std::string name = handle->system.name;
    handle->system = named(name, about(name, [&] { return function(before.trajectories()); }));
}

}  // namespace

}  // namespace library

using library::guarded;
using library::require;

int repal_system_create(const char* name, const repal_trial* trials, size_t n_trials, repal_system** system) {
    return guarded([&] {
        require(system != nullptr, "system");
        require(name != nullptr, "name");
        const std::string text = name;
        library::require_utf8(text);
        *system = new repal_system{
            library::named(text, library::about(text, [&] { return library::copied(trials, n_trials); }))};
    });
}

int repal_system_set_dt(repal_system* system, double dt) {
    return guarded([&] { library::change(system, [&](const repal::Trajectories& x) { return x.with_dt(dt); }); });
}

int repal_system_set_inputs(repal_system* system, const repal_trial* inputs, size_t n_trials) {
    return guarded([&] {
        library::change(system, [&](const repal::Trajectories& x) {
            const repal::Trajectories given = library::copied(inputs, n_trials);
            const Eigen::Index trials = x.shape().trials;
            if (given.shape().trials != trials)
                throw repal::InputError("",
                                        fmt::format("inputs of {} trials for {} trials", given.shape().trials, trials));
            for (Eigen::Index k = 0; k < trials; ++k)
                if (given.steps(k) != x.steps(k))
                    throw repal::InputError(
                        "", fmt::format("inputs of {} steps for the {} of trial {}", given.steps(k), x.steps(k), k));
            return x.with_inputs(given.rows());
        });
    });
}

int repal_system_set_conditions(repal_system* system, const int64_t* conditions, size_t n_trials) {
    return guarded([&] {
        if (n_trials > 0) require(conditions != nullptr, "conditions");
        library::change(system, [&](const repal::Trajectories& x) {
            return x.with_conditions({conditions, conditions + n_trials});
        });
    });
}

size_t repal_system_trials(const repal_system* system) {
    return system == nullptr ? 0
                             : static_cast<size_t>(system->system.system->observe({}).trajectories().shape().trials);
}

int repal_system_trial(const repal_system* system, size_t trial, repal_trial* view) {
    return guarded([&] {
        require(view != nullptr, "view");
        const repal::Observed observed = library::observed(system);
        const auto trials = static_cast<std::size_t>(observed.trajectories().shape().trials);
        if (trial >= trials)
            throw repal::InputError(system->system.name, fmt::format("there is no trial {} of {}", trial, trials));
        *view = library::view_of(observed.trajectories(), static_cast<Eigen::Index>(trial));
    });
}

void repal_system_free(repal_system* system) {
    delete system;
}
