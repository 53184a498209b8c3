module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>
export module repal.neurotasks;

import repal.checkpoint;
import repal.config;
import repal.curriculum;
import repal.dataset;
import repal.registry;
import repal.reporter;
export import repal.study;

namespace repal {

/// A task plugin with its options, under the name that the study gives it.
export struct NamedTask {
    std::string name;
    std::string text;  ///< plugin, version and all options in one line, for keys
    TaskInfo info;
    std::shared_ptr<const Task> task;
};

/// The second study: networks trained on compositions of tasks. Stage "generate" writes data/<task>-<split>.h5 for
/// every task of a ruleset, "train" writes networks/<ruleset>/<setting>/r<replicate>/<group>/ and makes the data that
/// it needs and that are not there yet. Tables: data.csv, networks.csv, failures.csv.
export class NeurotaskStudy final : public Study {
 public:
    /// Reads `seed` and `studies.neurotasks`. Throws InputError for whatever is wrong there.
    NeurotaskStudy(const Config& config, const Registry& registry);

    std::vector<std::string> stages() const override;
    std::vector<std::pair<Cell, CellState>> plan(const std::filesystem::path& results, const std::string& stage,
                                                 const Selection& selection) const override;
    void run_stage(const std::string& stage, const RunOptions& options, Reporter& reporter) const override;

 private:
    /// A dataset to be made: a task and one of its splits.
    struct DataCell : Cell {
        std::size_t task;
        std::string split;
        DatasetRecipe recipe;
    };

    /// A network to be trained. Groups that pretrain alike share the pretrained network of their replicate.
    struct NetworkCell : Cell {
        const Ruleset* ruleset;
        const Setting* setting;
        std::string group;
        std::int64_t replicate;
        std::vector<std::size_t> rules;  ///< that it learns
        rnn::Wanted trainable;
        std::size_t parent;  ///< the cell of the pretrained network that it goes on from; itself: new weights
    };

    struct NetworkResult {
        NetworkCell cell;
        bool is_done = false;
        std::string cause = {};  ///< if it failed
        int epochs = 0;
        std::int64_t updates = 0;
        double smallest_fraction = 0;  ///< see EpochRecord
    };

    using DataByTask = std::map<std::string, std::pair<Dataset, Dataset>>;  ///< training and validation

    Outcome write_tables(const RunOptions& options) const override;
    std::vector<DataCell> data_cells() const;
    std::vector<DataCell> data_cells(const std::set<std::string>& tasks) const;
    std::vector<DataCell> data_cells(const Selection& selection) const;
    std::vector<NetworkCell> network_cells() const;
    std::string data_keys(const Ruleset& ruleset, const std::vector<std::size_t>& rules) const;
    std::vector<std::size_t> selected(const std::vector<NetworkCell>& cells, const Selection& selection) const;
    const NamedTask& task(const std::string& name) const;
    rnn::NetworkShape shape_of(const NetworkCell& cell) const;
    TrainingOptions options_of(const NetworkCell& cell) const;
    double work_of(const NetworkCell& cell) const;

    void generate(const RunOptions& options, Reporter& reporter) const;
    void generate(const std::vector<DataCell>& cells, const RunOptions& options, Reporter& reporter) const;
    void generate(const DataCell& cell, const RunOptions& options) const;
    void train(const RunOptions& options, Reporter& reporter) const;
    void train(const std::vector<NetworkCell>& cells, const std::vector<std::size_t>& chosen, const DataByTask& data,
               const RunOptions& options, Reporter& reporter) const;
    void train(const std::vector<NetworkCell>& cells, const NetworkCell& cell, const DataByTask& data,
               const std::filesystem::path& results, Reporter& reporter) const;
    DataByTask load_data(const std::vector<DataCell>& cells, const std::filesystem::path& results) const;
    static std::set<std::string> learned_tasks(const std::vector<NetworkCell>& cells,
                                               const std::vector<std::size_t>& chosen);
    std::vector<NetworkResult> network_results(const std::filesystem::path& results) const;
    std::vector<std::vector<std::string>> table_of_groups(const std::vector<NetworkResult>& results) const;
    static std::filesystem::path data_file(const std::filesystem::path& results, const DataCell& cell);
    static CellState state_of(const DataCell& cell, const std::filesystem::path& results);
    static CellState state_of(const NetworkCell& cell, const std::filesystem::path& results);
    void write_data_table(const std::filesystem::path& results) const;

    std::uint64_t seed_;
    std::vector<NamedTask> tasks_;
    std::vector<std::pair<std::string, DatasetRecipe>> splits_;
    std::vector<Ruleset> rulesets_;
    std::vector<Setting> settings_;
    std::int64_t replicates_ = 1;
    double tau_ms_ = 100;
    int checkpoint_every_ = 1;
    TrainingOptions training_;
};

}  // namespace repal
