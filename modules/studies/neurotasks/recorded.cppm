module;
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
export module repal.neurotask_recorded;

export import repal.experiment;
export import repal.neurotask_networks;

namespace repal {

/// What of a network's activity is compared: all units in a period of the first trials of stored test data.
export struct Window {
    DataItem data;
    std::size_t rule = 0;  ///< of the data's task
    std::string period;
    double skip_ms = 0;      ///< at the start of the period
    Eigen::Index steps = 0;  ///< that are left
    std::size_t trials = 0;
};

/// What two states of different networks have in common when one is matched to the other.
export enum class Match : std::uint8_t { fraction, performance, samples };
export inline constexpr Names<Match, 3> match_names = {
    {{Match::fraction, "fraction"}, {Match::performance, "performance"}, {Match::samples, "samples"}}};

/// A state in training: at a fraction of a network's own updates, among the states that have checkpoints. If it is
/// matched to a reference: the state nearest in validation performance or sequences seen to the reference's state at
/// that fraction of its own training. 0 is always the first state, 1 the last.
export struct TrainingPoint {
    double fraction = 1;
    Match match = Match::fraction;
    const NetworkItem* reference = nullptr;
};

/// What is done to the activity, to see what a metric makes of it; `itself`: nothing, but it is observed once more.
export enum class Change : std::uint8_t { none, itself, permuted_units, rotated_units, shuffled_time };
export std::string_view to_string(Change change);

/// A trained network at work.
export class Recorded final : public System {
 public:
    Recorded(const NeurotaskNetworks& networks, const NetworkItem& network, Window window, TrainingPoint point = {},
             Change change = Change::none);

    const NetworkItem& network() const { return network_; }
    const Window& window() const { return window_; }

    /// Whether this is the network at the end of its training, with its activity unchanged.
    bool is_trained_network() const { return point_.fraction >= 1 && change_ == Change::none; }

    std::string identity() const override;
    bool is_ready(const std::filesystem::path& results) const override;
    std::size_t bytes() const override;
    Observed observe(const std::filesystem::path& results) const override;

 private:
    std::vector<EpochRecord> states(const NetworkItem& network, const std::filesystem::path& results) const;
    const EpochRecord& chosen(const std::vector<EpochRecord>& own, const std::filesystem::path& results) const;
    double performance(const EpochRecord& record, const NetworkItem& network) const;
    Network network_at(const std::vector<EpochRecord>& own, const EpochRecord& record,
                       const std::filesystem::path& results) const;

    const NeurotaskNetworks& networks_;
    const NetworkItem& network_;
    Window window_;
    TrainingPoint point_;
    Change change_;
};

}  // namespace repal
