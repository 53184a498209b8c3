module;
#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <new>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "repal.h"
module library.handles;

import repal.config;
import repal.over_time;
import repal.recordings;

namespace library {
namespace {

thread_local std::string error_of_thread;

int fail(int code, std::string text) {
    error_of_thread = std::move(text);
    return code;
}

/// Without what only a command line has.
std::string text_of(const repal::InputError& error) {
    std::string where = error.where();
    if (constexpr std::string_view option = "--set "; where.starts_with(option)) where.erase(0, option.size());
    return repal::InputError(where, error.problem(), error.hint()).what();
}

/// The windows of all metrics, or nothing.
void set_windows(std::vector<repal::ChosenMetric>& metrics, const Json& options) {
    if (!options.contains("over_time")) {
        if (options.contains("across")) throw repal::InputError("across", "of which over_time?");
        return;
    }
    repal::TimeWindows windows = repal::time_windows(text_in(options, "over_time", ""));
    windows.across = answer_in(options, "across", false);
    for (repal::ChosenMetric& metric : metrics) metric = metric.in_windows(windows);
}

}  // namespace

int guarded(const std::function<void()>& work) noexcept {
    try {
        work();
        return REPAL_OK;
    } catch (const repal::Stopped& stopped) {
        return fail(REPAL_STOPPED, stopped.what());
    } catch (const repal::InputError& error) {
        return fail(REPAL_BAD_INPUT, text_of(error));
    } catch (const nlohmann::json::exception& error) {
        return fail(REPAL_BAD_INPUT, std::string("the options are no such JSON: ") + error.what());
    } catch (const std::bad_alloc&) {
        return fail(REPAL_FAILED, "there is no memory for this");
    } catch (const std::exception& error) {
        return fail(REPAL_FAILED, error.what());
    } catch (...) {
        return fail(REPAL_FAILED, "something was thrown that says nothing");
    }
}

void give(const std::string& text, char** target) {
    require(target != nullptr, "target");
    auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
    if (copy == nullptr) throw std::bad_alloc();
    std::memcpy(copy, text.c_str(), text.size() + 1);
    *target = copy;
}

const char* error_text() {
    return error_of_thread.c_str();
}

Json json_in(const char* text) {
    if (text == nullptr || *text == '\0') return Json::object();
    // What reads values calls itself for each level.
    constexpr int deepest = 100;
    int depth = 0;
    bool is_in_text = false;
    for (const char* at = text; *at != '\0'; ++at) {
        if (*at == '"') is_in_text = !is_in_text;
        if (is_in_text && *at == '\\' && at[1] != '\0') ++at;
        if (is_in_text) continue;
        if (*at == '[' || *at == '{') ++depth;
        if (*at == ']' || *at == '}') --depth;
        if (depth > deepest) throw repal::InputError("options", fmt::format("more than {} levels", deepest));
    }
    Json all = Json::parse(text);
    if (!all.is_object()) throw repal::InputError("options", "expected an object of JSON");
    return all;
}

bool answer_in(const Json& options, const char* key, bool otherwise) {
    if (!options.contains(key)) return otherwise;
    if (!options[key].is_boolean())
        throw repal::InputError(key, fmt::format("expected true or false, got {}", options[key].dump()));
    return options[key].get<bool>();
}

std::string text_in(const Json& options, const char* key, const std::string& otherwise) {
    if (!options.contains(key)) return otherwise;
    if (!options[key].is_string())
        throw repal::InputError(key, fmt::format("expected a text, got {}", options[key].dump()));
    return options[key].get<std::string>();
}

Json options_in(const char* text, const std::vector<std::string>& known) {
    Json all = json_in(text);
    for (const auto& [key, value] : all.items())
        if (std::ranges::find(known, key) == known.end())
            throw repal::InputError(key, "unknown option", repal::suggest(key, known));
    return all;
}

std::vector<repal::ChosenMetric> metrics_in(const Json& options, const repal::Registry& registry) {
    const Json given = options.value("metrics", Json::object());
    if (!given.is_object())
        throw repal::InputError("metrics", "expected an object from names to options",
                                R"(e.g. {"dsa": {}, "cka": {}})");
    if (given.empty())
        throw repal::InputError("metrics", "no metric is named", R"(e.g. {"metrics": {"dsa": {}, "cka": {}}})");
    std::vector<std::string> overrides;
    std::vector<std::string> names;
    for (const auto& [name, of_metric] : given.items()) {
        if (!of_metric.is_object()) throw repal::InputError(name, "expected an object of options");
        names.push_back(name);
        // What is there without options is no key of a configuration.
        if (!of_metric.empty()) overrides.push_back(name + "=" + of_metric.dump());
    }
    if (options.contains("pca")) overrides.push_back("pca=" + options["pca"].dump());
    const auto config = repal::Config::from_overrides(overrides);
    std::vector<repal::ChosenMetric> metrics;
    for (const std::string& name : names) {
        try {
            metrics.push_back(repal::choose_metric(name, registry, config));
        } catch (const repal::InputError& error) {
            throw error.where().empty() ? error.at("metrics") : error;
        }
    }
    repal::require_metrics(config, names, registry);
    repal::read_pca(config.at_or_empty("pca"), registry, metrics);
    set_windows(metrics, options);
    return metrics;
}

repal_trial view_of(const repal::Trajectories& x, Eigen::Index trial) {
    const auto values = x.trial(trial);
    return {.values = values.data(),
            .type = REPAL_DOUBLE,
            .steps = values.rows(),
            .channels = values.cols(),
            .step_stride = values.cols() * static_cast<std::int64_t>(sizeof(double)),
            .channel_stride = sizeof(double)};
}

std::vector<repal::NamedSystem> systems_of(repal_system* const* handles, std::size_t n, repal::Progress& progress) {
    if (n > 0) require(handles != nullptr, "systems");
    std::vector<repal::NamedSystem> systems;
    std::size_t with_step = 0;
    for (const repal_system* handle : std::span(handles, n)) {
        require(handle != nullptr, "a system");
        if (handle->system.system->observe({}).trajectories().dt()) ++with_step;
        systems.push_back(handle->system);
    }
    if (with_step != 0 && with_step != n)
        throw repal::InputError("systems", fmt::format("the time of a step is known of {} of {}", with_step, n),
                                "it is set for all, or for none");
    repal::tell_of_steps(systems, progress);
    return systems;
}

}  // namespace library
