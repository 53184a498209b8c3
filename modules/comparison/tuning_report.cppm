module;
#include <span>
#include <string>
#include <vector>
export module repal.tuning_report;

export import repal.report;
export import repal.tuning_stage;

/// What repal.tuning found, for readers.
namespace repal {

/// A row for each setting of the grid, as CSV has them.
export Table settings_table(const Tuning& tuning, const std::string& metric);

/// The same of a study, with the set of systems.
export Table settings_table(std::span<const TunedSet> sets);

/// What each set and metric has, given or chosen, and what the data say of it, for the terminal and readers.
export Table chosen_table(std::span<const TunedSet> sets);

/// Settings of a study: what was chosen and why, and the criteria.
export Section settings_section(std::span<const TunedSet> sets);

/// The settings that were kept and those beside the choice, the best first; or all.
export Table shown_settings(const Tuning& tuning, bool with_all);

/// What was chosen and why, what of that the separation says, or why nothing was.
export std::vector<std::string> sentences_of(const Tuning& tuning);

/// What of the systems the user should know, and all of it, a row for each.
export std::vector<std::string> sentences_of(std::span<const SystemDiagnostics> systems);
export Table diagnostics_table(std::span<const SystemDiagnostics> systems);

/// Gain, residual and separation over rank, a curve for each number of delays, and what modes the chosen setting sees
/// in the systems.
export Report tuning_report(const Tuning& tuning, const ChosenMetric& metric, std::span<const NamedSystem> systems,
                            std::span<const SystemDiagnostics> diagnostics);

}  // namespace repal
