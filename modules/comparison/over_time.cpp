module;
#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>
module repal.over_time;

namespace repal {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

/// The windows of one system; null where one cannot be prepared.
struct Windows final : Embedding {
    std::vector<std::shared_ptr<const Embedding>> windows;
    std::string cause;  ///< of the first one that is null
};

const Windows& windows_of(const Embedding& embedding) {
    return static_cast<const Windows&>(embedding);
}

/// What is found in the windows of a pair.
class Found {
 public:
    void add(const Score& score, std::vector<double>& curve) {
        const bool is_found = score.status == Status::ok;
        curve.push_back(is_found ? score.angle_rad : nothing);
        if (!is_found && cause_.empty()) cause_ = score.detail;
    }

    /// Of the windows that the angle is the mean of.
    void count(const Score& score) {
        ++windows_;
        for (const std::string& warning : score.warnings) ++warnings_[warning];
        if (score.status != Status::ok) return;
        ++n_;
        sum_ += score.angle_rad;
        sums_.resize(score.values.size(), 0);
        counts_.resize(score.values.size(), 0);
        for (std::size_t i = 0; i < score.values.size(); ++i)
            if (!std::isnan(score.values[i])) {
                sums_[i] += score.values[i];
                counts_[i] += 1;
            }
    }

    Score score(std::vector<std::vector<double>> curves) const {
        if (n_ == 0)
            return Score::without_value(Status::not_applicable,
                                        fmt::format("none of {} windows has a value: {}", windows_, cause_));
        Score score = Score::of(sum_ / n_);
        for (std::size_t i = 0; i < sums_.size(); ++i)
            score.values.push_back(counts_[i] > 0 ? sums_[i] / counts_[i] : nothing);
        score.values.push_back(n_);
        score.curves = std::move(curves);
        for (const auto& [warning, n] : warnings_)
            score.warnings.push_back(n < windows_ ? fmt::format("in {:.0f} of {:.0f} windows: {}", n, windows_, warning)
                                                  : fmt::format("in all windows: {}", warning));
        if (n_ < windows_)
            score.warnings.push_back(
                fmt::format("{:.0f} of {:.0f} windows have no value: {}", windows_ - n_, windows_, cause_));
        return score;
    }

 private:
    double sum_ = 0;
    double n_ = 0;
    double windows_ = 0;
    std::vector<double> sums_;
    std::vector<double> counts_;
    std::map<std::string, double> warnings_;  ///< and in how many windows
    std::string cause_;
};

class OverTime final : public Metric {
 public:
    OverTime(std::shared_ptr<const Metric> metric, const TimeWindows& windows)
        : metric_(std::move(metric)), windows_(windows) {
        if (windows_.length < metric_->least_steps())
            throw InputError("", fmt::format("windows of {} steps", windows_.length),
                             fmt::format("the metric needs {} steps of a trial", metric_->least_steps()));
    }

    MetricInfo described(MetricInfo info) const override {
        info = metric_->described(std::move(info));
        std::erase(info.invariances, Invariance::step_order);
        info.needs_equal_steps = true;
        // Each window may be looked at in part, and another part is no smaller sample.
        if (info.most_samples > 0 || info.most_trials > 0) info.depends_on_size = true;
        info.most_samples = info.most_trials = 0;
        info.values.push_back({.name = "windows", .summary = "that have a value", .minimum = 0});
        info.curves = {{.name = "angle_rad", .summary = "of each window"},
                       {.name = "first_step", .summary = "of each window, counted from 0"}};
        return info;
    }

    Eigen::Index least_steps() const override { return windows_.length; }

    std::unique_ptr<Embedding> prepare(const Trajectories& x) const override {
        auto embedding = std::make_unique<Windows>();
        const Eigen::Index n = windows_.count(x.shape().steps);
        if (n == 0)
            throw InvalidTrajectories(
                fmt::format("windows of {} steps, and trials have {}", windows_.length, x.shape().steps));
        for (Eigen::Index i = 0; i < n; ++i) {
            std::shared_ptr<const Embedding> window;
            try {
                window = metric_->prepare(x.window(i * windows_.stride, windows_.length));
            } catch (const InvalidTrajectories& error) {
                if (embedding->cause.empty()) embedding->cause = error.problem();
            }
            if (window != nullptr) {
                if (embedding->warning.empty()) embedding->warning = window->warning;
                const std::size_t share =
                    sizeof(double) * static_cast<std::size_t>(windows_.length * x.shape().trials * x.shape().channels);
                embedding->bytes += window->bytes > 0 ? window->bytes : share;
            }
            embedding->windows.push_back(std::move(window));
        }
        return embedding;
    }

    std::vector<std::shared_ptr<const Embedding>> harmonise(
        std::vector<std::shared_ptr<const Embedding>> embeddings) const override {
        std::vector<std::shared_ptr<Windows>> changed;
        std::size_t most = 0;
        for (const auto& embedding : embeddings) {
            changed.push_back(std::make_shared<Windows>(windows_of(*embedding)));
            most = std::max(most, changed.back()->windows.size());
        }
        bool is_changed = false;
        for (std::size_t window = 0; window < most; ++window) {
            std::vector<std::shared_ptr<const Embedding>> together;
            std::vector<std::size_t> of_system;
            for (std::size_t i = 0; i < changed.size(); ++i)
                if (window < changed[i]->windows.size() && changed[i]->windows[window] != nullptr) {
                    together.push_back(changed[i]->windows[window]);
                    of_system.push_back(i);
                }
            const auto common = metric_->harmonise(together);
            is_changed = is_changed || common != together;
            for (std::size_t k = 0; k < common.size(); ++k) changed[of_system[k]]->windows[window] = common[k];
        }
        if (!is_changed) return embeddings;
        return {changed.begin(), changed.end()};
    }

    Score compare(const Embedding& a, const Embedding& b) const override {
        const Windows& x = windows_of(a);
        const Windows& y = windows_of(b);
        if (x.windows.size() != y.windows.size())
            return Score::without_value(Status::not_applicable,
                                        fmt::format("windows must correspond one to one, but one system has {} and the "
                                                    "other {}",
                                                    x.windows.size(), y.windows.size()));
        Found found;
        std::vector<std::vector<double>> curves(2);  // and, across, one for each window of a
        for (std::size_t i = 0; i < x.windows.size(); ++i) {
            curves[1].push_back(static_cast<double>(i) * static_cast<double>(windows_.stride));
            if (windows_.across) curves.emplace_back();
            for (std::size_t j = 0; j < y.windows.size(); ++j) {
                if (i != j && !windows_.across) continue;
                const Score score = score_of(x, i, y, j);
                if (windows_.across) found.add(score, curves.back());
                if (i != j) continue;
                found.add(score, curves[0]);
                found.count(score);
            }
        }
        return found.score(std::move(curves));
    }

 private:
    Score score_of(const Windows& x, std::size_t i, const Windows& y, std::size_t j) const {
        if (x.windows[i] == nullptr || y.windows[j] == nullptr)
            return Score::without_value(Status::not_applicable, x.windows[i] == nullptr ? x.cause : y.cause);
        return metric_->compare(*x.windows[i], *y.windows[j]);
    }

    std::shared_ptr<const Metric> metric_;
    TimeWindows windows_;
};

}  // namespace

std::string to_string(const TimeWindows& windows) {
    return fmt::format("{}:{}{}", windows.length, windows.stride, windows.across ? ":across" : "");
}

TimeWindows time_windows(const std::string& text) {
    TimeWindows windows;
    const auto number = [&](const std::string& part) {
        Eigen::Index value = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
        if (error != std::errc() || end != part.data() + part.size() || value < 1)
            throw InputError("", fmt::format("'{}' is no window of time", text),
                             "WINDOW or WINDOW:STRIDE, in steps, e.g. 5 or 5:1");
        return value;
    };
    const std::size_t colon = text.find(':');
    windows.length = number(text.substr(0, colon));
    windows.stride = colon == std::string::npos ? windows.length : number(text.substr(colon + 1));
    return windows;
}

std::shared_ptr<const Metric> over_time(std::shared_ptr<const Metric> metric, const TimeWindows& windows) {
    return std::make_shared<const OverTime>(std::move(metric), windows);
}

}  // namespace repal
