module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>
export module repal.study;

import repal.config;
import repal.registry;
import repal.progress;
export import repal.items;
export import repal.report;
export import repal.store;

namespace repal {

/// Which items of a study are meant; an empty selection means all.
export struct Selection {
    /// Attributes of items and their values, e.g. n_rnn and 128; several values of one attribute mean any of them.
    std::vector<std::pair<std::string, std::string>> where;
    std::vector<std::string> experiments = {};        ///< names, or what follows "<ruleset>/" in them
    std::string job = {};                             ///< see Item::job_name()
    std::optional<std::set<std::string>> items = {};  ///< names

    /// Whether job and names are those of the item, as far as they are said.
    bool includes(const Item& item) const;
};

/// What a run was asked to do.
export struct RunOptions {
    std::filesystem::path results;  ///< the study's own folder
    Shard shard;
    int jobs = 1;
    std::string command;  ///< as typed, for provenance
    Selection selection = {};
};

/// What a stage needs of another one.
export struct Need {
    std::string stage;
    /// Names of the items without which the stage cannot do its part. They are made first if nobody has made them yet.
    /// Null: none.
    std::function<std::set<std::string>(const RunOptions& options)> items = {};
};

/// Items of a study that can be done in any order, by any process, each once.
export struct Stage {
    std::string name;
    std::vector<Need> needs;

    /// The selected items. Throws InputError if the selection names what is not there.
    std::function<PlannedItems(const std::filesystem::path& results, const Selection& selection)> plan;

    /// Does the selected items of the shard that are not done.
    std::function<void(const RunOptions& options, Progress& progress)> run;
};

/// The items of all stages, in the order of the stages.
export using Plan = std::vector<std::pair<std::string, PlannedItems>>;

/// How many items of a plan are in that state.
export std::size_t count(const Plan& plan, ItemState state);

/// A job script of a cluster and those that must have ended before it begins.
export struct Job {
    std::string name;  ///< sbatch/<name>.sh
    std::vector<std::string> after = {};
};

/// What the items show that are there: found once, then written, printed and shown.
export struct Findings {
    std::vector<std::pair<std::string, Table>> tables;  ///< by the name of their file
    std::vector<std::pair<std::string, Archive>> archives = {};
    std::vector<Table> overview;  ///< for the terminal
    std::string failures;         ///< how many failed and where they are listed; empty if none
    Report report;                ///< title, summary and sections
};

/// A list of stages, and what is found when they are done.
export class Study {
 public:
    virtual ~Study();
    Study(const Study&) = delete;
    Study& operator=(const Study&) = delete;

    /// The stages in the order in which a run does them.
    const std::vector<Stage>& stages() const { return stages_; }

    /// Throws InputError, with the nearest name, if there is no stage of this name.
    const Stage& stage(const std::string& name) const;

    /// The items of all stages, with their states in a results folder.
    Plan plan(const std::filesystem::path& results) const;

    /// What to submit to a cluster, in this order.
    std::vector<Job> jobs(const Plan& plan) const;

    /// Does the items of a stage, and those of others before that it needs and nobody has made.
    void run(const Stage& stage, const RunOptions& options, Progress& progress) const;

    /// Whether what is there belongs to another configuration.
    bool has_others(const std::filesystem::path& results) const;

    /// How many networks, or what else is as dear, belong to another configuration and would be made anew.
    virtual std::size_t n_replaced(const std::filesystem::path& results) const;

    /// Writes config.yaml, and removes the tables of another configuration, so that none stands beside it.
    void begin(const std::filesystem::path& results) const;

    /// Before items are done: tables that are there will not be of them.
    void forget_tables(const std::filesystem::path& results) const;

    /// Whether the tables are of this configuration and the items that are there, and none is missing or cut off.
    bool has_tables(const std::filesystem::path& results) const;

    /// What the items that are done or failed show. Costly: it reads all of them and makes the statistics.
    virtual Findings find(const std::filesystem::path& results) const = 0;

    /// Tables and manifest.json, of a study that is done.
    void write(const Findings& findings, const RunOptions& options) const;

    /// The page: the report that was found, where it comes from, and what of the plan is missing.
    Report page(const Findings& findings, const Plan& plan, const RunOptions& options) const;

 protected:
    Study(std::string name, const Config& config, const Registry& registry);

    /// The names of all files that write() may make, a '*' standing for whatever a configuration names, so that begin()
    /// can remove those of another configuration.
    virtual std::vector<std::string> tables() const = 0;

    std::vector<Stage> stages_;

 private:
    /// With the bytes of each table.
    std::string manifest(const RunOptions& options, const std::map<std::string, std::uintmax_t>& tables) const;
    Section missing(const Plan& plan) const;

    std::string name_;
    std::string config_yaml_;
    std::string config_file_;
    std::int64_t seed_;
    std::vector<std::string> plugins_;
};

/// The items that a shard has to do: its own that are not done, as indices.
export std::vector<std::size_t> unfinished(const PlannedItems& items, const Shard& shard);

}  // namespace repal
