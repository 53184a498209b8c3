module;
#include <cstddef>
#include <filesystem>
#include <functional>
#include <mutex>
export module repal.claims;

export import repal.reporter;
export import repal.cells;

namespace repal {

/// Who is doing which cell, of all processes that share a results folder: locks on bytes of cells/.claims, one byte for
/// each cell. A lock ends with its process, however that ends. Where the file system has no locks every process may
/// take every cell: work is done twice, to the same bytes.
export class Claims {
 public:
    Claims(const std::filesystem::path& results, Reporter& reporter)
        : file_(results / "cells" / ".claims"), reporter_(reporter) {}
    Claims(const Claims&) = delete;
    Claims& operator=(const Claims&) = delete;
    ~Claims();

    /// False if another process is doing the cell. Of one object a cell is taken by one thread.
    bool take(const Cell& cell);
    void release(const Cell& cell) const;

    /// By another process.
    bool is_taken(const Cell& cell) const;

 private:
    int descriptor();

    std::filesystem::path file_;
    Reporter& reporter_;
    std::mutex opening_;
    int descriptor_ = -1;
    bool has_locks_ = true;
};

/// Cells that several processes may want at once, as indices.
export struct SharedCells {
    std::size_t n = 0;
    std::function<const Cell&(std::size_t)> cell;
    std::function<CellState(std::size_t)> state;
    std::function<void(std::size_t)> work;  ///< writes the cell
};

/// Does what is not done, each cell in one process, on `jobs` threads; ends when all are done or failed, whoever did
/// them. A cell whose process dies is done here.
export void do_shared(const SharedCells& cells, Claims& claims, int jobs, Reporter& reporter);

/// For work that takes cells in its own way: `do_free` does those that no other process is doing and that are not
/// settled as well as it is told, and says how many it left. Called until none is left, with pauses.
export void repeat_until_settled(const std::function<std::size_t(CellState settled)>& do_free, Reporter& reporter);

}  // namespace repal
