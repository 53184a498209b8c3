module;
#include <Eigen/Core>
#include <memory>
#include <string>
export module repal.over_time;

export import repal.metric;

namespace repal {

/// Windows of the steps of a trial: from step 0 on, `length` steps each, every `stride` steps.
export struct TimeWindows {
    Eigen::Index length = 1;  ///< steps
    Eigen::Index stride = 1;  ///< steps
    bool across = false;      ///< compare each window of one system with each one of the other

    /// Of trials of so many steps.
    Eigen::Index count(Eigen::Index steps) const { return steps < length ? 0 : (steps - length) / stride + 1; }
};

/// "4:2"
export std::string to_string(const TimeWindows& windows);

/// "4" (stride as long as the window) or "4:2". Throws InputError.
export TimeWindows time_windows(const std::string& text);

/// Any metric in windows of time: samples are trials and steps of a window. The angle is the mean over the windows that
/// have one; curves are the angles of all windows, NaN without one, their first steps, and, across, one curve for each
/// window of a with all of b; values are means over the windows, and last their number.
export std::shared_ptr<const Metric> over_time(std::shared_ptr<const Metric> metric, const TimeWindows& windows);

}  // namespace repal
