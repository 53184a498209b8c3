module;
#include <sched.h>

#include <cstddef>
#include <mutex>
#include <string>

#include "repal.h"
module library.calls;

import repal.error;

namespace library {

Calls::Calls(const repal_calls* calls) {
    if (calls != nullptr) calls_ = *calls;
    if (calls_.threads < 0) throw repal::InputError("threads", "expected a number, or 0 for all");
}

int Calls::threads() const {
    if (calls_.threads > 0) return calls_.threads;
    cpu_set_t processors;
    return sched_getaffinity(0, sizeof processors, &processors) == 0 ? CPU_COUNT(&processors) : 1;
}

void Calls::begin(const std::string& stage, std::size_t total) {
    const std::lock_guard lock(mutex_);
    stage_ = stage;
    done_ = 0;
    total_ = total;
    tell();
}

void Calls::advance() {
    const std::lock_guard lock(mutex_);
    ++done_;
    tell();
}

void Calls::warn(const std::string& of, const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (calls_.warn != nullptr) calls_.warn(calls_.user, of.c_str(), text.c_str());
}

bool Calls::is_stop_requested() const {
    const std::lock_guard lock(mutex_);
    tell();  // so that long items can be stopped, too
    return is_stopped_;
}

void Calls::tell() const {
    if (calls_.progress == nullptr || is_stopped_) return;
    is_stopped_ = calls_.progress(calls_.user, stage_.c_str(), done_, total_) != 0;
}

}  // namespace library
