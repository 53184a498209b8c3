module;
#include <cstddef>
#include <string>
#include <vector>
module repal.store:gaps;

import :assembly;
import repal.trajectories;

namespace repal {

/// Trials with what was done about values that are missing.
struct Filled {
    std::vector<RowMatrix> trials = {};    ///< (time, channel), finite; empty: nothing was missing
    std::vector<std::size_t> units = {};   ///< which trial each is a piece of; empty: each is a whole one
    std::vector<std::size_t> places = {};  ///< of each among all trials that there were; empty if nothing was missing
    std::vector<std::string> notes = {};
    bool is_cut = false;         ///< steps or trials were taken out, so that the others do not lie where they lay
    bool are_steps_cut = false;  ///< and not only whole trials
};

/// What is missing in blocks of trials (NaN): at the end of all channels it is padding, which is cut off. Else, with
/// `splits`, channels of which more than half is missing are left out, and trials fall into their stretches without
/// gaps; without, this throws InvalidTrajectories that says how many values are missing, where, and what that looks
/// like.
Filled without_gaps(const std::vector<Block>& blocks, bool splits);

}  // namespace repal
