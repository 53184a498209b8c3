module;
#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
module repal.pair_results;

namespace repal {
namespace {

nlohmann::ordered_json to_json(const ObservedState& state) {
    nlohmann::ordered_json json = {{"state", state.name}};
    if (state.performance) json["performance"] = *state.performance;
    return json;
}

ObservedState state_from(const nlohmann::json& entry, const char* side) {
    if (!entry.contains(side)) return {};
    const auto& json = entry.at(side);
    ObservedState state{json.at("state").get<std::string>(), {}};
    if (json.contains("performance")) state.performance = json.at("performance").get<double>();
    return state;
}

/// What a score has of its own; the rest follows.
nlohmann::ordered_json to_json(const Score& score) {
    nlohmann::ordered_json json;
    for (const ScoreColumn& column : score_columns()) {
        if (column.set == nullptr) continue;
        const ScoreValue value = column.get(score);
        std::visit(
            [&](const auto& held) {
                using Held = std::remove_cvref_t<decltype(held)>;
                if constexpr (std::is_same_v<Held, std::string>) {
                    if (!held.empty()) json[column.name] = held;
                } else if constexpr (!std::is_same_v<Held, std::monostate>) {
                    json[column.name] = held;  // NaN becomes null
                }
            },
            value);
    }
    return json;
}

std::vector<double> numbers_from(const nlohmann::json& list) {
    std::vector<double> numbers;
    for (const auto& value : list)
        numbers.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
    return numbers;
}

/// Values, curves or warnings; an empty list is of none.
ScoreValue list_from(const nlohmann::json& list) {
    if (list.empty()) return {};
    if (list.front().is_string()) return list.get<std::vector<std::string>>();
    if (!list.front().is_array()) return numbers_from(list);
    std::vector<std::vector<double>> curves;
    for (const auto& curve : list) curves.push_back(numbers_from(curve));
    return curves;
}

Score score_from(const nlohmann::json& entry) {
    Score score;
    for (const ScoreColumn& column : score_columns()) {
        if (column.set == nullptr) continue;
        const auto place = entry.find(column.name);
        if (place == entry.end())
            column.set(score, {});
        else if (place->is_number())
            column.set(score, place->get<double>());
        else if (place->is_array())
            column.set(score, list_from(*place));
        else
            column.set(score, place->get<std::string>());
    }
    return score;
}

/// Whether a metric could have given it.
bool is_possible(const Score& score) {
    constexpr double largest = std::numbers::pi + 1e-9;
    const auto& bound = score.lower_bound_rad;
    return score.status != Status::ok ||
           (std::isfinite(score.angle_rad) && score.angle_rad >= 0 && score.angle_rad <= largest &&
            (!bound || (*bound <= score.angle_rad && *bound > -1)));
}

}  // namespace

std::string to_json(const std::vector<PairResult>& results) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& [score, a, b] : results) {
        nlohmann::ordered_json entry = to_json(score);
        if (!a.name.empty()) entry["a"] = to_json(a);
        if (!b.name.empty()) entry["b"] = to_json(b);
        list.push_back(std::move(entry));
    }
    return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);  // causes are the text of plugins
}

std::optional<std::vector<PairResult>> results_from(const nlohmann::json& json) {
    if (!json.is_array()) return {};
    std::vector<PairResult> results;
    try {
        for (const auto& entry : json)
            results.push_back({score_from(entry), state_from(entry, "a"), state_from(entry, "b")});
    } catch (const std::exception&) {
        return {};
    }
    if (!std::ranges::all_of(results, is_possible, &PairResult::score)) return {};
    return results;
}

std::string to_json(const std::vector<PairCalibration>& calibrations) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const PairCalibration& calibration : calibrations) {
        nlohmann::ordered_json json = nlohmann::ordered_json::object();
        for (const CalibrationColumn& column : calibration_columns())
            if (const auto& value = calibration.*column.value) json[std::string(column.name)] = *value;
        if (!calibration.null_rad.empty()) json["null_rad"] = calibration.null_rad;
        json["note"] = calibration.note;
        list.push_back(std::move(json));
    }
    return list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::optional<std::vector<PairCalibration>> calibrations_from(const nlohmann::json& json) {
    std::vector<PairCalibration> calibrations;
    try {
        for (const auto& one : json) {
            PairCalibration& calibration = calibrations.emplace_back();
            calibration.note = one.at("note").get<std::string>();
            if (one.contains("null_rad")) calibration.null_rad = one.at("null_rad").get<std::vector<double>>();
            for (const CalibrationColumn& column : calibration_columns())
                if (const auto place = one.find(std::string(column.name)); place != one.end())
                    calibration.*column.value = place->get<double>();
        }
    } catch (const std::exception&) {
        return {};
    }
    return calibrations;
}

std::string to_json(const SystemCalibration& calibration) {
    nlohmann::ordered_json json = {
        {"units", calibration.units}, {"was_drawn", calibration.was_drawn}, {"nulls", calibration.nulls}};
    if (calibration.floor_rad) json["floor_rad"] = *calibration.floor_rad;
    if (calibration.floor_channels_rad) json["floor_channels_rad"] = *calibration.floor_channels_rad;
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::optional<SystemCalibration> system_calibration_from(const nlohmann::json& json) {
    try {
        SystemCalibration calibration{.units = json.at("units").get<std::string>(),
                                      .was_drawn = json.at("was_drawn").get<bool>(),
                                      .nulls = json.at("nulls").get<std::vector<double>>()};
        if (json.contains("floor_rad")) calibration.floor_rad = json.at("floor_rad").get<double>();
        if (json.contains("floor_channels_rad"))
            calibration.floor_channels_rad = json.at("floor_channels_rad").get<double>();
        return calibration;
    } catch (const std::exception&) {
        return {};
    }
}

}  // namespace repal
