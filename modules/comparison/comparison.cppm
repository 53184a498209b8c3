module;
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>
export module repal.comparison;

import repal.progress;
export import repal.prepared_systems;

/// How systems are compared, wherever they come from: prepared once each, brought to a common form, and compared pair
/// by pair in batches.
namespace repal {

/// Systems as a metric can compare them, made when they are observed: at one time of a step, and, where samples
/// correspond by names of trials, in one order.
export std::vector<NamedSystem> corresponding(const ChosenMetric& metric, const std::vector<NamedSystem>& systems);

/// Systems as a metric sees them, made once for all that is asked of them.
export struct SeenSystems {
    ChosenMetric metric;  ///< for which nothing is left to reduce
    std::vector<NamedSystem> systems;
    std::vector<std::optional<double>> variance_kept;  ///< by their principal components; none: all channels are seen
};

/// Trajectories that are there already, at one time of a step, in the components that the metric sees. Throws
/// InvalidTrajectories with the name of a system of which none can be made.
export SeenSystems seen_by(const ChosenMetric& metric, const std::vector<NamedSystem>& systems, int jobs);

/// That wide systems are seen in components though nobody asked for it; empty if none is.
export std::string warning_of_components(const ChosenMetric& metric,
                                         std::span<const std::optional<double>> variance_kept);

/// What a pair gave.
export struct PairResult {
    Score score;
    ObservedState a = {};
    ObservedState b = {};
};

/// The metric with the rank that the results have, where it was brought to that of all systems: so that what is drawn
/// of two of them has it, too.
export ChosenMetric at_common_rank(const ChosenMetric& metric, std::span<const PairResult> results);

/// Pairs of a part that are settled together: [first, end).
export struct PairRange {
    std::size_t first;
    std::size_t end;
};

/// The scores of Metric::compare_batch(), one for each pair whatever the plugin does. An angle or a lower bound that
/// cannot be is a failed score. If the plugin throws, each pair is compared alone, and fails if it throws again.
export std::vector<Score> compare_safely(const Metric& metric, std::span<const EmbeddingPair> pairs);

/// Prepares the systems of a part that are `needed` (indices), the others stay without an embedding, and brings them to
/// the metric's common form unless each pair is compared as if there were no others. Warnings are told to `progress`.
export std::vector<PreparedSystem> prepare(const ChosenMetric& metric, const Part& part,
                                           std::span<const std::size_t> needed, PreparedSystems& prepared, int jobs,
                                           Progress& progress, const std::function<void()>& advance = {});

/// The results of a range, in the order of its pairs, and what they took of one thread.
export using Finished = std::function<void(std::size_t range, std::vector<PairResult> results, double seconds)>;

/// Compares ranges of a part's pairs on `jobs` threads. `finished` is called once for each range, by any thread. All
/// batches of all ranges are one loop, so that the last range does not leave threads idle. Throws Stopped.
export void compare(const ChosenMetric& metric, const Part& part, std::span<const PreparedSystem> prepared,
                    std::span<const PairRange> ranges, int jobs, const Progress& progress, const Finished& finished);

/// Results that are kept while others are still to come. `pair` is an index into Part::pairs.
export struct KeptPairs {
    std::function<std::optional<PairResult>(std::size_t pair)> find;
    std::function<void(std::size_t pair, const PairResult& result)> add;  ///< called by any thread
};

/// Prepares all systems of a part and compares all its pairs that are not `kept` yet; the results are in the order of
/// Part::pairs.
export std::vector<PairResult> compare_all(const ChosenMetric& metric, const Part& part, PreparedSystems& prepared,
                                           int jobs, Progress& progress, const KeptPairs& kept = {});

}  // namespace repal
