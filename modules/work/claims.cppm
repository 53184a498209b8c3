module;
#include <cstddef>
#include <filesystem>
#include <functional>
#include <mutex>
export module repal.claims;

export import repal.progress;
export import repal.items;

namespace repal {

/// Who is doing which item, of all processes that share a results folder: locks on bytes of cells/.claims, one byte for
/// each item. A lock ends with its process, however that ends. Where the file system has no locks every process may
/// take every item: work is done twice, to the same bytes.
export class Claims {
 public:
    Claims(const std::filesystem::path& results, Progress& progress)
        : file_(results / "cells" / ".claims"), progress_(progress) {}
    Claims(const Claims&) = delete;
    Claims& operator=(const Claims&) = delete;
    ~Claims();

    /// False if another process is doing the item. Of one object an item is taken by one thread.
    bool take(const Item& item);
    void release(const Item& item) const;

    /// By another process.
    bool is_taken(const Item& item) const;

 private:
    int descriptor();

    std::filesystem::path file_;
    Progress& progress_;
    std::mutex opening_;
    int descriptor_ = -1;
    bool has_locks_ = true;
};

/// Items that several processes may want at once, as indices.
export struct SharedItems {
    std::size_t n = 0;
    std::function<const Item&(std::size_t)> item;
    std::function<ItemState(std::size_t)> state;
    std::function<void(std::size_t)> work;  ///< writes the item
};

/// Does what is not done, each item in one process, on `jobs` threads; ends when all are done or failed, whoever did
/// them. An item whose process dies is done here.
export void do_shared(const SharedItems& items, Claims& claims, int jobs, Progress& progress);

/// For work that takes items in its own way: `do_free` does those that no other process is doing and that are not
/// settled as well as it is told, and says how many it left. Called until none is left, with pauses.
export void repeat_until_settled(const std::function<std::size_t(ItemState settled)>& do_free, Progress& progress);

}  // namespace repal
