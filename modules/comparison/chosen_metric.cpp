module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Eigen/Core>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>
module repal.chosen_metric;

namespace repal {

namespace {

/// Whether it has operators, whose size grows with channels times delays.
bool models_dynamics(const MetricInfo& info) {
    return std::ranges::any_of(info.options, &OptionInfo::is_automatic);
}

bool has(const MetricInfo& info, Correspondence correspondence) {
    return std::ranges::find(info.corresponding, correspondence) != info.corresponding.end();
}

/// Sum over channels, of values in units of 1 / scale.
double variance_of(const Trajectories& x, double scale) {
    const auto& rows = x.rows();
    const Eigen::RowVectorXd mean = (rows * scale).colwise().mean();
    return ((rows * scale).rowwise() - mean).squaredNorm();
}

ChosenMetric made(ChosenMetric metric) {
    metric.metric = metric.make(metric.options);
    if (metric.windows) metric.metric = over_time(metric.metric, *metric.windows);
    metric.info = metric.metric->described(metric.of_plugin);
    metric.identity =
        fmt::format("{}-{}({})", metric.info.name, metric.info.version, canonical(metric.info.options, metric.options));
    if (metric.pca)
        metric.identity +=
            fmt::format(" pca-1(components={},variance={})", metric.pca->components, metric.pca->variance);
    else if (models_dynamics(metric.info))
        metric.identity += " pca-of-wide-1";
    if (metric.windows) metric.identity += fmt::format(" over-time-1({})", to_string(*metric.windows));
    return metric;
}

ChosenMetric chosen(const std::string& name, const LoadedMetric& loaded, const Config& own) {
    const std::vector<std::string> own_keys = {"metric", "over_time"};
    ChosenMetric metric = made({.name = name,
                                .identity = {},
                                .metric = {},
                                .of_plugin = loaded.info,
                                .options = own.options(loaded.info.options, own_keys),
                                .make = loaded.make});
    if (!own.has("over_time")) return metric;
    const Config windows = own.at("over_time");
    try {
        return metric.in_windows(time_windows(windows.text()));
    } catch (const InputError& error) {
        throw windows.error(error.problem(), error.hint());
    }
}

}  // namespace

std::vector<std::string> ChosenMetric::automatic_options() const {
    std::vector<std::string> names;
    for (const OptionInfo& option : info.options)
        if (option.is_automatic && !options.contains(option.name)) names.push_back(option.name);
    return names;
}

std::string ChosenMetric::settings() const {
    std::vector<std::string> first;
    std::vector<std::string> others;
    for (const OptionInfo& option : info.options) {
        const auto found = options.find(option.name);
        const std::string value = found == options.end() ? std::string(automatic) : to_string(found->second);
        if (option.is_automatic)
            first.push_back(option.name + "=" + value);
        else if (found != options.end() && found->second != option.default_value)
            others.push_back(option.name + "=" + value);
    }
    if (pca && pca->components > 0) others.push_back(fmt::format("pca.components={}", pca->components));
    if (pca && pca->components == 0) others.push_back(fmt::format("pca.variance={}", pca->variance));
    if (windows) others.push_back(fmt::format("over_time={}", to_string(*windows)));
    first.insert(first.end(), others.begin(), others.end());
    return fmt::format("{}", fmt::join(first, ","));
}

bool ChosenMetric::compares_samples() const {
    return has(info, Correspondence::rows);
}

bool ChosenMetric::compares_conditions() const {
    return has(info, Correspondence::conditions);
}

std::optional<ReducedSystem> ChosenMetric::reduced(const Trajectories& x) const {
    constexpr Eigen::Index wide = 200;
    constexpr Eigen::Index most = 50;
    constexpr double share = 0.99;
    if (sees_components || (!pca && has(info, Correspondence::channels))) return {};
    if (!pca && (x.shape().channels <= wide || !models_dynamics(info))) return {};
    Trajectories seen = pca.value_or(Pca{.variance = share})(x);
    if (!pca && seen.shape().channels > most) seen = seen.with_rows(seen.rows().leftCols(most));
    const double scale = scale_into_range(x.rows().cwiseAbs().maxCoeff());
    const double all = variance_of(x, scale);
    return ReducedSystem{.x = seen, .variance_kept = all > 0 ? std::min(1.0, variance_of(seen, scale) / all) : 1};
}

ChosenMetric ChosenMetric::with(const OptionValues& values) const {
    ChosenMetric changed = *this;
    for (const auto& [option, value] : values) changed.options[option] = value;
    return made(std::move(changed));
}

ChosenMetric ChosenMetric::in_windows(const TimeWindows& windows_of_time) const {
    if (const std::vector<std::string> automatic_ones = automatic_options(); !automatic_ones.empty())
        throw InputError("", fmt::format("{} in windows of time", name),
                         fmt::format("its options are chosen for whole trials: give {}, e.g. {}=2",
                                     fmt::join(automatic_ones, " and "), automatic_ones.front()));
    ChosenMetric changed = *this;
    changed.windows = windows_of_time;
    return made(std::move(changed));
}

ChosenMetric choose_metric(const std::string& name, const Registry& registry, const Config& config) {
    const Config own = config.at_or_empty(name);
    return chosen(name, registry.metric(own.has("metric") ? own.at("metric").text() : name), own);
}

ChosenMetric choose_metric(const LoadedMetric& loaded, const Config& config) {
    return chosen(loaded.info.name, loaded, config.at_or_empty(loaded.info.name));
}

std::vector<ChosenMetric> read_metrics(const Config& config, const Registry& registry) {
    std::vector<ChosenMetric> metrics;
    for (const auto& [name, options] : config.items()) {
        try {
            metrics.push_back(choose_metric(name, registry, config));
        } catch (const InputError& error) {
            if (!error.where().empty()) throw;
            throw options.error(error.problem(), error.hint());
        }
    }
    if (metrics.empty()) throw config.error("no metric is chosen");
    return metrics;
}

void require_metrics(const Config& config, std::vector<std::string> names, const Registry& registry) {
    for (const auto& [key, value] : config.items())
        if (registry.metrics().contains(key) && std::ranges::find(names, key) == names.end())
            throw value.error("this metric is not among those that are asked for", "add --metric " + key);
    names.emplace_back("pca");
    config.require_keys(names);
}

void read_pca(const Config& config, const Registry& registry, std::vector<ChosenMetric>& metrics) {
    std::vector<std::string> names;
    for (const auto& entry : registry.metrics()) names.push_back(entry.first);
    for (const ChosenMetric& metric : metrics)
        if (std::ranges::find(names, metric.name) == names.end()) names.push_back(metric.name);
    config.require_keys(names);
    for (ChosenMetric& metric : metrics) {
        const std::string& key = config.has(metric.name) ? metric.name : metric.info.name;
        if (!config.has(key)) continue;
        const Config pca = config.at(key);
        pca.require_keys({"components", "variance"});
        if (pca.has("components") == pca.has("variance"))
            throw pca.error("expected either components or variance, e.g. {components: 20}");
        metric.pca = pca.has("components") ? Pca{.components = pca.at("components").integer(1, 1'000'000)}
                                           : Pca{.variance = pca.at("variance").number(1e-6, 1)};
        metric = made(std::move(metric));
    }
}

}  // namespace repal
