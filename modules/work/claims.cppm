module;
#include <cstddef>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
export module repal.claims;

export import repal.progress;
export import repal.items;

namespace repal {

/// Lets each item be done by one of the processes that share a results folder. A claim is a lock on the item's byte of
/// the file cells/.claims, and ends with its process, however that ends. Where the file system has no locks, every
/// process may take every item: work is done twice, to the same bytes.
export class Claims {
 public:
    Claims(const std::filesystem::path& results, Progress& progress)
        : file_(results / "cells" / ".claims"), progress_(progress) {}
    Claims(const Claims&) = delete;
    Claims& operator=(const Claims&) = delete;
    ~Claims();

    /// Claims the item; false if another process has claimed it. All threads of one object share its claims, so that no
    /// two of them may take the same item.
    bool take(const Item& item);
    void release(const Item& item) const;

    /// Whether some process, this one included, has claimed the item. Claims nothing.
    bool is_taken(const Item& item) const;

 private:
    int descriptor();

    std::filesystem::path file_;
    Progress& progress_;
    std::mutex opening_;
    int descriptor_ = -1;
    bool has_locks_ = true;
};

/// Of work that is one item of a stage: what it says is heard, its own stages are not.
export class ProgressOfItem final : public Progress {
 public:
    explicit ProgressOfItem(Progress& outer) : outer_(outer) {}
    void warn(const std::string& source, const std::string& text) override { outer_.warn(source, text); }
    void say(const std::string& text) override { outer_.say(text); }
    bool is_stop_requested() const override { return outer_.is_stop_requested(); }

 private:
    Progress& outer_;
};

/// Items that several processes may want at once, as indices.
export struct SharedItems {
    std::size_t n = 0;
    std::function<const Item&(std::size_t)> item;
    std::function<ItemState(std::size_t)> state;
    std::function<void(std::size_t)> work;  ///< writes the item
};

/// Does the items that are not done, each in one process, on `jobs` threads. Returns when all are done or failed, in
/// this process or in another; an item whose process dies is done here. Throws Stopped.
export void do_shared(const SharedItems& items, Claims& claims, int jobs, Progress& progress);

/// The loop of do_shared(), for work that takes items in its own way, e.g. several at once.
///
/// do_free(settled) does the items that no other process has claimed and whose state is below `settled` (missing <
/// failed < done); it returns how many it left to others. It is called until it leaves none, with pauses. The first
/// call, do_free(done), tries again what failed in earlier runs. Later calls, do_free(failed), do not: what another
/// process has just failed to do would fail here, too. Throws Stopped.
export void repeat_until_settled(const std::function<std::size_t(ItemState settled)>& do_free, Progress& progress);

}  // namespace repal
