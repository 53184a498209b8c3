module;
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>
module repal.parallel;

namespace repal {

void for_each_index(std::size_t n, int jobs, const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::size_t failed = n;
    std::exception_ptr failure;
    const auto take_indices = [&] {
        for (std::size_t i = 0; (i = next++) < n;) {
            try {
                work(i);
            } catch (...) {
                next = n;  // those below i are begun already and will end
                const std::lock_guard lock(mutex);
                if (i >= failed) continue;
                failed = i;
                failure = std::current_exception();
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 1; t < std::min(n, static_cast<std::size_t>(jobs)); ++t)
            threads.emplace_back(take_indices);
        take_indices();
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace repal
