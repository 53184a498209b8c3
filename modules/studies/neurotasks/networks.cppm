module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>
export module repal.neurotask_networks;

import repal.checkpoint;
import repal.config;
import repal.progress;
export import repal.curriculum;
export import repal.neurotask_data;

namespace repal {

/// A network to be trained. Curricula that pretrain alike share the pretrained network of their replicate.
export struct NetworkItem : Item {
    const Ruleset* ruleset;
    const Setting* setting;
    std::string group;             ///< the name of the curriculum, or of pretraining
    const Curriculum* curriculum;  ///< null: a pretrained network that others go on from
    std::int64_t replicate;
    std::vector<std::size_t> rules;  ///< that it learns
    rnn::Wanted trainable;
    std::size_t parent;  ///< the item of the pretrained network that it goes on from; itself: new weights
};

export struct NetworkResult {
    const NetworkItem* item;
    bool is_done = false;
    std::string cause = {};  ///< if it failed
    int epochs = 0;
    std::int64_t updates = 0;
    double smallest_fraction = 0;  ///< see EpochRecord

    /// On the validation data of one task that it learns.
    struct OnTask {
        std::size_t rule;
        double performance;
        std::optional<double> corrected;  ///< (performance - chance) / (ideal - chance); none: that is not known
    };
    std::vector<OnTask> learned = {};
    bool is_trained = false;  ///< see NeurotaskNetworks::trained_fraction()
};

/// All networks of a study: networks/<ruleset>/<setting>/r<replicate>/<group>/.
export class NeurotaskNetworks {
 public:
    /// Reads `rulesets`, `curricula`, `networks` and `training` of the study. Throws InputError for whatever is wrong
    /// there. `whole_config` is written to networks.yaml beside what is trained.
    NeurotaskNetworks(const Config& study, std::uint64_t seed, const NeurotaskData& data, std::string whole_config);
    NeurotaskNetworks(const NeurotaskNetworks&) = delete;
    NeurotaskNetworks& operator=(const NeurotaskNetworks&) = delete;

    /// All networks by ruleset, setting, replicate and group; a pretrained one is before those that go on from it.
    const std::vector<NetworkItem>& items() const { return items_; }
    const std::vector<Ruleset>& rulesets() const { return rulesets_; }
    const std::vector<Setting>& settings() const { return settings_; }
    Keep keep() const { return keep_; }
    double target_fraction() const { return training_.target_fraction; }
    /// A network counts as trained if it has come so far from chance to the ideal observer, on every task that it
    /// learns, and so has the pretrained network that it goes on from.
    double trained_fraction() const { return trained_fraction_; }

    /// The selected ones and the pretrained networks that they go on from. Throws InputError if the selection names
    /// what is not there.
    std::vector<std::size_t> selected(const Selection& selection) const;
    /// By which networks are selected, e.g. n_rnn = 128: their hyperparameters, and `group`, what they learn.
    static std::vector<std::pair<std::string, std::string>> attributes(const NetworkItem& item);

    std::set<std::string> learned_tasks(const std::vector<std::size_t>& chosen) const;

    rnn::NetworkShape shape_of(const NetworkItem& item) const;
    static std::filesystem::path folder(const NetworkItem& item, const std::filesystem::path& results);
    static ItemState state(const NetworkItem& item, const std::filesystem::path& results);

    PlannedItems plan(const std::filesystem::path& results, const Selection& selection) const;

    /// How many networks of another configuration train() would replace.
    std::size_t n_others(const std::filesystem::path& results) const;

    /// Names of the data that train() reads.
    std::set<std::string> needed_data(const RunOptions& options) const;

    /// Trains what is not done of the shard, and the pretrained networks that it needs and nobody has trained yet.
    void train(const RunOptions& options, Progress& progress) const;

    std::vector<NetworkResult> results(const std::filesystem::path& results) const;

 private:
    using DataByTask = std::map<std::string, std::pair<Dataset, Dataset>>;  ///< training and validation

    void make_items();
    TrainingOptions options_of(const NetworkItem& item) const;
    double work_of(const NetworkItem& item) const;
    double bytes_of(const NetworkItem& item) const;
    void record_config(const std::filesystem::path& results) const;
    void train(const std::vector<std::size_t>& chosen, const DataByTask& data, const RunOptions& options,
               Progress& progress) const;
    void train(const NetworkItem& item, const DataByTask& data, const std::filesystem::path& results,
               Progress& progress) const;
    /// What train() has to do: networks with new weights, and then those that go on from others.
    struct ToTrain {
        std::vector<std::size_t> first;
        std::vector<std::size_t> then;

        std::vector<std::size_t> all() const;
    };
    ToTrain to_train(const RunOptions& options) const;
    std::vector<DataItem> learned_data(const ToTrain& networks) const;
    DataByTask load_data(const ToTrain& networks, const std::filesystem::path& results) const;

    const NeurotaskData& data_;
    std::uint64_t seed_;
    std::string whole_config_;
    std::vector<Ruleset> rulesets_;
    std::vector<Setting> settings_;
    std::int64_t replicates_ = 1;
    double tau_ms_ = 100;
    int checkpoint_every_ = 1;
    Keep keep_ = Keep::all;  ///< of checkpoints
    double trained_fraction_ = 0.8;
    TrainingOptions training_;
    std::vector<NetworkItem> items_;
};

/// A row for each network.
export Table networks_table(const std::vector<NetworkResult>& results);

/// A row for each network and task that it learns.
export Table learned_table(const std::vector<NetworkResult>& results);

/// A line for each group, for the terminal.
export Table training_table(std::span<const NetworkResult> results, double target_fraction);

}  // namespace repal
