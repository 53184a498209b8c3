module;
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
export module repal.cells;

namespace repal {

/// A piece of work with one result. The key hashes what determines the result (recipes, options, seed, versions), so
/// that a result of another configuration is never taken for this one.
export struct Cell {
    std::string stage;
    std::string name;  ///< also the path of its file below cells/
    std::string key;
    double gflop = 0;  ///< estimated work, at most; 0 if there is no estimate
};

/// The key that a result in an HDF5 file carries; none if there is no such file or it is damaged.
export std::optional<std::string> key_in(const std::filesystem::path& file);

export enum class CellState { missing, failed, done };

/// "done", "failed" or "missing"
export std::string_view to_string(CellState state);

/// Every n-th cell, for job arrays: cell number i belongs to shard i mod count.
export struct Shard {
    std::size_t index = 0;
    std::size_t count = 1;
    bool owns(std::size_t cell) const { return cell % count == index; }
};

/// Results of cells on disk. A file appears whole or not at all; a file with another key counts as missing.
export class CellFiles {
 public:
    explicit CellFiles(std::filesystem::path results) : folder_(std::move(results) / "cells") {}

    CellState state(const Cell& cell) const;

    /// Of a cell whose result is in a file of its own, too: done only if that file has its key.
    CellState state(const Cell& cell, const std::filesystem::path& file) const;

    /// The JSON text that write() was given; nothing unless the cell is done or failed.
    std::optional<std::string> read(const Cell& cell) const;

    /// Failed cells are kept, listed, and done again by the next run.
    void write(const Cell& cell, CellState state, const std::string& json) const;

 private:
    std::filesystem::path file(const Cell& cell) const;

    std::filesystem::path folder_;
};

}  // namespace repal
