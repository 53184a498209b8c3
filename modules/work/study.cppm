module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>
export module repal.study;

import repal.config;
import repal.registry;
import repal.progress;
export import repal.items;
export import repal.report;

namespace repal {

/// Which part of a study is meant; all, if nothing is said.
export struct Selection {
    std::vector<std::string> groups;
    std::vector<std::pair<std::string, std::string>> where;  ///< hyperparameters and their values
    std::vector<std::string> experiments = {};               ///< names, or what follows "<ruleset>/" in them
};

/// What a run was asked to do.
export struct RunOptions {
    std::filesystem::path results;  ///< the study's own folder
    Shard shard;
    int jobs = 1;
    std::string command;  ///< as typed, for provenance
    Selection selection = {};
};

/// What came out of all stages.
export struct Outcome {
    bool is_complete = false;   ///< no item is missing; otherwise nothing was written
    std::vector<Table> tables;  ///< for the terminal
    std::string failures;       ///< how many failed and where they are listed; empty if none
};

/// Work in stages, each made of items that can be done in any order, by any process, and once.
export class Study {
 public:
    virtual ~Study();

    /// In their order.
    virtual std::vector<std::string> stages() const = 0;

    /// Throws InputError, with the nearest name, if there is no stage of this name.
    void require_stage(const std::string& stage) const;

    /// The selected items of a stage with their states. Throws InputError if the selection names what is not there.
    virtual std::vector<std::pair<Item, ItemState>> plan(const std::filesystem::path& results, const std::string& stage,
                                                         const Selection& selection) const = 0;

    /// Does the items of the shard that are not done.
    virtual void run_stage(const std::string& stage, const RunOptions& options, Progress& progress) const = 0;

    /// Writes config.yaml, and removes the tables of another configuration, so that none stands beside it.
    void begin(const std::filesystem::path& results) const;

    /// Writes tables and manifest.json, once all items are there.
    Outcome finish(const RunOptions& options) const;

    /// What the items show that are there, and what is missing.
    Report report(const RunOptions& options) const;

 protected:
    Study(std::string name, const Config& config, const Registry& registry);

    /// Names of the files that write_tables() writes.
    virtual std::vector<std::string> tables() const = 0;
    virtual Outcome write_tables(const RunOptions& options) const = 0;

    /// Title, summary and sections of the report.
    virtual Report findings(const RunOptions& options) const = 0;

 private:
    std::string manifest(const RunOptions& options) const;
    Section missing(const RunOptions& options) const;

    std::string name_;
    std::string config_yaml_;
    std::string config_file_;
    std::int64_t seed_;
    std::vector<std::string> plugins_;
};

/// The items that a shard has to do: its own that are not done, as indices.
export std::vector<std::size_t> unfinished(const std::vector<std::pair<Item, ItemState>>& items, const Shard& shard);

}  // namespace repal
