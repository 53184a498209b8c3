module;
#include <cstddef>
#include <optional>
#include <string>
#include <vector>
export module repal.attractor_search;

import repal.figures;
export import repal.summary;
export import repal.tuning_stage;

/// What settings of a metric make of systems whose likeness is known: by how much does dissimilarity fall with the
/// motifs that two systems share, in units of the noise?
namespace repal {

/// One setting, on trials that did not choose.
export struct SearchedSetting {
    const ChosenMetric* metric;
    std::vector<SummaryRow> by_shared;  ///< means by the number of shared motifs, in units of pi/2, without empty ones
    double floor = 0;                   ///< two recordings of one system would show, in units of pi/2
    double slope = 0;                   ///< of the dissimilarity of pairs on the motifs that they share
    double fall = 0;                    ///< (fewest shared - most shared) / floor
    double rank = 0;                    ///< that was used; NaN: the metric does not say
    std::optional<TriedSetting> tried = {};  ///< on the trials that choose; none: it is not in the grid
    bool is_chosen = false;
    bool is_in_grid = false;
};

/// In the order of the grid, then those beside it; without those that have no values yet.
export std::vector<SearchedSetting> searched_settings(const Experiment& experiment,
                                                      const std::vector<ScoredPair>& pairs,
                                                      const std::vector<SummaryRow>& summary,
                                                      const std::vector<TunedSet>& tuned);

/// As search.csv has them.
export Table search_table(const std::vector<SearchedSetting>& settings);

/// For the terminal: the chosen one, those beside the grid, and those that fall most.
export Table search_overview(const std::vector<SearchedSetting>& settings);

export Section search_section(const Experiment& experiment, const std::vector<SearchedSetting>& settings);

}  // namespace repal
