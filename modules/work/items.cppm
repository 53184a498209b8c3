module;
#include <cstddef>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
export module repal.items;

export import repal.error;

namespace repal {

/// A piece of work with one result. The key hashes what determines the result (recipes, options, seed, versions), so
/// that a result of another configuration is never taken for this one.
export struct Item {
    std::string stage;
    std::string name;  ///< also the path of its file below cells/<stage>/
    std::string key;
    double gflop = 0;  ///< estimated work, at most; 0 if there is no estimate
    double bytes = 0;  ///< that it writes, about; 0 if there is no estimate
    std::size_t files = 1;
    std::string job = {};  ///< of a cluster that does it, sbatch/<job>.sh; empty: named like its stage

    const std::string& job_name() const { return job.empty() ? stage : job; }
};

export enum class ItemState { missing, failed, done };

/// "done", "failed" or "missing"
export std::string_view to_string(ItemState state);

/// Items of a stage, in their order, with their states.
export using PlannedItems = std::vector<std::pair<Item, ItemState>>;

/// Every n-th item, for job arrays: item number i belongs to shard i mod count.
export struct Shard {
    std::size_t index = 0;
    std::size_t count = 1;
    bool owns(std::size_t item) const { return item % count == index; }
};

/// Results of items on disk. A file appears whole or not at all; a file with another key counts as missing.
export class ItemFiles {
 public:
    explicit ItemFiles(const std::filesystem::path& results) : folder_(results / "cells") {}

    ItemState state(const Item& item) const;

    /// The state of an item that has a `file` as well, e.g. a dataset: done only if the file carries the item's key.
    ItemState state(const Item& item, const std::filesystem::path& file) const;

    /// What write() was given; nothing unless the item is done or failed. Throws InputError if that was changed since
    /// and is not JSON any more.
    std::optional<nlohmann::json> read(const Item& item) const;

    /// What to say of a result that is not what a program wrote: the file, and what to do.
    InputError was_changed(const Item& item) const;

    /// `json` is JSON in one line. Failed items are kept, listed, and done again by the next run.
    void write(const Item& item, ItemState state, const std::string& json) const;

 private:
    std::filesystem::path file(const Item& item) const;

    std::filesystem::path folder_;
};

}  // namespace repal
