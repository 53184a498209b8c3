module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>
export module repal.neurotasks;

import repal.config;
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
/// every task of a ruleset. Table: data.csv.
export class NeurotaskStudy final : public Study {
 public:
    /// Reads `seed` and `studies.neurotasks`. Throws InputError for whatever is wrong there.
    NeurotaskStudy(const Config& config, const Registry& registry);

    std::vector<std::string> stages() const override;
    std::vector<std::pair<Cell, CellState>> plan(const std::filesystem::path& results,
                                                 const std::string& stage) const override;
    void run_stage(const std::string& stage, const RunOptions& options, Reporter& reporter) const override;

 private:
    /// A dataset to be made: a task and one of its splits.
    struct DataCell : Cell {
        std::size_t task;
        std::string split;
        DatasetRecipe recipe;
    };

    Outcome write_tables(const RunOptions& options) const override;
    std::vector<DataCell> data_cells() const;
    void generate(const DataCell& cell, const RunOptions& options) const;

    std::uint64_t seed_;
    std::vector<NamedTask> tasks_;
    std::vector<std::pair<std::string, DatasetRecipe>> splits_;
};

}  // namespace repal
