module;
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>
module repal.claims;

import repal.hash;
import repal.parallel;

namespace repal {
namespace {

/// Locks of an open file: unlike those of a process they do not end when another descriptor is closed.
struct flock byte_of(const Item& item, short type) {
    struct flock lock{};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(hash(item.stage + "/" + item.name) >> 2);
    lock.l_len = 1;
    return lock;
}

}  // namespace

Claims::~Claims() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

int Claims::descriptor() {
    const std::lock_guard lock(opening_);
    if (descriptor_ >= 0 || !has_locks_) return descriptor_;
    std::error_code ignored;  // opening says it, too
    std::filesystem::create_directories(file_.parent_path(), ignored);
    descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    struct flock probe = byte_of({}, F_WRLCK);
    has_locks_ = descriptor_ >= 0 && ::fcntl(descriptor_, F_OFD_GETLK, &probe) == 0;
    if (!has_locks_)
        progress_.warn("claims",
                       fmt::format("{} cannot be locked ({}); processes that run at once may do the same items",
                                   file_.string(), std::strerror(errno)));
    return descriptor_;
}

bool Claims::take(const Item& item) {
    const int file = descriptor();
    if (!has_locks_) return true;
    struct flock lock = byte_of(item, F_WRLCK);
    return ::fcntl(file, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

void Claims::release(const Item& item) const {
    if (!has_locks_) return;
    struct flock lock = byte_of(item, F_UNLCK);
    ::fcntl(descriptor_, F_OFD_SETLK, &lock);
}

bool Claims::is_taken(const Item& item) const {
    const int file = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    struct flock lock = byte_of(item, F_WRLCK);
    const bool is_known = ::fcntl(file, F_OFD_GETLK, &lock) == 0;
    ::close(file);
    return is_known && lock.l_type != F_UNLCK;
}

void repeat_until_settled(const std::function<std::size_t(ItemState settled)>& do_free, Progress& progress) {
    constexpr std::chrono::milliseconds pause(200);
    std::size_t left = do_free(ItemState::done);
    if (left > 0) progress.say(fmt::format("waiting for {} items that other processes are doing", left));
    while (left > 0) {
        // What has just failed in another process would fail here, too.
        const std::size_t before = std::exchange(left, do_free(ItemState::failed));
        if (left < before) continue;
        progress.stop_if_requested();
        std::this_thread::sleep_for(pause);
    }
}

namespace {

/// Does the items that no other process has claimed and whose state is below `settled`; gives back those that others
/// have claimed.
std::vector<std::size_t> do_free(const SharedItems& items, const std::vector<std::size_t>& wanted, ItemState settled,
                                 Claims& claims, int jobs, Progress& progress) {
    std::mutex listing;
    std::vector<std::size_t> elsewhere;
    for_each_index(wanted.size(), jobs, [&](std::size_t place) {
        progress.stop_if_requested();
        const std::size_t i = wanted[place];
        if (!claims.take(items.item(i))) {
            const std::lock_guard lock(listing);
            elsewhere.push_back(i);
            return;
        }
        const bool is_left = items.state(i) < settled;
        if (is_left) items.work(i);
        claims.release(items.item(i));
        if (is_left)
            progress.advance();
        else
            progress.drop();
    });
    std::ranges::sort(elsewhere);
    return elsewhere;
}

}  // namespace

void do_shared(const SharedItems& items, Claims& claims, int jobs, Progress& progress) {
    std::vector<std::size_t> left(items.n);
    std::iota(left.begin(), left.end(), std::size_t{0});
    const auto do_the_free = [&](ItemState settled) {
        left = do_free(items, left, settled, claims, jobs, progress);
        return left.size();
    };
    repeat_until_settled(do_the_free, progress);
}

}  // namespace repal
