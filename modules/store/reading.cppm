module;
#include <limits>
#include <optional>
#include <string>
export module repal.store:reading;

namespace repal {

/// The steps of every trial that are kept: [first, end), from its beginning.
export struct TrialWindow {
    double first = 0;
    double end = std::numeric_limits<double>::infinity();
    bool is_in_seconds = false;  ///< else in steps
};

/// How files are read where their locations and they themselves say nothing.
export struct Reading {
    std::string axes = {};                   ///< of every array: "time,trial,channel"; empty: the usual ones
    bool splits_at_gaps = false;             ///< what is missing (nan) cuts trials; else it is refused
    std::optional<double> dt = {};           ///< the time of a step in s, whatever files say
    bool takes_steps = false;                ///< what files say of times counts for nothing
    std::optional<TrialWindow> window = {};  ///< none: whole trials
};

}  // namespace repal
